"""How an entry is put into a file of some format, and taken out again, by splicing its text.

A format is a module with four functions. Whatever they do to a text is read back and compared by
`prepare`: what is foreign must be as it was, and ours as wanted, or nothing is written.

`leaves(text)` returns all that the text says, as pairs of a place and a value, in order; ValueError
if it is not well-formed. `says(entry)` returns what a file would say that holds the entry;
ValueError for one that no such file can hold, because its tool would read something else.
`put(draft, entry, made)` puts in an entry of which nothing is there yet. `take(draft, entry, made)`
takes out what of it is there, and returns the names that somebody has changed since. `made` says
which containers (objects, tables, sections) of this file are of our making, and what was in their
place: `put` notes, and `take` removes, those that nobody else uses.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any, Protocol

from credhelper.setup.draft import Draft
from credhelper.setup.plan import Entry

Leaf = tuple[tuple[str, ...], str]
Made = dict[str, Any]

# name -> (module, whether entries come as a whole: names repeat, and their order counts)
FORMATS = {
    "flags": ("flags", False),
    "git": ("gitconfig", True),
    "goenv": ("goenv", False),
    "hcl": ("hcl", False),
    "ini": ("ini", False),
    "json": ("jsontext", False),
    "lines": ("lines", False),
    "npmrc": ("npmrc", False),
    "toml": ("tomltext", False),
    "yaml": ("yamltext", False),
    "yamlmap": ("yamlmap", False),
}

# Controls, ends of lines for some readers, byte order marks, and bytes that are not UTF-8.
_NO_TEXT = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\ufeff\\ud800-\\udfff]")


class Unfit(ValueError):
    """A file that is well-formed, but in a way that we do not add to.

    Parameters: `message`; `hint`, what a person can do instead.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class Format(Protocol):
    """What a format's module offers."""

    def leaves(self, text: str) -> list[Leaf]: ...
    def says(self, entry: Entry) -> list[Leaf]: ...
    def put(self, draft: Draft, entry: Entry, made: Made) -> None: ...
    def take(self, draft: Draft, entry: Entry, made: Made) -> list[str]: ...


def load(name: str) -> Format:
    """Return the module of the format `name`, imported now."""
    module = f"{__name__}.{FORMATS[name][0]}"
    __import__(module)
    found: Format = sys.modules[module]
    return found


def rendered(name: str, entries: tuple[Entry, ...]) -> str:
    """Return a file of the format `name` that holds `entries` and nothing else.

    Raises ValueError for what such a file cannot hold.
    """
    for entry in entries:
        says(name, entry)
    return written(name, entries)


def says(name: str, entry: Entry) -> list[Leaf]:
    """Return what a file of the format `name` says that holds `entry`, and nothing else.

    Raises ValueError for what such a file cannot hold.
    """
    for text in _texts([entry.at, entry.values]):
        if _NO_TEXT.search(text):
            raise ValueError("no tool's file can hold a control character")
    return load(name).says(entry)


def written(name: str, entries: tuple[Entry, ...]) -> str:
    """Return `entries` as this release writes them, whatever a tool would make of that."""
    draft, made = Draft(""), Made()
    for entry in entries:
        load(name).put(draft, entry, made)
    return draft.text


def _texts(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for name, value in data.items():
            yield from _texts([name, value])
    elif isinstance(data, list | tuple):
        for item in data:
            yield from _texts(item)
