"""Where the tables and keys of a TOML text stand. Lines count from 0 here."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

from credhelper.config.toml_lines import Place, key_lines
from credhelper.setup.draft import line_spans
from credhelper.setup.formats import documents

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def header(place: Place) -> str:
    """Return the header of the table at `place`."""
    return f"[{'.'.join(spelled(str(key)) for key in place)}]"


def spelled(name: str) -> str:
    """Return a key as TOML spells it, in quotes where it needs them."""
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _places(text: str) -> dict[Place, int]:
    return {place: line - 1 for place, line in key_lines(text).items()}


def headers(text: str) -> dict[Place, int]:
    """Return the line of each table's header, for tables that have one."""
    spans = line_spans(text)
    data = documents.document("toml", text)
    return {
        place: line
        for place, line in _places(text).items()
        if text[slice(*spans[line])].lstrip().startswith("[")
        and isinstance(lookup(data, place), dict)
        and header(place) == _normal(text[slice(*spans[line])])
    }


def _normal(line: str) -> str:
    """Return a header's line as we would write it, without blanks and comment."""
    try:
        place: list[str] = []
        found: Any = tomllib.loads(line.replace("[[", "[").replace("]]", "]"))
        while isinstance(found, dict) and found:
            place.append(next(iter(found)))
            found = found[place[-1]]
        return header(tuple(place))
    except ValueError:
        return ""


def top(text: str) -> int:
    """Return where a key outside of all tables may stand: above the first table and its comment."""
    spans = line_spans(text)
    lines = [text[start:end].strip() for start, end in spans]
    first = min(_places(text).values(), default=None)
    if first is None:
        return len(text)
    while first and lines[first - 1].startswith("#"):
        first -= 1
    return spans[first][0]


def lines_of(text: str, place: Place, wanted: dict[str, Any]) -> tuple[int, int] | None:
    """Return the span of the lines that say `wanted` and nothing else."""
    first = _places(text).get(place)
    if first is None:
        return None
    spans = line_spans(text)
    start = spans[first][0]
    for _, end in spans[first:]:
        try:
            found = tomllib.loads(text[start:end])
        except ValueError:
            continue
        return (start, end) if found == wanted else None
    return None


def has_keys(text: str, header_line: int) -> bool:
    """Tell whether a key stands between the header on this line and the next one."""
    spans = line_spans(text)
    below = sorted({line for line in _places(text).values() if line > header_line})
    return bool(below) and not text[slice(*spans[below[0]])].lstrip().startswith("[")


def lookup(data: Any, place: Place) -> Any:
    """Return what the parsed text has at `place`, or None."""
    for key in place:
        inside = isinstance(data, dict) and key in data
        if not inside and not (isinstance(data, list) and isinstance(key, int)):
            return None
        data = data[key]
    return data
