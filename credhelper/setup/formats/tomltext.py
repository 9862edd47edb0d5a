"""TOML: lines below a header that is there, or a table of our own at the end.

To an inline table or to dotted keys, tomlkit adds the entry there.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from credhelper.config.toml_lines import Place
from credhelper.setup.draft import Draft, line_spans
from credhelper.setup.formats import Leaf, Made, documents, tomlplaces
from credhelper.setup.plan import Entry

# tomllib takes quadratic time for a key without end.
_LONGEST_KEY = 1000
_LONG_KEY = re.compile(
    r"""(?:(?<![\w-])[\w-]+[ \t]*\.[ \t]*|"[^"\n]*"[ \t]*\.[ \t]*|'[^'\n]*'[ \t]*\.[ \t]*)"""
    f"{{{_LONGEST_KEY}}}"
)


def leaves(text: str) -> list[Leaf]:
    """See `formats`."""
    return documents.leaves(documents.document("toml", text))


def document(text: str) -> dict[str, Any]:
    """See `documents`."""
    if text.count(".") >= _LONGEST_KEY and _LONG_KEY.search(text):
        raise ValueError(documents.TOO_DEEP)
    try:
        found = tomllib.loads(text)
    except RecursionError:
        raise ValueError(documents.TOO_DEEP) from None
    except ValueError as error:
        place = re.search(r"line \d+", str(error))
        raise ValueError(f"{place[0]}: it is not TOML" if place else "it is not TOML") from None
    documents.refuse_deep(found)
    return found


says = documents.says


def put(draft: Draft, entry: Entry, made: Made) -> None:
    """See `formats`."""
    lines = [_line(name, value) for name, value in entry.values]
    if not entry.at:
        draft.insert_lines(tomlplaces.top(draft.text), lines)
        return
    header = tomlplaces.headers(draft.text).get(entry.at)
    if header is not None:
        draft.insert_lines(line_spans(draft.text)[header][1], lines)
        return
    try:
        tomllib.loads(f"{draft.text.rstrip()}\n{tomlplaces.header(entry.at)}\n")
    except ValueError:
        _put_inside(draft, entry, made)
        return
    spans = line_spans(draft.text)
    lead = bool(spans) and bool(draft.text[slice(*spans[-1])].strip())
    made[_id(entry.at)] = lead
    block = [tomlplaces.header(entry.at), *lines]
    draft.insert_lines(len(draft.text), ["", *block] if lead else block)


def take(draft: Draft, entry: Entry, made: Made) -> list[str]:
    """See `formats`."""
    changed = []
    for name, value in entry.values:
        found = tomlplaces.lookup(documents.document("toml", draft.text), (*entry.at, name))
        if found is None:
            continue
        span = tomlplaces.lines_of(draft.text, (*entry.at, name), {name: value})
        if found != value:
            changed.append(name)
        elif span is None:
            _take_inside(draft, (*entry.at, name))
        else:
            draft.remove_lines(*span)
    header = tomlplaces.headers(draft.text).get(entry.at) if entry.at else None
    if header is None:
        _take_empty(draft, entry.at, made)
    if header is not None and _id(entry.at) in made and not tomlplaces.has_keys(draft.text, header):
        spans = line_spans(draft.text)
        start, end = spans[header]
        if made.pop(_id(entry.at)) and header and not draft.text[slice(*spans[header - 1])].strip():
            start = spans[header - 1][0]
        draft.remove_lines(start, end)
    return changed


def _put_inside(draft: Draft, entry: Entry, made: Made) -> None:
    """Put an entry into the inline table, or beside the dotted keys, that lead to its place."""
    with _editing(draft) as document:
        _put_into(document, entry, made)


def _put_into(document: tomlkit.TOMLDocument, entry: Entry, made: Made) -> None:
    table: Any = document
    for number, key in enumerate(entry.at):
        if key not in table:
            table[key] = tomlkit.inline_table()
            made[_id(entry.at[: number + 1])] = False
        table = table[key]
        if not isinstance(table, dict):
            raise ValueError(f"{'.'.join(entry.at)} is something else than a table")
    for name, value in entry.values:
        table[name] = value


def _take_empty(draft: Draft, at: tuple[str, ...], made: Made) -> None:
    """Take out what we made on the way to `at` without a header, and is empty: inside first."""
    for depth in range(len(at), 0, -1):
        place = at[:depth]
        if _id(place) not in made or place in tomlplaces.headers(draft.text):
            continue
        if tomlplaces.lookup(documents.document("toml", draft.text), place) == {}:
            _take_inside(draft, place)
        if tomlplaces.lookup(documents.document("toml", draft.text), place) is None:
            made.pop(_id(place))


def _take_inside(draft: Draft, place: tuple[str, ...]) -> None:
    with _editing(draft) as document:
        table: Any = document
        for key in place[:-1]:
            table = table[key]
        del table[place[-1]]


@contextmanager
def _editing(draft: Draft) -> Iterator[tomlkit.TOMLDocument]:
    """Let a document be changed that the text becomes. Raises ValueError where tomlkit cannot."""
    try:
        document = tomlkit.parse(draft.text)
        yield document
        new = tomlkit.dumps(document)
    except (TOMLKitError, KeyError, TypeError) as error:
        raise ValueError("it is written in an unusual way") from error
    _splice(draft, new)


def _splice(draft: Draft, new: str) -> None:
    """Make the text `new`, by replacing the one stretch that differs."""
    old = draft.text
    start = _same(old, new)
    same = _same(old[start:][::-1], new[start:][::-1])
    middle = new[start : len(new) - same]
    if draft.line_end == "\r\n":
        middle = re.sub(r"\r?\n", "\r\n", middle)
    draft.splice(start, len(old) - same, middle)


def _same(one: str, two: str) -> int:
    """Return the length of the common beginning of two texts."""
    pairs = enumerate(zip(one, two, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(two)))


def _line(name: str, value: Any) -> str:
    return f"{tomlplaces.spelled(name)} = {tomlkit.item(value).as_string()}"


def _id(place: Place) -> str:
    return tomlplaces.header(place)
