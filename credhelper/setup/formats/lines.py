"""Files of single lines, as Bazel's: `common --flag=value`.

An entry's name and value make a line together: the name ends with the `=` or blank between them.
A line of ours goes to the end, where it counts over those above it.
"""

from __future__ import annotations

import re

from credhelper.setup.draft import Draft, line_spans
from credhelper.setup.formats import Leaf, Made
from credhelper.setup.plan import Entry


def leaves(text: str) -> list[Leaf]:
    """See `formats`: each line is a leaf, without comments; a backslash joins it to the next."""
    found: list[Leaf] = []
    joined = ""
    for start, end in line_spans(text):
        line = joined + text[start:end].strip()
        if line.startswith(("#", ";")):
            continue
        joined = f"{line[:-1].rstrip()} " if line.endswith("\\") else ""
        if line and not joined:
            found.append(((_plain(line),), ""))
    if joined:
        raise ValueError("its last line is not complete: it ends in a backslash")
    return found


def says(entry: Entry) -> list[Leaf]:
    """See `formats`. Refuses quotes and comments, which would change the word."""
    for name, value in entry.values:
        if re.search(r"[\s'\"\\#]", value) or not re.fullmatch(r"[a-z:]+ ", name):
            raise ValueError(f"it has no plain way to write {name}{value}")
    return [((_plain(f"{name}{value}"),), "") for name, value in entry.values]


def put(draft: Draft, entry: Entry, made: Made) -> None:
    """See `formats`."""
    lines = [f"{name}{value}" for name, value in entry.values]
    draft.insert_lines(len(draft.text), lines)


def take(draft: Draft, entry: Entry, made: Made) -> list[str]:
    """See `formats`."""
    for name, value in entry.values:
        for start, end in reversed(line_spans(draft.text)):
            if _plain(draft.text[start:end]) == _plain(f"{name}{value}"):
                draft.remove_lines(start, end)
                break
    return []


def _plain(line: str) -> str:
    """Return what a line says, with each run of blanks made one."""
    return re.sub(r"\s*=\s*", "=", " ".join(line.split()))
