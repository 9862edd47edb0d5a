"""YAML whose top-level keys hold mappings, as Flyte's: our keys go first into those mappings.

`leaves` and the top-level keys are as in `yamltext`.
"""

from __future__ import annotations

from typing import Any

import yaml

from credhelper.setup.draft import Draft
from credhelper.setup.formats import Leaf, Made, yamlflow, yamlplaces, yamltext
from credhelper.setup.plan import Entry

_INDENT = "  "


def leaves(text: str) -> list[Leaf]:
    """See `formats`."""
    return yamltext.leaves(text)


def says(entry: Entry) -> list[Leaf]:
    """See `formats`."""
    (key,) = entry.at
    return [
        ((key, *place), value)
        for one in entry.values
        for place, value in yamltext.says(Entry((), (one,)))
    ]


def put(draft: Draft, entry: Entry, made: Made) -> None:
    """See `formats`."""
    (key,) = entry.at
    # Each goes to the front, so the first comes last.
    for name, value in reversed(entry.values):
        _put(draft, key, name, value, made)


def take(draft: Draft, entry: Entry, made: Made) -> list[str]:
    """See `formats`."""
    (key,) = entry.at
    changed = []
    for name, value in entry.values:
        found = yamlplaces.member(draft.text, key)
        members = found[1].value if found and isinstance(found[1], yaml.MappingNode) else []
        for own, node in members:
            if own.value != name:
                continue
            if found is None or yamlplaces.without_nulls(yamlplaces.said(node)) != value:
                changed.append(name)
                break
            if found[1].flow_style:
                yamlflow.take(draft, own, node)
                break
            draft.remove_lines(*yamlplaces.lines_of(draft.text, own.start_mark.index, node))
            if len(members) == 1:
                yamltext.restore(draft, key, made)
            break
    return changed


def _put(draft: Draft, key: str, name: str, said: Any, made: Made) -> None:
    found = yamlplaces.member(draft.text, key)
    value = found[1] if found else None
    lines = yamltext.dumped({name: said})
    if found is None or not isinstance(value, yaml.MappingNode) or not value.value:
        indented = [_INDENT + line for line in lines]
        yamltext.put_below(draft, key, indented, made, yaml.MappingNode)
        return
    if value.flow_style:
        yamlflow.put(draft, value, f"{yamlflow.said(name)}: {yamlflow.said(said)}")
        return
    # Above a comment on the first of their keys.
    begin = draft.text.index("\n", found[0].end_mark.index) + 1
    indent = " " * value.value[0][0].start_mark.column
    draft.insert_lines(begin, [indent + line for line in lines])
