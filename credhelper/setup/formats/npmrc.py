"""npm's and pnpm's file: `name=value` lines; ours stand above the first section.

Source: the package `ini`, which reads it for both, `decode` and `unsafe`;
`@pnpm/config.env-replace`.
"""

from __future__ import annotations

import json
import re

from credhelper.setup.draft import Draft, line_spans
from credhelper.setup.formats import Leaf, Made, documents
from credhelper.setup.plan import Entry

_SECTION = re.compile(r"\[([^\]]*)\]\s*\Z")
_ESCAPED = re.compile(r"\\([\\;#])|[;#].*|(.)", re.DOTALL)


def leaves(text: str) -> list[Leaf]:
    """See `formats`. The same name in a section is another place."""
    found: list[Leaf] = []
    section: tuple[str, ...] = ()
    for line in re.split(r"[\r\n]+", text):
        if not line.strip() or line.lstrip()[0] in ";#":
            continue
        header = _SECTION.match(line)
        if header:
            section = (_said(header[1]),)
            continue
        name, equals, value = line.partition("=")
        if name:
            found.append(((*section, _said(name)), _said(value) if equals else "true"))
    return found


def says(entry: Entry) -> list[Leaf]:
    """See `formats`. Refuses `${...}`, which npm would replace."""
    for name, value in entry.values:
        key = name.removesuffix("=")
        for text in (key, value):
            if not text or text[0] in "\"'[" or re.search(r"[\s;#\\]|\$\{", text):
                raise ValueError(f"it has no way to write {text or 'nothing'}")
        if key == name or "=" in key or key.endswith("[]"):
            raise ValueError(f"it has no way to write the name {key}")
    return [((name.removesuffix("="),), value) for name, value in entry.values]


def put(draft: Draft, entry: Entry, made: Made) -> None:
    """See `formats`."""
    lines = [f"{name}{value}" for name, value in entry.values]
    draft.insert_lines(_end_of_top(draft.text), lines)


def take(draft: Draft, entry: Entry, made: Made) -> list[str]:
    """See `formats`."""
    for name, value in entry.values:
        place = (name.removesuffix("="),)
        top = _end_of_top(draft.text)
        for start, end in reversed(line_spans(draft.text)):
            if start < top and leaves(draft.text[start:end]) == [(place, value)]:
                draft.remove_lines(start, end)
                break
    return []


def _end_of_top(text: str) -> int:
    """Return where the first section begins, with the comment above it; else the end."""
    spans = line_spans(text)
    first = next((n for n, span in enumerate(spans) if _SECTION.match(text[slice(*span)])), None)
    if first is None:
        return len(text)
    while first and text[slice(*spans[first - 1])].lstrip()[:1] in (";", "#"):
        first -= 1
    return spans[first][0]


def _said(text: str) -> str:
    """Return what a name or value says, without quotes around it and comments behind it."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1] if text[0] == "'" else text
        try:
            inner = documents.parsed_json(text)
        except ValueError:
            return text
        return inner if isinstance(inner, str) else json.dumps(inner)
    return "".join(found[1] or found[2] or "" for found in _ESCAPED.finditer(text)).strip()
