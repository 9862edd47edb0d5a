"""YAML, as kubeconfigs and the kubelet use it: lists of things with a `name`, and keys at the top.

A list's item of ours goes first, a key at the top to the end. PyYAML tells where things stand, and
reads what comes of it; it writes only what is ours.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

import yaml

from credhelper.setup.draft import Draft, line_spans
from credhelper.setup.formats import Leaf, Made, Unfit
from credhelper.setup.plan import Entry

# A number in some version of YAML, or in Go's; and yes and no in one letter.
_NOT_PLAIN = re.compile(r"[-+]?\.?[0-9]|[-+]?\.(?:inf|nan)\b|[yYnN]\Z", re.IGNORECASE)

_MOST_NODES = 2_000_000
_IN_BRACKETS = (
    "it is JSON, or YAML in brackets, and what setup adds are lines of YAML",
    "let its tool write it as YAML first; kubectl: kubectl config view --raw -o yaml",
)


def leaves(text: str) -> list[Leaf]:
    """See `formats`. An empty text says nothing."""
    found: list[Leaf] = []
    _flatten(load(text) or {}, (), found)
    return found


def says(entry: Entry) -> list[Leaf]:
    """See `formats`."""
    found: list[Leaf] = []
    for name, value in entry.values:
        if entry.at:
            _flatten({entry.at[0]: [{"name": name, **value}]}, (), found)
        else:
            _flatten({name: value}, (), found)
    return found


def put(draft: Draft, entry: Entry, made: Made) -> None:
    """See `formats`."""
    for name, value in entry.values:
        if entry.at:
            _put_item(draft, entry.at[0], dumped([{"name": name, **value}]), made)
        else:
            _end_last_line(draft)
            draft.insert_lines(len(draft.text), dumped({name: value}))


def take(draft: Draft, entry: Entry, made: Made) -> list[str]:
    """See `formats`."""
    changed = []
    for name, value in entry.values:
        if entry.at:
            if not _take_item(draft, entry.at[0], name, {"name": name, **value}, made):
                changed.append(name)
        else:
            found = member(draft.text, name)
            if found is None:
                continue
            if without_nulls(load(draft.text)[name]) == value:
                draft.remove_lines(*lines_of(draft.text, found[0].start_mark.index, found[1]))
            else:
                changed.append(name)
    return changed


def _put_item(draft: Draft, key: str, lines: list[str], made: Made) -> None:
    found = member(draft.text, key)
    value = found[1] if found else None
    if isinstance(value, yaml.SequenceNode) and value.value and not value.flow_style:
        start = draft.text.rindex("-", 0, value.value[0].start_mark.index)
        begin = draft.text.rfind("\n", 0, start) + 1
        indent = draft.text[begin:start]
        if indent.strip():
            raise ValueError(f"{key} is written in an unusual way")
        draft.insert_lines(begin, [indent + line for line in lines])
        return
    put_below(draft, key, lines, made, yaml.SequenceNode)


def put_below(
    draft: Draft, key: str, lines: list[str], made: Made, kind: type[yaml.CollectionNode]
) -> None:
    """Put `lines` below a key at the top that is not there yet, or whose value is empty.

    Parameters: `kind`, what an empty value may be besides none. Raises ValueError for others.
    """
    found = member(draft.text, key)
    if found is None:
        made[key] = None
        draft.insert_lines(len(draft.text), [f"{key}:", *lines])
        return
    name, value = found
    empty = isinstance(value, kind) and not value.value
    if not empty and value.tag != "tag:yaml.org,2002:null":
        raise ValueError(f"{key} is something else than lines that can be added to")
    after = name.end_mark.index
    end = max(value.end_mark.index, draft.text.index(":", after) + 1)
    made.setdefault(key, draft.text[after:end])
    draft.splice(after, end, ":")
    begin = draft.text.find("\n", after) + 1
    if not begin:
        draft.insert_lines(len(draft.text), lines)
    else:
        draft.insert_lines(begin, lines)


def _take_item(draft: Draft, key: str, name: str, wanted: Any, made: Made) -> bool:
    """Take the item called `name` out of a list; False if it is not what we wrote."""
    found = member(draft.text, key)
    items = found[1].value if found and isinstance(found[1], yaml.SequenceNode) else []
    data = (load(draft.text) or {}).get(key) or []
    for node, item in zip(items, data, strict=False):
        if not isinstance(item, dict) or item.get("name") != name:
            continue
        # Tools that write such a file anew put a null for what is not there.
        if without_nulls(item) != wanted or found is None or found[1].flow_style:
            return False
        dash = draft.text.rindex("-", 0, node.start_mark.index)
        draft.remove_lines(*lines_of(draft.text, dash, node))
        if len(items) == 1:
            restore(draft, key, made)
        return True
    return True


def restore(draft: Draft, key: str, made: Made) -> None:
    """Let an emptied list or mapping be what it was before we made it one."""
    found = member(draft.text, key)
    if found is None or key not in made:
        return
    before = made.pop(key)
    name = found[0]
    if before is None:
        draft.remove_lines(*lines_of(draft.text, name.start_mark.index, name))
    else:
        after = name.end_mark.index
        draft.splice(after, draft.text.index(":", after) + 1, before)


# --- where things stand ---------------------------------------------------------------------------


def member(text: str, key: str) -> tuple[Any, Any] | None:
    """Return the key at the top, and its value."""
    root = _compose(text)
    if root is None:
        return None
    if root.flow_style:
        raise Unfit(*_IN_BRACKETS)
    for name, value in root.value:
        if name.value == key:
            return name, value
    return None


def lines_of(text: str, start: int, last: yaml.Node) -> tuple[int, int]:
    """Return from where to where the lines go, from the offset `start` to the end of `last`."""
    while isinstance(last, yaml.CollectionNode) and last.value and not last.flow_style:
        last = last.value[-1]
        if isinstance(last, tuple):
            # An empty value ends where its key does; it tells another place.
            last = last[1] if last[1].end_mark.index > last[0].end_mark.index else last[0]
    # A block's end is told to be behind the blank lines and comments that follow it.
    end = max(last.end_mark.index, start + 1)
    for begin, stop in line_spans(text):
        if begin < end <= stop:
            return text.rfind("\n", 0, start) + 1, stop
    return text.rfind("\n", 0, start) + 1, len(text)


def _end_last_line(draft: Draft) -> None:
    root = _compose(draft.text)
    if root is not None and root.flow_style:
        raise Unfit(*_IN_BRACKETS)


def _compose(text: str) -> Any:
    return _document(text)[0]


def load(text: str) -> Any:
    """Return what the text says, not to be changed. Raises ValueError if it is not YAML."""
    return _document(text)[1]


@lru_cache(maxsize=8)
def _document(text: str) -> tuple[Any, Any]:
    """Return the root's node and what it says: of each text once, since that takes long."""
    try:
        root = yaml.compose(text, yaml.SafeLoader)
        _refuse_bomb(root)
        # Merged keys are put into the nodes when these are read, and stand nowhere in the text.
        again = yaml.compose(text, yaml.SafeLoader) if "<<" in text else root
        data = None if root is None else yaml.SafeLoader("").construct_document(again)
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        raise _mistake(error) from None
    if root is not None and not isinstance(root, yaml.MappingNode):
        raise ValueError("it is not a mapping")
    return root, data


def _refuse_bomb(root: Any) -> None:
    """Raise ValueError if aliases unfold to more than a person would write, or without end."""
    sizes: dict[int, int] = {}

    def size(node: Any) -> int:
        if id(node) not in sizes:
            sizes[id(node)] = _MOST_NODES + 1  # inside of itself
            inner = [] if isinstance(node, yaml.ScalarNode) else node.value
            parts = (part for one in inner for part in (one if isinstance(one, tuple) else (one,)))
            sizes[id(node)] = 1 + sum(map(size, parts))
        return sizes[id(node)]

    if root is not None and size(root) > _MOST_NODES:
        raise ValueError("its aliases unfold to too much")


def without_nulls(data: Any) -> Any:
    """Return `data` as a tool sees it, to which null is the same as nothing."""
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


def dumped(data: Any) -> list[str]:
    """Return the lines that say `data`, without their ends."""
    text: str = yaml.dump(
        data, Dumper=_Dumper, default_flow_style=False, sort_keys=False, width=4096
    )
    return text.removesuffix("\n").split("\n")


class _Dumper(yaml.SafeDumper):
    """Puts in quotes what YAML 1.2, or a tool's library, would not read as text."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style='"' if _NOT_PLAIN.match(text) else None
    )


_Dumper.add_representer(str, _text)


def _flatten(data: Any, path: tuple[str, ...], found: list[Leaf]) -> None:
    if isinstance(data, dict) and data:
        for name, value in data.items():
            _flatten(value, (*path, str(name)), found)
    elif isinstance(data, list) and data:
        for item in data:
            named = isinstance(item, dict) and "name" in item
            _flatten(item, (*path, str(item["name"]) if named else "-"), found)
    elif data is not None and data != [] and data != {}:
        found.append((path, json.dumps(data, default=str)))
