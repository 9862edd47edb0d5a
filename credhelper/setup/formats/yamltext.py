"""YAML, as kubeconfigs and the kubelet use it: lists of items with a `name`, and top-level keys.

Our item goes first into its list; our top-level key goes to the end. PyYAML finds the places and
reads the result; it writes only what is ours.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from credhelper.setup.draft import Draft
from credhelper.setup.formats import Leaf, Made, documents, yamlflow, yamlplaces
from credhelper.setup.plan import Entry

# What some version of YAML, or Go's library, reads as a number; and `y` and `n`.
_NOT_PLAIN = re.compile(r"[-+]?\.?[0-9]|[-+]?\.(?:inf|nan)\b|[yYnN]\Z", re.IGNORECASE)


def leaves(text: str) -> list[Leaf]:
    """See `formats`. An empty text says nothing."""
    found: list[Leaf] = []
    _flatten(documents.document("yaml", text), (), found)
    return found


document = yamlplaces.document


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
            _put_item(draft, entry.at[0], {"name": name, **value}, made)
        else:
            yamlplaces.refuse_brackets(draft.text)
            if yamlplaces.member(draft.text, name) is not None:
                raise ValueError(f"{name} is there, without a value")
            draft.insert_lines(yamlplaces.end(draft.text), dumped({name: value}))


def take(draft: Draft, entry: Entry, made: Made) -> list[str]:
    """See `formats`."""
    changed = []
    for name, value in entry.values:
        if entry.at:
            if not _take_item(draft, entry.at[0], name, {"name": name, **value}, made):
                changed.append(name)
        else:
            found = yamlplaces.member(draft.text, name)
            if found is None:
                continue
            if yamlplaces.without_nulls(yamlplaces.said(found[1])) == value:
                draft.remove_lines(
                    *yamlplaces.lines_of(draft.text, found[0].start_mark.index, found[1])
                )
            else:
                changed.append(name)
    return changed


def _put_item(draft: Draft, key: str, item: dict[str, Any], made: Made) -> None:
    found = yamlplaces.member(draft.text, key)
    value = found[1] if found else None
    lines = dumped([item])
    if isinstance(value, yaml.SequenceNode) and value.value:
        if value.flow_style:
            yamlflow.put(draft, value, yamlflow.said(item))
            return
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
    """Put `lines` below a top-level key that is not there yet, or whose value is empty.

    Parameters: `kind`, the type that an empty value may have. Raises ValueError for other values.
    """
    found = yamlplaces.member(draft.text, key)
    if found is None:
        made[key] = None
        draft.insert_lines(yamlplaces.end(draft.text), [f"{key}:", *lines])
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
    """Take the item called `name` out of a list; False if somebody has changed it."""
    found = yamlplaces.member(draft.text, key)
    items = found[1].value if found and isinstance(found[1], yaml.SequenceNode) else []
    for node in items:
        if not yamlplaces.is_called(node, name):
            continue
        said = yamlplaces.without_nulls(yamlplaces.said(node))
        # Tools that rewrite such a file write null for a member that is missing.
        if said != wanted or found is None:
            return False
        if found[1].flow_style:
            yamlflow.take(draft, node, node)
            return True
        dash = draft.text.rindex("-", 0, node.start_mark.index)
        draft.remove_lines(*yamlplaces.lines_of(draft.text, dash, node))
        if len(items) == 1:
            restore(draft, key, made)
        return True
    return True


def restore(draft: Draft, key: str, made: Made) -> None:
    """Make an emptied list or mapping again what it was before we filled it."""
    found = yamlplaces.member(draft.text, key)
    if found is None or key not in made:
        return
    before = made.pop(key)
    name = found[0]
    if before is None:
        draft.remove_lines(*yamlplaces.lines_of(draft.text, name.start_mark.index, name))
    else:
        after = name.end_mark.index
        draft.splice(after, draft.text.index(":", after) + 1, before)


def dumped(data: Any) -> list[str]:
    """Return the lines that say `data`, without their ends."""
    text: str = yaml.dump(
        data, Dumper=_Dumper, default_flow_style=False, sort_keys=False, width=4096
    )
    return text.removesuffix("\n").split("\n")


class _Dumper(yaml.SafeDumper):
    """Quotes texts that YAML 1.2, or a tool's library, would read as something else."""


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
        found.append((path, documents.encode(data)))
