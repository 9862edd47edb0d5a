"""Where the nodes of a YAML text stand, and what they say."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import yaml

from credhelper.setup.draft import line_spans
from credhelper.setup.formats import Unfit

_MOST_NODES = 2_000_000
_IN_BRACKETS = (
    "it is JSON, or YAML in brackets, and what setup adds are lines of YAML",
    "let its tool write it as YAML first; kubectl: kubectl config view --raw -o yaml",
)


def member(text: str, key: str) -> tuple[Any, Any] | None:
    """Return the nodes of a top-level key and of its value."""
    refuse_brackets(text)
    root = _document(text)[0]
    for name, value in root.value if root is not None else ():
        if name.value == key:
            return name, value
    return None


def lines_of(text: str, start: int, last: yaml.Node) -> tuple[int, int]:
    """Return the span of whole lines from the offset `start` to the end of `last`."""
    while isinstance(last, yaml.CollectionNode) and last.value and not last.flow_style:
        last = last.value[-1]
        if isinstance(last, tuple):
            # The mark of an empty value is elsewhere: it ends where its key ends.
            last = last[1] if last[1].end_mark.index > last[0].end_mark.index else last[0]
    # PyYAML puts the end of a block behind the blank lines and comments that follow it.
    end = max(last.end_mark.index, start + 1)
    for begin, stop in line_spans(text):
        if begin < end <= stop:
            return text.rfind("\n", 0, start) + 1, stop
    return text.rfind("\n", 0, start) + 1, len(text)


def refuse_brackets(text: str) -> None:
    """Raise Unfit for a mapping that is written in brackets, to which no lines can be added."""
    root = _document(text)[0]
    if root is not None and root.flow_style:
        raise Unfit(*_IN_BRACKETS)


def load(text: str) -> Any:
    """Return what the text says; do not change it. Raises ValueError if it is not YAML."""
    return _document(text)[1]


@lru_cache(maxsize=8)
def _document(text: str) -> tuple[Any, Any]:
    """Return the root's node and what it says. Cached, because it takes long."""
    try:
        root = yaml.compose(text, yaml.SafeLoader)
        _refuse_bomb(root)
        # Reading puts merged keys into the nodes, although they stand nowhere in the text.
        again = yaml.compose(text, yaml.SafeLoader) if "<<" in text else root
        data = None if root is None else yaml.SafeLoader("").construct_document(again)
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        raise _mistake(error) from None
    if root is not None and not isinstance(root, yaml.MappingNode):
        raise ValueError("it is not a mapping")
    return root, data


def _refuse_bomb(root: Any) -> None:
    """Raise ValueError if the aliases make a text far longer than it is written, or endless."""
    sizes: dict[int, int] = {}

    def size(node: Any) -> int:
        if id(node) not in sizes:
            sizes[id(node)] = _MOST_NODES + 1  # stays if it contains itself
            inner = [] if isinstance(node, yaml.ScalarNode) else node.value
            parts = (part for one in inner for part in (one if isinstance(one, tuple) else (one,)))
            sizes[id(node)] = 1 + sum(map(size, parts))
        return sizes[id(node)]

    if root is not None and size(root) > _MOST_NODES:
        raise ValueError("its aliases unfold to too much")


def without_nulls(data: Any) -> Any:
    """Return `data` without members that are null, which tools read as missing."""
    if isinstance(data, dict):
        return {name: without_nulls(one) for name, one in data.items() if one is not None}
    return [without_nulls(one) for one in data] if isinstance(data, list) else data


def _mistake(error: Exception) -> ValueError:
    mark = getattr(error, "problem_mark", None)
    if "single document" in str(getattr(error, "context", "")):
        return Unfit(
            f"line {mark.line + 1 if mark else 1}: a second document begins",
            "its tool reads the first alone: take the others out first",
        )
    if not mark and "aliases" in str(error):
        return ValueError(str(error))
    return ValueError(f"line {mark.line + 1}: it is not YAML" if mark else "it is not YAML")
