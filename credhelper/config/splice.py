"""Keys and tables of a TOML text: put in and taken out so that one undoes the other, byte by byte.

What is taken out is what would have been put in: the line with its end, the blank line that sets a
table off. So nobody has to remember how the text was.
"""

from __future__ import annotations

from typing import Any

from credhelper.config import spelling
from credhelper.config.toml_lines import Layout, Pair, Place, layout


def added(text: str, place: tuple[str, ...], value: Any, comment: str = "") -> str:
    """Return `text` with a key that it does not have.

    Parameters:
    - text: TOML that tomllib accepts.
    - place: of the key; a table at `profiles.NAME` gets a header of its own where it can.
    - value: plain data.
    - comment: to stand behind the value.

    Raises LookupError where there is no place for it.
    """
    *outer, name = place
    line = spelling.pair(name, value) + (f"  # {comment}" if comment else "")
    found = layout(text)
    if braces := found.inline.get(tuple(outer)):
        return _in_braces(text, found, braces, line)
    if isinstance(value, dict) and len(place) == 2:
        pairs = [spelling.pair(*one) for one in value.items()]
        return _with_block(text, [spelling.header(place), *pairs])
    if not outer:
        return _at_the_top(text, found, line)
    for number, header in enumerate(found.headers):
        if header.place == tuple(outer):
            pairs_there = _pairs_of(found, number)
            if pairs_there:
                return _below(text, pairs_there[-1], line)
            return _below_header(text, found, number, line)
    beside = [
        one
        for one in _inside(found, tuple(outer))
        if len(one.keys) > len(one.place) - len(outer)  # its own key leads here, not its header
    ]
    if beside:
        return _dotted(text, beside[-1], len(outer), line)
    for header in found.headers:
        if _within(header.place, tuple(outer)):
            # A table of which only an inner one has a header.
            start, newline = _line_start(text, header.start), _newline(text, header.end)
            block = [spelling.header(outer), line, "", ""]
            return text[:start] + newline.join(block) + text[start:]
    raise LookupError(place)


def replaced(text: str, place: Place, value: Any) -> str:
    """Return `text` with another value at `place`. Raises LookupError where none stands."""
    for one in layout(text).pairs:
        if one.place == place:
            spelled = spelling.value(value, text[one.value : one.end])
            return text[: one.value] + spelled + text[one.end :]
    raise LookupError(place)


def removed(text: str, place: Place) -> str:
    """Return `text` without what stands at `place` and below it."""
    while True:
        found = layout(text)
        pairs = [one for one in _inside(found, place) if not _goes_with_more(found, one, place)]
        headers = [n for n, one in enumerate(found.headers) if _within(one.place, place)]
        if headers:
            text = _without_section(text, found, headers[-1])
        elif pairs:
            text = _without_pair(text, found, pairs[-1])
        else:
            return text


def comment_behind(text: str, place: Place) -> str:
    """Return the comment on the line where the value at `place` ends; empty without one."""
    for one in layout(text).pairs:
        if one.place == place:
            rest = text[one.end : _line_end(text, one.end)].strip()
            return rest.removeprefix("#").strip() if rest.startswith("#") else ""
    return ""


def _within(place: Place, outer: Place) -> bool:
    return place[: len(outer)] == outer


def _inside(found: Layout, outer: Place) -> list[Pair]:
    return [one for one in found.pairs if _within(one.place, outer)]


def _pairs_of(found: Layout, header: int) -> list[Pair]:
    return [one for one in found.pairs if one.header == header and one.braces < 0]


def _goes_with_more(found: Layout, one: Pair, place: Place) -> bool:
    """Tell whether a pair is in braces, or below a header, that go as a whole."""
    if one.braces >= 0:
        return any(at == one.braces and _within(p, place) for p, (at, _) in found.inline.items())
    return one.header >= 0 and _within(found.headers[one.header].place, place)


def _in_braces(text: str, found: Layout, braces: tuple[int, int], pair: str) -> str:
    start, end = braces
    pairs = [one for one in found.pairs if one.braces == start]
    if pairs:
        return f"{text[: pairs[-1].end]}, {pair}{text[pairs[-1].end :]}"
    middle = start + 1 + (end - start - 2) // 2
    return text[:middle] + pair + text[middle:]


def _dotted(text: str, beside: Pair, depth: int, line: str) -> str:
    """Return `text` with a pair behind another one whose dotted key begins as its own does."""
    keys = len(beside.place) - depth
    prefix = text[beside.start : beside.keys[-1 - keys]]
    if beside.braces >= 0:
        return f"{text[: beside.end]}, {prefix}.{line}{text[beside.end :]}"
    return _below(text, beside, f"{prefix}.{line}")


def _at_the_top(text: str, found: Layout, line: str) -> str:
    pairs = _pairs_of(found, -1)
    if pairs:
        return _below(text, pairs[-1], line)
    if not found.headers:
        return _with_block(text, [line])
    start = _line_start(text, found.headers[0].start)
    # The comment above a header is about that table.
    while start and text[_line_start(text, start - 1) : start].lstrip().startswith("#"):
        start = _line_start(text, start - 1)
    newline = _newline(text, start)
    return text[:start] + line + newline + newline + text[start:]


def _below_header(text: str, found: Layout, number: int, line: str) -> str:
    header = found.headers[number]
    end = _line_end(text, header.end)
    if number + 1 < len(found.headers):
        following = _line_start(text, found.headers[number + 1].start)
        if text[end:following].isspace() and text[end:following].count("\n") > 1:
            # Directly below the header, it would look as if both had come together.
            newline = _newline(text, end)
            return text[:following] + line + newline + text[following:]
    return _with_line(text, end, line)


def _below(text: str, above: Pair, line: str) -> str:
    start = _line_start(text, above.start)
    indent = text[start : above.start]
    return _with_line(text, _line_end(text, above.end), indent + line)


def _with_line(text: str, end: int, line: str) -> str:
    """Return `text` with a line behind the one that ends at `end`."""
    newline = _newline(text, end)
    return text[:end] + newline + line + text[end:]


def _with_block(text: str, lines: list[str]) -> str:
    """Return `text` with lines at its end, set off by a blank one; blank lines stay behind them."""
    newline = _newline(text, len(text))
    block = newline.join(lines)
    if not text:
        return block + newline
    end = _line_end(text, len(text.rstrip()))
    if not text.strip() and text.endswith("\n"):
        return text + newline + block + newline
    return text[:end] + newline + newline + block + text[end:]


def _without_pair(text: str, found: Layout, one: Pair) -> str:
    if one.braces >= 0:
        return _without_inline(text, found, one)
    start, end = _line_start(text, one.start), _line_end(text, one.end)
    if one.header < 0 and (not start or _blank_above(text, start)):
        if _blank_below(text, end):
            end = _next_line_end(text, end)
        elif start and not text[end:].strip():
            start = _line_start(text, start - 1)
    elif one.header >= 0 and _pairs_of(found, one.header) == [one]:
        header, *following = found.headers[one.header : one.header + 2]
        if following and _within(following[0].place, header.place):
            first, last = _line_start(text, header.start), _line_start(text, following[0].start)
            around = (text[header.end : start], text[end:last])
            if [part.replace("\r", "") for part in around] == ["\n", "\n\n"]:
                return text[:first] + text[last:]  # the header came with its first pair
    return _without_lines(text, start, end)


def _without_inline(text: str, found: Layout, one: Pair) -> str:
    pairs = [each for each in found.pairs if each.braces == one.braces]
    number = pairs.index(one)
    if number + 1 < len(pairs):
        return text[: one.start] + text[pairs[number + 1].start :]
    start = pairs[number - 1].end if number else one.start
    return text[:start] + text[one.end :]


def _without_section(text: str, found: Layout, number: int) -> str:
    """Return `text` without a header and its pairs; comments above and below stay."""
    header = found.headers[number]
    start = _line_start(text, header.start)
    ends = [one.end for one in _pairs_of(found, number)]
    end = _line_end(text, max([header.end, *ends]))
    if start and _blank_above(text, start):
        start = _line_start(text, start - 1)
    elif not start and _blank_below(text, end):
        end = _next_line_end(text, end)
    return _without_lines(text, start, end)


def _without_lines(text: str, start: int, end: int) -> str:
    """Return `text` without whole lines, from where the first one starts to where the last ends."""
    following = text.find("\n", end) + 1
    if following:
        return text[:start] + text[following:]
    # The last line of a text that has no line end there: the one above it ends so, then.
    return text[:start].removesuffix("\n").removesuffix("\r") + text[end:]


def _blank_above(text: str, start: int) -> bool:
    return bool(start) and not text[_line_start(text, start - 1) : start].strip()


def _blank_below(text: str, end: int) -> bool:
    """Tell whether a blank line is below the line that ends at `end`, and something below that."""
    following = text[end:]
    return bool(following.strip()) and not following.split("\n", 2)[1].strip()


def _next_line_end(text: str, end: int) -> int:
    return _line_end(text, text.index("\n", end) + 1)


def _line_start(text: str, at: int) -> int:
    """Return where the line begins that `at` is in."""
    return text.rfind("\n", 0, at) + 1


def _line_end(text: str, at: int) -> int:
    """Return where the line ends that `at` is in: before its line end."""
    found = text.find("\n", at)
    if found < 0:
        return len(text)
    return found - (found > 0 and text[found - 1] == "\r")


def _newline(text: str, at: int) -> str:
    """Return the line end that lines have here: of this line, else of the first one."""
    found = text.find("\n", at)
    if found < 0:
        found = text.find("\n")
    return "\r\n" if found > 0 and text[found - 1] == "\r" else "\n"
