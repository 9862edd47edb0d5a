"""Changing a TOML text without losing the user's comments, order and spelling.

Each change is made twice, to the text's tree and to the plain data. If the new text does not read
back as the new data, the change is refused.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, MutableMapping
from copy import deepcopy
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from credhelper.config import arrays
from credhelper.config.toml_lines import Place

Tree = MutableMapping[Any, Any]
# Takes the tree to change, and a function that makes a plain value fit into it.
Change = Callable[[Tree, Callable[[Any], Any]], None]


def edited(text: str, change: Change) -> str | None:
    """Return `text` with `change` made to it, or None if that would harm what is there.

    Parameters: `text`, TOML that tomllib accepts; `change`, does the same to any tree. Its
    errors pass through. Returns `text` itself when nothing changes.
    """
    before = tomllib.loads(text)
    wanted = deepcopy(before)
    change(wanted, deepcopy)
    if wanted == before:
        return text
    # An array that only ever held what is taken out of it goes with its key.
    gone = [place for place in arrays.emptied(before, wanted) if arrays.plain(text, place)]
    for place in gone:
        _remove(wanted, place)
    spliced = arrays.with_items_of(text, before, wanted)
    try:
        found = tomllib.loads(spliced)
        if found == wanted:
            return spliced
        document = tomlkit.parse(spliced)
        change(document, _shaped)
        for place in gone:
            _remove(document, place)
        new = _with_lost_comments(spliced, tomlkit.dumps(document))
        found = tomllib.loads(new)
    except (TOMLKitError, ValueError):
        return None
    if _without_empty(found) != _without_empty(wanted):
        return None
    if text and not text.endswith("\n"):
        new = new.rstrip("\n")
    return new if text.startswith("\n") else new.lstrip("\n")


def _remove(tree: Tree, place: Place) -> None:
    *outer, last = place
    for key in outer:
        tree = tree[key]
    del tree[last]


def _shaped(value: Any) -> Any:
    """Return `value` as a person would write it: a grant is a table on one line."""
    if not isinstance(value, dict) or not value:
        return tomlkit.item(value)
    inline = tomlkit.inline_table()
    inline.update(value)
    return inline


def _with_lost_comments(old: str, new: str) -> str:
    """Return `new` with the comment above the table that follows a removed one.

    For tomlkit such a comment is the end of the table before it, and is removed with it.
    """
    before, after = old.split("\n"), new.split("\n")
    if len(after) >= len(before):
        return new
    same = 0
    while same < len(after) and before[-1 - same] == after[-1 - same]:
        same += 1
    end = len(before) - same
    start = end
    while start and before[start - 1].lstrip().startswith("#"):
        start -= 1
    comments = before[start:end]
    place = len(after) - same
    if after[max(0, place - len(comments)) : place] == comments:
        return new
    return "\n".join([*after[:place], *comments, *after[place:]])


def _without_empty(data: dict[str, Any]) -> dict[str, Any]:
    # A table that holds only tables has no line of its own, and is removed with the last of them.
    return {key: value for key, value in data.items() if value != {}}
