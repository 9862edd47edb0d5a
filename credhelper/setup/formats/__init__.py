"""The formats of tools' files: each puts an entry into a text, and takes it out again, by splicing.

A format is a module with four functions. `prepare` reads each changed text back: the entries of
others must be as they were, and ours as planned. Otherwise nothing is written.

- leaves(text): returns all that the text says, in order, as pairs of a place and a value. Raises
  ValueError if it is not well-formed.
- says(entry): returns the leaves of a file that holds this entry alone. Raises ValueError if no
  file can hold it, because its tool would read something else.
- put(draft, entry, made): puts in an entry of which nothing is there yet.
- take(draft, entry, made): takes out what is there of it, and returns the names whose values
  somebody has changed since.

`made` holds the containers (objects, tables, sections) of this file that we made, and what was in
their place. `put` adds to it; `take` removes those that have become empty.
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
    "goconfig": ("goconfig", False),
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

# Whose tools skip a byte order mark. Others stop at it, or read it as a part of the first line.
MARKED = frozenset(("git", "goconfig", "npmrc", "toml", "yaml", "yamlmap"))

# Controls, ends of lines for some readers, byte order marks, and bytes that are not UTF-8.
_NO_TEXT = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\ufeff\\ud800-\\udfff]")


class Unfit(ValueError):
    """A well-formed file that is written in a way that we cannot add to.

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
    """Return the leaves of a file of the format `name` that holds `entry` and nothing else.

    Raises ValueError for what such a file cannot hold.
    """
    for text in _texts([entry.at, entry.values]):
        if _NO_TEXT.search(text):
            raise ValueError("no tool's file can hold a control character")
    return load(name).says(entry)


def written(name: str, entries: tuple[Entry, ...]) -> str:
    """Return `entries` as we write them, without asking what a tool would read in that."""
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
