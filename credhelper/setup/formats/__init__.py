"""How an entry is put into a file of some format, and taken out again, by splicing its text.

A format is a module with three functions. Whatever they do to a text is read back and compared by
`prepare`: what is foreign must be as it was, and ours as wanted, or nothing is written.

`leaves(text)` returns all that the text says, as pairs of a place and a value, in order; ValueError
if it is not well-formed. `put(draft, entry, made)` puts in an entry of which nothing is there yet.
`take(draft, entry, made)` takes out what of it is there, and returns the names that somebody has
changed since. `made` says which containers (objects, tables, sections) of this file are of our
making, and what was in their place: `put` notes, and `take` removes, those that nobody else uses.
"""

from __future__ import annotations

import sys
from typing import Any, Protocol

from credhelper.setup.draft import Draft
from credhelper.setup.plan import Entry

Leaf = tuple[tuple[str, ...], str]
Made = dict[str, Any]

# name -> (module, whether entries come as a whole: names repeat, and their order counts)
FORMATS = {
    "flags": ("npmrc", False),
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


class Format(Protocol):
    """What a format's module offers."""

    def leaves(self, text: str) -> list[Leaf]: ...
    def put(self, draft: Draft, entry: Entry, made: Made) -> None: ...
    def take(self, draft: Draft, entry: Entry, made: Made) -> list[str]: ...


def load(name: str) -> Format:
    """Return the module of the format `name`, imported now."""
    module = f"{__name__}.{FORMATS[name][0]}"
    __import__(module)
    found: Format = sys.modules[module]
    return found


def rendered(name: str, entries: tuple[Entry, ...]) -> str:
    """Return a file of the format `name` that holds `entries` and nothing else."""
    draft, made = Draft(""), Made()
    for entry in entries:
        load(name).put(draft, entry, made)
    return draft.text
