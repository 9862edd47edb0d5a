"""Items of arrays in a TOML text: put in and taken out so that one undoes the other, byte by byte.

tomlkit reads an array well, and does not write all of it as it was: a comma at the end, blanks, or
a comment move. So an item is put into the text, and taken out of it, where it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from credhelper.config import spelling
from credhelper.config.toml_lines import Array, Place, layout

_INDENT = "    "  # of an item on a line of its own, where no other shows one


def with_items_of(text: str, before: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Return `text` with each array of strings changed as far as `wanted` differs from `before`.

    Parameters:
    - text: TOML that tomllib accepts.
    - before: what it says.
    - wanted: what it is to say; only arrays that are in both count.
    """
    for place, old, new in _changed((), before, wanted):
        for number in reversed(range(len(old))):
            if old[number] not in new:
                text = _without_comment_above(text, layout(text).arrays[place], number)
                text = _without(text, layout(text).arrays[place], number)
        for item in new:
            if item not in old:
                text = _with(text, layout(text).arrays[place], item)
    return text


def plain(text: str, place: Place) -> bool:
    """Tell whether the array at `place` holds one item and nothing else, as we write a new one."""
    array = layout(text).arrays[place]
    return len(array.items) == 1 and array.items[0] == (array.start + 1, array.end - 1)


def line_of(text: str, place: Place, data: Mapping[str, Any], item: str) -> str | None:
    """Return the line with `item` of an array, as it would be without the array's other items.

    Parameters:
    - text: TOML that tomllib accepts.
    - place: of the array; below inline tables, only its key and value count as its line.
    - data: what the text says at the place: the keys around the array.

    None where the item is not in it.
    """
    items = data.get(str(place[-1]), [])
    if item not in items:
        return None
    alone: dict[str, Any] = {str(place[-1]): [item]}
    before: dict[str, Any] = {str(place[-1]): items}
    for key in reversed(place[:-1]):
        alone, before = {str(key): alone}, {str(key): before}
    text = with_items_of(text, before, alone)
    found = layout(text)
    pair = next(one for one in found.pairs if one.place == place)
    begin, end = found.arrays[place].items[0]
    if pair.braces >= 0:
        return text[pair.start : pair.end]
    return text[text.rfind("\n", 0, begin) + 1 : _line_end(text, end, len(text))]


def emptied(before: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[Place]:
    """Return the places of the arrays that have items before, and none in what is wanted."""
    return [place for place, _, new in _changed((), before, wanted) if not new]


def _changed(
    place: Place, before: Mapping[str, Any], wanted: Mapping[str, Any]
) -> list[tuple[Place, list[str], list[str]]]:
    found = []
    for key, old in before.items():
        new = wanted.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            found += _changed((*place, key), old, new)
        elif old != new and _strings(old) and _strings(new):
            found.append(((*place, key), old, new))
    return found


def _strings(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _with(text: str, array: Array, item: str) -> str:
    """Return `text` with `item` behind the last one of the array."""
    literal = spelling.value(item)
    if not array.items:
        return _with_first(text, array, literal)
    begin, end = array.items[-1]
    lead = text[_before(array, -1) : begin]
    blanks = lead[lead.rfind("\n") + 1 :]
    if "\n" not in lead or blanks.strip():
        # On the line of the one before it.
        alike = array.items[1:] and "#" not in lead and "\n" not in lead
        return f"{text[:end]}{lead if alike else ', '}{literal}{text[end:]}"
    new = f"{_newline(lead)}{blanks}{literal}"
    line = _line_end(text, end, array.end - 1)
    if "#" not in text[end:line] or array.commas[-1] > line:
        return f"{text[:end]},{new}{text[end:]}"
    # A comment stands behind the last one, and is about that.
    if array.commas[-1] >= 0:
        return f"{text[:line]}{new},{text[line:]}"
    return f"{text[:end]},{text[end:line]}{new}{text[line:]}"


def _with_first(text: str, array: Array, literal: str) -> str:
    begin, end = array.start + 1, array.end - 1
    inside = text[begin:end]
    if "\n" in inside:
        # Above all comments: a comment directly above an item goes with it.
        at = _line_end(text, begin, end)
        return f"{text[:at]}{_newline(inside)}{_INDENT}{literal},{text[at:]}"
    # The comma tells that the array was there: without its item it stays.
    return f"{text[:begin]}{literal}{'' if inside else ','}{text[begin:]}"


def _without(text: str, array: Array, number: int) -> str:
    """Return `text` without the item of that number, and what `_with` puts in with it."""
    (begin, end), comma = array.items[number], array.commas[number]
    before = _before(array, number)
    lead = text[before:begin]
    line = _last_line(text, before, begin)
    own = line >= 0 and not text[line:begin].strip()  # nothing stands before it on its line
    if number < len(array.items) - 1:
        following = array.items[number + 1][0]
        if "#" not in text[end:following]:
            return text[:begin] + text[following:]
        rest = _line_end(text, end, following)
        if own and comma < rest:
            return text[:line] + text[rest:]
        return text[:begin] + text[end:comma] + text[comma + 1 :]
    past = max(end, comma + 1)
    if own and (not number or "#" in lead):
        # A bracket on the same line must not get behind the comment above.
        bare = _line_end(text, past, array.end - 1) < array.end - 1
        cut = line if bare or "#" not in lead else begin
        if comma < 0 and number:
            # It takes the comma that came with it.
            former = array.commas[number - 1]
            return text[:former] + text[former + 1 : cut] + text[past:]
        return text[:cut] + text[past:]
    if number and "#" not in lead:
        return text[:before] + text[end:]
    return text[:begin] + text[past:]


def _without_comment_above(text: str, array: Array, number: int) -> str:
    """Return `text` without the lines of comment directly above an item that goes.

    They are about that item, and not about the next one. In an array that gets empty they stay.
    """
    begin = array.items[number][0]
    line = start = text.rfind("\n", 0, begin) + 1
    least = max(_before(array, number), array.commas[number - 1] if number else 0)
    if not array.items[1:] or line <= least or text[line:begin].strip():
        return text
    while True:
        above = text.rfind("\n", 0, start - 1) + 1
        if above <= least or not text[above:start].lstrip().startswith("#"):
            return text[:start] + text[line:]
        start = above


def _before(array: Array, number: int) -> int:
    """Return where that ends which stands before an item: the item before it, or the bracket."""
    number %= len(array.items)
    return array.items[number - 1][1] if number else array.start + 1


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _last_line(text: str, begin: int, end: int) -> int:
    """Return where the last line end between two places begins; -1 without one."""
    found = text.rfind("\n", begin, end)
    return found - 1 if found > begin and text[found - 1] == "\r" else found


def _line_end(text: str, at: int, most: int) -> int:
    """Return where the line ends, or `most` if that comes first."""
    found = text.find("\n", at, most)
    if found < 0:
        return most
    return found - 1 if found > at and text[found - 1] == "\r" else found
