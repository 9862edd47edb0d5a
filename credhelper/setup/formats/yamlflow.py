"""YAML in brackets: what is ours goes first into them, as JSON, which is YAML as well."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from credhelper.setup.draft import Draft

_OPEN = {yaml.SequenceNode: "[", yaml.MappingNode: "{"}


def put(draft: Draft, node: yaml.CollectionNode, ours: str) -> None:
    """Put an item or member first into a list or mapping that is not empty.

    Raises ValueError where an anchor or tag stands before the bracket.
    """
    start = node.start_mark.index
    if draft.text[start] != _OPEN[type(node)]:
        raise ValueError("its brackets are written in an unusual way")
    draft.splice(start + 1, start + 1, f"{ours}, ")


def take(draft: Draft, first: yaml.Node, last: yaml.Node) -> None:
    """Take the item or member out that goes from `first` to `last`, and its comma."""
    start, end = first.start_mark.index, last.end_mark.index
    comma = re.compile(r",[ ]?").match(draft.text, end)
    if comma:
        draft.splice(start, comma.end(), "")
        return
    kept = draft.text[:start].rstrip().removesuffix(",")
    draft.splice(len(kept), end, "")


def said(data: Any) -> str:
    """Return plain data as it stands in brackets."""
    return json.dumps(data, ensure_ascii=False)
