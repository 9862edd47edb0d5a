"""JSON: a new member goes first into its object, so that no line of others needs a comma.

Strict: a file with comments, a trailing comma or a repeated name is refused.
"""

from __future__ import annotations

import json
from typing import Any

from credhelper.setup.draft import Draft
from credhelper.setup.formats import Leaf, Made, documents, jsonplaces
from credhelper.setup.formats.jsonplaces import Value
from credhelper.setup.plan import Entry

_UNIT = "  "
_WHOLE = "whole"  # in `made`: the text was blank


def leaves(text: str) -> list[Leaf]:
    """See `formats`. An empty text says nothing."""
    return documents.leaves(documents.document("json", text))


def document(text: str) -> dict[str, Any]:
    """See `documents`."""
    found = documents.parsed_json(text) if text.strip() else {}
    if not isinstance(found, dict):
        raise ValueError("it is not an object")
    return found


says = documents.says


def put(draft: Draft, entry: Entry, made: Made) -> None:
    """See `formats`."""
    for name, value in entry.values:
        _put(draft, (*entry.at, name), value, made)


def take(draft: Draft, entry: Entry, made: Made) -> list[str]:
    """See `formats`."""
    changed = []
    for name, value in entry.values:
        path = (*entry.at, name)
        lineage = jsonplaces.lineage(draft.text, path)
        if len(lineage) <= len(path):
            continue
        found = lineage[-1]
        if documents.parsed_json(draft.text[found.start : found.end]) == value:
            _remove(draft, path, made)
        else:
            changed.append(name)
    return changed


def _put(draft: Draft, path: tuple[str, ...], value: Any, made: Made) -> None:
    if not draft.text.strip():
        made[_WHOLE] = draft.text
        draft.splice(0, len(draft.text), "{}" + draft.line_end)
    lineage = jsonplaces.lineage(draft.text, path)
    inner = lineage[-1]
    if len(lineage) <= len(path) and draft.text[inner.start : inner.end] == "null":
        # The tool reads null as an object without members.
        made[_id(path[: len(lineage) - 1])] = ["null"]
        draft.splice(inner.start, inner.end, "{}")
        lineage = jsonplaces.lineage(draft.text, path)
        inner = lineage[-1]
    if len(lineage) > len(path) or draft.text[inner.start] != "{":
        raise ValueError(f"{'.'.join(path[: len(lineage) - 1])} is something else")
    depth = len(lineage) - 1
    for number in range(depth + 1, len(path)):
        made[_id(path[:number])] = None
    nested = value
    for name in reversed(path[depth + 1 :]):
        nested = {name: nested}
    _insert(draft, inner, path[depth], nested, path[:depth], made)


def _insert(
    draft: Draft, inner: Value, name: str, value: Any, path: tuple[str, ...], made: Made
) -> None:
    """Put a member into the object `inner`, which is at `path`."""
    text = draft.text
    key = json.dumps(name, ensure_ascii=False)
    unit = _unit(text)
    if inner.members:
        blanks = text[inner.start + 1 : inner.members[0][1]]
        shown = _shown(value, unit, blanks if "\n" in blanks else "", draft.line_end)
        draft.splice(inner.start + 1, inner.start + 1, f"{blanks}{key}: {shown},")
        return
    before = text[inner.start + 1 : inner.end - 1]
    made.setdefault(_id(path), before)
    line = text.rfind("\n", 0, inner.start) + 1
    outside = draft.line_end + jsonplaces.BLANKS.match(text, line)[0]  # type: ignore[index]  # matches always
    if unit:
        inside = outside + unit
        shown = f"{inside}{key}: {_shown(value, unit, inside, draft.line_end)}{outside}"
    else:
        shown = f"{key}: {_shown(value, '', '', '')}"
    draft.splice(inner.start + 1, inner.end - 1, shown)


def _shown(value: Any, unit: str, before: str, line_end: str) -> str:
    """Return `value` as JSON; over several lines if `before` begins a line."""
    if not unit or "\n" not in before:
        return json.dumps(value, ensure_ascii=False)
    indent = before[before.rindex("\n") + 1 :]
    return json.dumps(value, ensure_ascii=False, indent=unit).replace("\n", line_end + indent)


def _unit(text: str) -> str:
    """Return the indent that the text uses; empty if the text is all on one line."""
    root = jsonplaces.scan(text)
    if not root.members:
        return _UNIT
    blanks = text[root.start + 1 : root.members[0][1]]
    return (blanks.rpartition("\n")[2] or _UNIT) if "\n" in blanks else ""


def _remove(draft: Draft, path: tuple[str, ...], made: Made) -> None:
    """Take the member at `path` out, and the objects that we made and that are empty then."""
    inner = jsonplaces.lineage(draft.text, path[:-1])[-1]
    number = [name for name, _, _ in inner.members].index(path[-1])
    value = inner.members[number][2]
    if number + 1 < len(inner.members):
        start = inner.members[number - 1][2].end if number else inner.start + 1
        start = draft.text.index(",", start) + 1 if number else start
        draft.splice(start, draft.text.index(",", value.end) + 1, "")
        return
    if number:
        draft.splice(inner.members[number - 1][2].end, value.end, "")
        return
    outer = path[:-1]
    before = made.pop(_id(outer), "")
    if before is None:
        _remove(draft, outer, made)
    elif isinstance(before, list):
        draft.splice(inner.start, inner.end, before[0])
    elif not outer and _WHOLE in made:
        draft.splice(0, len(draft.text), made.pop(_WHOLE))
    else:
        draft.splice(inner.start + 1, inner.end - 1, before)


def _id(path: tuple[str, ...]) -> str:
    return json.dumps(path)
