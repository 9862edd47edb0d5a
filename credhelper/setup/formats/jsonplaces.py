"""Where the values of a JSON text stand."""

from __future__ import annotations

import json
import re

BLANKS = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SCALAR = re.compile(r"[^,\]}\s]+")


class Value:
    """A value in a text: from `start` to `end`, with `members` (name, where it begins, value)."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.end = start
        self.members: list[tuple[str, int, Value]] = []


def lineage(text: str, path: tuple[str, ...]) -> list[Value]:
    """Return the values on the way from the root along `path`, as far as it leads."""
    found = [scan(text)]
    for name in path:
        inner = [value for key, _, value in found[-1].members if key == name]
        if not inner:
            break
        found.append(inner[0])
    return found


def scan(text: str) -> Value:
    """Return the values of a text that `documents` accepts, with their offsets."""
    return _value(text, _after_blanks(text, 0))


def _value(text: str, at: int) -> Value:
    found = Value(at)
    opening = text[at]
    if opening not in "{[":
        match = (_STRING if opening == '"' else _SCALAR).match(text, at)
        assert match  # noqa: S101  # for mypy: the text is JSON
        found.end = match.end()
        return found
    at = _after_blanks(text, at + 1)
    while text[at] not in "]}":
        if opening == "{":
            key = _value(text, at)
            name = json.loads(text[key.start : key.end])
            value = _value(text, _after_blanks(text, text.index(":", key.end) + 1))
            found.members.append((name, key.start, value))
        else:
            value = _value(text, at)
        at = _after_blanks(text, value.end)
        if text[at] == ",":
            at = _after_blanks(text, at + 1)
    found.end = at + 1
    return found


def _after_blanks(text: str, at: int) -> int:
    match = BLANKS.match(text, at)
    return match.end() if match else at
