"""Where each key, value and table of a TOML text stands: for error messages, and for edits.

tomllib gives lines only for mistakes of syntax. This walks a text that tomllib has accepted, and
notes where everything begins and ends. It skips values without reading them.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from typing import NamedTuple

Place = tuple[str | int, ...]

_DEEPEST = 64  # keys in one dotted key; the place of each holds all those before it
_GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANKS = re.compile(r"[ \t]*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
# A multi-line string may end in up to two quotes of its own before the closing three.
_SCALAR = re.compile(
    r'''"""(?:[^\\]|\\[\s\S])*?"{3,5}|\'\'\'[\s\S]*?'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^,\]}\n#]+'''
)


class Array(NamedTuple):
    """Where an array stands in a text, as offsets into that.

    Parameters:
    - start, end: of its brackets.
    - items: the begin and the end of each item.
    - commas: behind each item; -1 without one.
    """

    start: int
    end: int
    items: list[tuple[int, int]]
    commas: list[int]


class Header(NamedTuple):
    """Where the header of a table stands: its `place`, and the offsets of its brackets."""

    place: Place
    start: int
    end: int


class Pair(NamedTuple):
    """Where a key and its value stand, as offsets into the text.

    Parameters:
    - place: the whole of it, from the top.
    - header: the number of the header above, -1 without one.
    - braces: the start of the inline table around it, -1 without one.
    - start: of the key.
    - keys: where each part of the key ends.
    - value, end: of the value.
    """

    place: Place
    header: int
    braces: int
    start: int
    keys: list[int]
    value: int
    end: int


class Layout(NamedTuple):
    """Where everything stands in a text.

    Parameters:
    - headers, pairs: in the order of the text, but for pairs inside of a value.
    - arrays: by place.
    - inline: tables in braces: by place, the begin and the end.
    """

    headers: list[Header]
    pairs: list[Pair]
    arrays: dict[Place, Array]
    inline: dict[Place, tuple[int, int]]


def layout(text: str) -> Layout:
    """Return where everything stands in `text`, TOML that tomllib accepts."""
    walk = _Walk(text)
    walk.document()
    return walk.layout


def key_lines(text: str) -> dict[Place, int]:
    """Return the line (from 1) on which each key, table and array item of `text` begins.

    Parameters: `text`, TOML that tomllib accepts. A place is the keys from the top, with the index
    of an array item as a number: `("profiles", "dev", "services", 0)`.
    """
    walk = _Walk(text.replace("\r\n", "\n"))
    walk.document()
    return walk.found


def line_of(place: Place, text: str) -> int | None:
    """Return the line of `place` in `text`, else of the nearest table around it, else None."""
    try:
        found = key_lines(text)
    except RecursionError:
        return None  # nested arrays: tomllib accepts deeper ones than we can walk
    while place and place not in found:
        place = place[:-1]
    return found.get(place)


class _Walk:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Place, int] = {}
        self.layout = Layout([], [], {}, {})
        self._ends = [match.start() for match in re.finditer("\n", text)]
        self._tables: dict[Place, int] = {}

    def document(self) -> None:
        table: Place = ()
        self._step(_GAP)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._step(_GAP)

    def _header(self) -> Place:
        line, start = self._line(), self.at
        brackets = 2 if self.text.startswith("[[", self.at) else 1
        self.at += brackets
        place: Place = ()
        *outer, last = self._keys()[0]
        for key in outer:
            place = self._note((*place, key), line)
            # A table below an array of tables is in the array's last item.
            if place in self._tables:
                place = (*place, self._tables[place])
        place = self._note((*place, last), line)
        if brackets == 1:
            self.found[place] = line  # a table inside of it may stand above its own header
        else:
            self._tables[place] = self._tables.get(place, -1) + 1
            place = self._note((*place, self._tables[place]), line)
        self.at += brackets
        self.layout.headers.append(Header(place, start, self.at))
        return place

    def _pair(self, table: Place, braces: int = -1) -> None:
        line, start = self._line(), self.at
        keys, ends = self._keys()
        for key in keys:
            table = self._note((*table, key), line)
        self.at += 1  # the equals sign
        self._step(_BLANKS)
        value = self.at
        self._value(table)
        end = value + len(self.text[value : self.at].rstrip())
        above = len(self.layout.headers) - 1
        self.layout.pairs.append(Pair(table, above, braces, start, ends, value, end))

    def _keys(self) -> tuple[list[str], list[int]]:
        keys: list[str] = []
        ends: list[int] = []
        while not keys or self.text[self.at] == ".":
            self.at += bool(keys)
            self._step(_BLANKS)
            word = self._step(_KEY)
            keys.append(tomllib.loads(f"key = {word}")["key"] if word[0] in "\"'" else word)
            ends.append(self.at)
            self._step(_BLANKS)
        return keys[:_DEEPEST], ends

    def _value(self, place: Place) -> None:
        self._step(_BLANKS)
        if self.text[self.at] == "[":
            self._items("]", place)
        elif self.text[self.at] == "{":
            self._items("}", place)
        else:
            self._step(_SCALAR)

    def _items(self, closing: str, place: Place) -> None:
        index, start = 0, self.at
        items, commas = [], []
        self.at += 1
        self._step(_GAP)
        while self.text[self.at] != closing:
            if closing == "}":
                self._pair(place, start)
            else:
                begin = self.at
                self._value(self._note((*place, index), self._line()))
                items.append((begin, self.at))
            index += 1
            self._step(_GAP)
            commas.append(self.at if self.text[self.at] == "," else -1)
            self.at += commas[-1] >= 0
            self._step(_GAP)
        self.at += 1
        if closing == "]":
            self.layout.arrays[place] = Array(start, self.at, items, commas)
        else:
            self.layout.inline[place] = (start, self.at)

    def _step(self, pattern: re.Pattern[str]) -> str:
        """Move over what `pattern` matches here, and return it."""
        match = pattern.match(self.text, self.at)
        assert match is not None  # noqa: S101  # for mypy: tomllib has accepted the text
        self.at = match.end()
        return match[0]

    def _note(self, place: Place, line: int) -> Place:
        self.found.setdefault(place, line)
        return place

    def _line(self) -> int:
        return bisect_right(self._ends, self.at - 1) + 1
