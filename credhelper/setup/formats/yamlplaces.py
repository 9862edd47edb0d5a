"""Where the nodes of a YAML text stand, and what they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import yaml

from credhelper.setup.draft import line_spans
from credhelper.setup.formats import Unfit, documents

# The one made of libyaml is six times as fast. Its parser bounds how deep it goes by itself.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MOST_COPIES = 100_000  # nodes that stand in the text once, and are read again by an alias
_UNFOLDED = "its aliases unfold to too much"
_END = re.compile(r"^\.\.\.(?=\s|\Z)", re.MULTILINE)
_IN_BRACKETS = (
    "it is JSON, or YAML in brackets, and what setup adds are lines of YAML",
    "let its tool write it as YAML first; kubectl: kubectl config view --raw -o yaml",
)


def member(text: str, key: str) -> tuple[Any, Any] | None:
    """Return the nodes of a top-level key and of its value."""
    refuse_brackets(text)
    node = root(text)
    for name, value in node.value if node is not None else ():
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


def end(text: str) -> int:
    """Return where a line may be added at the end: above the mark that ends a document."""
    mark = _END.search(text)
    return mark.start() if mark else len(text)


def refuse_brackets(text: str) -> None:
    """Raise Unfit for a mapping that is written in brackets, to which no lines can be added."""
    node = root(text)
    if node is not None and node.flow_style:
        raise Unfit(*_IN_BRACKETS)


def document(text: str) -> dict[str, Any]:
    """See `documents`. Of several texts in one, the first is not taken for all."""
    node = root(text)
    if node is None:
        return {}
    _refuse_bomb(node)
    # Merged keys are put into the nodes when these are read, and stand nowhere in the text.
    found: dict[str, Any] = said(_composed(text) if "<<" in text else node)
    return found


@lru_cache(maxsize=8)
def root(text: str) -> Any:
    """Return the mapping that a text is, None for a blank one. Raises ValueError for others."""
    return _composed(text)


def said(node: Any) -> Any:
    """Return what a node says, of a text that `document` accepts. Raises ValueError."""
    try:
        return yaml.SafeLoader("").construct_document(node)
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        raise _mistake(error) from None


def is_called(node: Any, name: str) -> bool:
    """Tell whether a node, of a list's item, is a mapping that says `name: NAME`."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return any((key.value, value.value) == ("name", name) for key, value in pairs)


def without_nulls(data: Any) -> Any:
    """Return `data` without members that are null, which tools read as missing."""
    if isinstance(data, dict):
        return {name: without_nulls(one) for name, one in data.items() if one is not None}
    return [without_nulls(one) for one in data] if isinstance(data, list) else data


def _composed(text: str) -> Any:
    try:
        found = yaml.compose(text, _LOADER)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise _mistake(error) from None
    if found is not None and not isinstance(found, yaml.MappingNode):
        raise ValueError("it is not a mapping")
    return found


def _refuse_bomb(node: Any) -> None:
    """Raise ValueError for what is too deep, or that aliases unfold to too much, or without end."""
    known: set[int] = set()
    level = [node]
    copies = before = 0
    for _ in range(documents.DEEPEST + 1):
        inner = []
        before = copies
        for part in (part for one in level for part in _inside(one)):
            copies += id(part) in known
            if copies > _MOST_COPIES:
                raise ValueError(_UNFOLDED)
            known.add(id(part))
            inner.append(part)
        level = inner
        if not level:
            return
    raise ValueError(_UNFOLDED if copies > before else documents.TOO_DEEP)


def _inside(node: Any) -> Iterator[Any]:
    if isinstance(node, yaml.MappingNode):
        for pair in node.value:
            yield from pair
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _mistake(error: Exception) -> ValueError:
    mark = getattr(error, "problem_mark", None)
    if isinstance(error, RecursionError) or "nesting depth" in str(error):
        return ValueError(documents.TOO_DEEP)
    if "single document" in str(getattr(error, "context", "")):
        return Unfit(
            f"line {mark.line + 1 if mark else 1}: a second document begins",
            "its tool reads only the first: remove the others first",
        )
    return ValueError(f"line {mark.line + 1}: it is not YAML" if mark else "it is not YAML")
