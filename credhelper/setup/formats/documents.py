"""What a tool's file, or a program's answer, says: plain data, read within bounds, step by step.

Others wrote it. So a reader refuses what nests too deep for those who go through it afterwards, and
a step finds nothing where something of another kind stands than its caller can use.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from credhelper.core import strict_json
from credhelper.setup.formats import Leaf, load
from credhelper.setup.plan import Entry

DEEPEST = 64  # levels; who goes through a document takes several frames for each
TOO_DEEP = f"it nests deeper than {DEEPEST} levels"

# Made once: there are many leaves.
encode = json.JSONEncoder(default=str).encode


@lru_cache(maxsize=8)
def document(kind: str, text: str) -> dict[str, Any]:
    """Return what a text says, not to be changed: each is parsed once.

    Parameters:
    - kind: `json`, `toml` or `yaml`.
    - text: nothing when it is blank.

    Raises ValueError for all that cannot be read.
    """
    found: dict[str, Any] = load(kind).document(text)  # type: ignore[attr-defined]  # these three
    return found


def answer(data: bytes) -> dict[str, Any]:
    """Return the members of the JSON object that a program printed. Raises ValueError."""
    return document("json", data.decode())


def parsed_json(text: str) -> Any:
    """Return the JSON value that a text spells. Raises ValueError."""
    try:
        found = strict_json.value(text)
    except ValueError as error:
        raise ValueError(f"it {error}") from None
    refuse_deep(found)
    return found


def refuse_deep(data: Any) -> None:
    """Raise ValueError for data of more than `DEEPEST` levels, or that is inside of itself."""
    level = [data]
    for _ in range(DEEPEST):
        level = [inner for one in level for inner in _inside(one) if isinstance(inner, dict | list)]
        if not level:
            return
    raise ValueError(TOO_DEEP)


def _inside(data: Any) -> Iterator[Any]:
    if isinstance(data, dict):
        yield from data.values()
    elif isinstance(data, list):
        yield from data


# --- steps ----------------------------------------------------------------------------------------


def at(data: Any, *keys: str) -> Any:
    """Return what stands in `data` below `keys`, None where that leads nowhere."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def dict_at(data: Any, *keys: str) -> dict[str, Any]:
    """Return the members that stand below `keys`, none where something else does."""
    found = at(data, *keys)
    return found if isinstance(found, dict) else {}


def dicts_at(data: Any, *keys: str) -> dict[str, dict[str, Any]]:
    """Return those members below `keys` that have members themselves."""
    return {name: one for name, one in dict_at(data, *keys).items() if isinstance(one, dict)}


def list_at(data: Any, *keys: str) -> list[Any]:
    """Return the items that stand below `keys`, none where something else does."""
    found = at(data, *keys)
    return found if isinstance(found, list) else []


def text_at(data: Any, *keys: str) -> str:
    """Return the text that stands below `keys`, "" where something else does."""
    found = at(data, *keys)
    return found if isinstance(found, str) else ""


def words_at(data: Any, *keys: str) -> list[str] | None:
    """Return the list of texts below `keys`, [] where nothing is; None for something else."""
    found = at(data, *keys)
    if found is None:
        return []
    whole = isinstance(found, list) and all(isinstance(one, str) for one in found)
    return found if whole else None


def pairs_at(data: Any, *keys: str) -> dict[str, str] | None:
    """Return the list of `name` and `value` below `keys`, as `words_at` does."""
    found = at(data, *keys)
    if found is None:
        return {}
    pairs = [(at(one, "name"), at(one, "value")) for one in list_at(data, *keys)]
    whole = isinstance(found, list) and all(isinstance(one, str) for pair in pairs for one in pair)
    return dict(pairs) if whole else None


# --- leaves ---------------------------------------------------------------------------------------


def leaves(data: Any, path: tuple[str, ...] = ()) -> list[Leaf]:
    """Return what plain data says, as a format's `leaves`; what is null says nothing."""
    if isinstance(data, dict):
        return [leaf for name, value in data.items() for leaf in leaves(value, (*path, name))]
    return [] if data is None else [(path, encode(data))]


def says(entry: Entry) -> list[Leaf]:
    """Return what a file says that holds `entry`, as a format's `says`."""
    return [leaf for name, value in entry.values for leaf in leaves(value, (*entry.at, name))]
