"""TOML: lines below a header that is there, or a table of our own at the end.

What somebody wrote as an inline table or with dotted keys is added to there, as tomlkit does it.
"""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import tomlkit

from credhelper.config.toml_lines import Place, key_lines
from credhelper.setup.draft import Draft, line_spans
from credhelper.setup.formats import Leaf, Made
from credhelper.setup.plan import Entry

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def leaves(text: str) -> list[Leaf]:
    """See `formats`."""
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        place = re.search(r"line \d+", str(error))
        raise ValueError(f"{place[0]}: it is not TOML" if place else "it is not TOML") from None
    found: list[Leaf] = []
    _flatten(data, (), found)
    return found


def says(entry: Entry) -> list[Leaf]:
    """See `formats`."""
    found: list[Leaf] = []
    for name, value in entry.values:
        _flatten(value, (*entry.at, name), found)
    return found


def put(draft: Draft, entry: Entry, made: Made) -> None:
    """See `formats`."""
    lines = [_line(name, value) for name, value in entry.values]
    if not entry.at:
        draft.insert_lines(_top(draft.text), lines)
        return
    header = _headers(draft.text).get(entry.at)
    if header is not None:
        draft.insert_lines(line_spans(draft.text)[header][1], lines)
        return
    try:
        tomllib.loads(f"{draft.text.rstrip()}\n{_header(entry.at)}\n")
    except ValueError:
        _put_inside(draft, entry, made)
        return
    spans = line_spans(draft.text)
    lead = bool(spans) and bool(draft.text[slice(*spans[-1])].strip())
    made[_id(entry.at)] = lead
    block = [_header(entry.at), *lines]
    draft.insert_lines(len(draft.text), ["", *block] if lead else block)


def take(draft: Draft, entry: Entry, made: Made) -> list[str]:
    """See `formats`."""
    changed = []
    for name, value in entry.values:
        found = _lookup(tomllib.loads(draft.text), (*entry.at, name))
        if found is None:
            continue
        span = _lines_of(draft.text, (*entry.at, name), {name: value})
        if found != value:
            changed.append(name)
        elif span is None:
            _take_inside(draft, (*entry.at, name))
        else:
            draft.remove_lines(*span)
    header = _headers(draft.text).get(entry.at) if entry.at else None
    if header is None and _id(entry.at) in made:
        if _lookup(tomllib.loads(draft.text), entry.at) == {}:
            _take_inside(draft, entry.at)
        if _lookup(tomllib.loads(draft.text), entry.at) is None:
            made.pop(_id(entry.at))
    if header is not None and _id(entry.at) in made and not _has_keys(draft.text, header):
        spans = line_spans(draft.text)
        start, end = spans[header]
        if made.pop(_id(entry.at)) and header and not draft.text[slice(*spans[header - 1])].strip():
            start = spans[header - 1][0]
        draft.remove_lines(start, end)
    return changed


def _put_inside(draft: Draft, entry: Entry, made: Made) -> None:
    """Put an entry into the inline table, or beside the dotted keys, that lead to its place."""
    document = tomlkit.parse(draft.text)
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
    _splice(draft, tomlkit.dumps(document))


def _take_inside(draft: Draft, place: tuple[str, ...]) -> None:
    document = tomlkit.parse(draft.text)
    table: Any = document
    for key in place[:-1]:
        table = table[key]
    del table[place[-1]]
    _splice(draft, tomlkit.dumps(document))


def _splice(draft: Draft, new: str) -> None:
    """Let the text be `new`, by changing the one stretch in which the two differ."""
    old = draft.text
    start = _same(old, new)
    same = _same(old[start:][::-1], new[start:][::-1])
    middle = new[start : len(new) - same]
    if draft.line_end == "\r\n":
        middle = re.sub(r"\r?\n", "\r\n", middle)
    draft.splice(start, len(old) - same, middle)


def _same(one: str, two: str) -> int:
    """Return how many characters at the beginning of two texts are the same."""
    pairs = enumerate(zip(one, two, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(two)))


# --- where things stand; lines are counted from 0 here --------------------------------------------


def _places(text: str) -> dict[Place, int]:
    return {place: line - 1 for place, line in key_lines(text).items()}


def _headers(text: str) -> dict[Place, int]:
    """Return on which line the header of each table stands that has one."""
    spans = line_spans(text)
    data = tomllib.loads(text)
    return {
        place: line
        for place, line in _places(text).items()
        if text[slice(*spans[line])].lstrip().startswith("[")
        and isinstance(_lookup(data, place), dict)
        and _header(place) == _normal(text[slice(*spans[line])])
    }


def _normal(line: str) -> str:
    """Return a header's line without blanks and comment, as we would write it."""
    try:
        place: list[str] = []
        found: Any = tomllib.loads(line.replace("[[", "[").replace("]]", "]"))
        while isinstance(found, dict) and found:
            place.append(next(iter(found)))
            found = found[place[-1]]
        return _header(tuple(place))
    except ValueError:
        return ""


def _top(text: str) -> int:
    """Return where a key that belongs to no table may stand: above the first, and its comment."""
    spans = line_spans(text)
    lines = [text[start:end].strip() for start, end in spans]
    first = min(_places(text).values(), default=None)
    if first is None:
        return len(text)
    while first and lines[first - 1].startswith("#"):
        first -= 1
    return spans[first][0]


def _lines_of(text: str, place: Place, wanted: dict[str, Any]) -> tuple[int, int] | None:
    """Return from where to where the lines go that say `wanted`, and nothing else."""
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


def _has_keys(text: str, header: int) -> bool:
    """Tell whether a key stands between the header on this line and the next one."""
    spans = line_spans(text)
    below = sorted({line for line in _places(text).values() if line > header})
    return bool(below) and not text[slice(*spans[below[0]])].lstrip().startswith("[")


def _lookup(data: Any, place: Place) -> Any:
    for key in place:
        inside = isinstance(data, dict) and key in data
        if not inside and not (isinstance(data, list) and isinstance(key, int)):
            return None
        data = data[key]
    return data


# --- how things are written -----------------------------------------------------------------------


def _line(name: str, value: Any) -> str:
    return f"{_key(name)} = {tomlkit.item(value).as_string()}"


def _header(place: Place) -> str:
    return f"[{'.'.join(_key(str(key)) for key in place)}]"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _id(place: Place) -> str:
    return _header(place)


def _flatten(data: Any, path: tuple[str, ...], found: list[Leaf]) -> None:
    if isinstance(data, dict):
        for name, value in data.items():
            _flatten(value, (*path, name), found)
    else:
        found.append((path, json.dumps(data, default=str)))
