"""Changing a TOML text without losing the user's comments, order and spelling.

A change is made to the plain data. What differs is then put into the text, and taken out of it,
where it stands. If the new text does not read back as the new data, the change is refused.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from credhelper.config import arrays, splice

Tree = dict[str, Any]
# Takes the data to change, and the text that it was read from.
Change = Callable[[Tree, str], None]


class Noted(str):
    """Text that gets a comment behind it in the file.

    Parameters: `comment`, without its `#`.
    """

    __slots__ = ("comment",)

    comment: str


def noted(text: str, comment: str) -> Noted:
    """Return `text` with the comment that it gets behind it, where it is put into a file."""
    found = Noted(text)
    found.comment = comment
    return found


def edited(text: str, change: Change) -> str | None:
    """Return `text` with `change` made to it, or None if that would harm what is there.

    Parameters: `text`, TOML that tomllib accepts; `change`, whose errors pass through. Returns
    `text` itself when nothing changes.
    """
    before = tomllib.loads(text)
    wanted = deepcopy(before)
    change(wanted, text)
    if wanted == before:
        return text
    try:
        new = _spliced(text, before, wanted)
        found = tomllib.loads(new)
    except (ValueError, LookupError, RecursionError):
        return None
    return new if _without_empty(found) == _without_empty(wanted) else None


def _spliced(text: str, before: Tree, wanted: Tree) -> str:
    """Return `text` with what is in `wanted` only, and without what is in `before` only."""
    for place in arrays.emptied(before, wanted):
        if arrays.plain(text, place):
            _remove(wanted, place)  # an array that only ever held what is taken out of it
    text = arrays.with_items_of(text, before, wanted)
    new, changed, gone = _differences((), tomllib.loads(text), wanted)
    # The table before the key above all tables: so that key stands above, with a blank line.
    for place, value in sorted(new, key=lambda one: -len(one[0])):
        text = splice.added(text, place, value, getattr(value, "comment", ""))
    for place, value in changed:
        text = splice.replaced(text, place, value)
    for place in sorted(gone, key=len):
        text = splice.removed(text, place)
    return text


_Place = tuple[str, ...]
_Values = list[tuple[_Place, Any]]


def _differences(
    place: _Place, before: Tree, wanted: Tree
) -> tuple[_Values, _Values, list[_Place]]:
    """Return what is new, what has another value, and what is gone, each by its place."""
    new: _Values = []
    changed: _Values = []
    gone = [(*place, key) for key in before if key not in wanted]
    for key, value in wanted.items():
        here, old = (*place, key), before.get(key)
        tables = isinstance(value, dict) and (isinstance(old, dict) or not (place or old))
        if tables:
            more = _differences(here, old or {}, value)
            new, changed, gone = new + more[0], changed + more[1], gone + more[2]
        elif key not in before:
            new.append((here, value))
        elif old != value:
            changed.append((here, value))
    return new, changed, gone


def _remove(tree: Tree, place: tuple[str | int, ...]) -> None:
    *outer, last = place
    for key in outer:
        tree = tree[str(key)]
    del tree[str(last)]


def _without_empty(data: dict[str, Any]) -> dict[str, Any]:
    # A table that holds only tables has no line of its own, and is removed with the last of them.
    return {key: value for key, value in data.items() if value != {}}
