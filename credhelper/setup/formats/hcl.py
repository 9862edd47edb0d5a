"""HCL, as the command-line files of Terraform and Vault use it: blocks and attributes at the top.

Only blocks and attributes at the top are parsed. The inside of a block is compared as text, without
blanks and comments.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from credhelper.setup.draft import Draft, line_spans
from credhelper.setup.formats import Leaf, Made, Unfit
from credhelper.setup.plan import Entry

_TOKEN = re.compile(
    r"""
    (?P<blank>[ \t\r]+|\#[^\n]*|//[^\n]*|/\*.*?\*/)
    |(?P<end>\n)
    |(?P<text>"(?:[^"\\\n]|\\.)*")
    |(?P<here><<-?(?P<word>\w+)[ \t\r]*\n(?:.*?\n)??[ \t]*(?P=word)\b)
    |(?P<open>[{\[(])
    |(?P<close>[}\])])
    |(?P<other>[^\s{}\[\]()"#=]+?(?=[\s{}\[\]()"\#=]|//|/\*|$)|=)
    """,
    re.VERBOSE | re.DOTALL,
)
_PAIRS = {"}": "{", "]": "[", ")": "("}


@dataclass(frozen=True)
class _Item:
    """A block or attribute at the top: from `start` to `end`; its `words`, without blanks."""

    start: int
    end: int
    words: tuple[str, ...]

    @property
    def leaf(self) -> Leaf:
        return ((self.words[0],), " ".join(self.words[1:]))


def leaves(text: str) -> list[Leaf]:
    """See `formats`. The place is the name of the block or attribute."""
    return [item.leaf for item in _items(text)]


def says(entry: Entry) -> list[Leaf]:
    """See `formats`. Refuses what some release of HCL reads as a template."""
    written = "\n".join(_written(entry))
    if "${" in written or "%{" in written:
        raise ValueError("it has no plain way to write ${ or %{")
    words = [entry.at[0], *map(_value, entry.at[1:]), "{"] if entry.at else []
    for name, value in entry.values:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", name):
            raise ValueError(f"it has no way to write the name {name}")
        words += [name, "=", *_words(_value(value))]
    words += ["}"] if entry.at else []
    return [((words[0],), " ".join(words[1:]))]


def put(draft: Draft, entry: Entry, made: Made) -> None:
    """See `formats`."""
    spans = line_spans(draft.text)
    lead = bool(entry.at) and bool(spans) and bool(draft.text[slice(*spans[-1])].strip())
    made[_id(entry)] = lead
    lines = _written(entry)
    draft.insert_lines(len(draft.text), ["", *lines] if lead else lines)


def take(draft: Draft, entry: Entry, made: Made) -> list[str]:
    """See `formats`."""
    ours = _items("\n".join(_written(entry)))[0]
    found = [item for item in _items(draft.text) if item.words[0] == ours.words[0]]
    same = [item for item in found if item.words == ours.words]
    if not same:
        return [ours.words[0]] if found else []
    spans = line_spans(draft.text)
    first = next(n for n, (start, end) in enumerate(spans) if start <= same[-1].start < end)
    last = next(n for n, (start, end) in enumerate(spans) if start < same[-1].end <= end)
    start, end = spans[first][0], spans[last][1]
    if draft.text[start : same[-1].start].strip():
        return [ours.words[0]]  # the line also holds something of others
    if made.pop(_id(entry), False) and first and not draft.text[slice(*spans[first - 1])].strip():
        start = spans[first - 1][0]
    draft.remove_lines(start, end)
    return []


def _written(entry: Entry) -> list[str]:
    lines = [f"{name} = {_value(value)}" for name, value in entry.values]
    if not entry.at:
        return lines
    head = " ".join([entry.at[0], *map(_value, entry.at[1:])])
    return [f"{head} {{", *(f"  {line}" for line in lines), "}"]


def _value(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _words(text: str) -> list[str]:
    return [found[0] for found in _TOKEN.finditer(text) if found.lastgroup != "blank"]


def _id(entry: Entry) -> str:
    return json.dumps([entry.at, [name for name, _ in entry.values]])


def _items(text: str) -> list[_Item]:
    if text.lstrip()[:1] == "{":
        raise Unfit(
            "it is JSON, and what setup adds is HCL",
            "write it as HCL first, whose blocks and attributes say the same",
        )
    found: list[_Item] = []
    words: list[str] = []
    open_: list[str] = []
    start = at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"line {text.count(chr(10), 0, at) + 1}: it is not HCL")
        kind = match.lastgroup if match.lastgroup != "word" else "here"
        word = match[0]
        if kind == "open":
            open_.append(word)
        elif kind == "close" and (not open_ or open_.pop() != _PAIRS[word]):
            raise ValueError(f"line {text.count(chr(10), 0, at) + 1}: a bracket too many")
        if kind not in ("blank", "end"):
            start = start if words else at
            words.append(word)
        at = match.end()
        ends = kind == "end" and not open_ and words[-1:] != ["="]
        if words and (ends or at == len(text)):
            found.append(_Item(start, _last(text, start, at), tuple(words)))
            words = []
    if open_:
        raise ValueError("a bracket is never closed")
    if any(len(item.words) < 3 or item.words[0] in _PAIRS.values() for item in found):
        raise ValueError("it is not HCL")
    return found


def _last(text: str, start: int, end: int) -> int:
    return start + len(text[start:end].rstrip())
