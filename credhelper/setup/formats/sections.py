"""Files of sections: `[header]` lines, with `name = value` lines below them.

Only lines of ours are put in and taken out. The `Dialect` says how the tool writes and reads them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from credhelper.setup.draft import Draft, line_spans
from credhelper.setup.formats import Made
from credhelper.setup.plan import Entry

# Anchored, and with the last character named, so that a long line takes linear time.
_PAIR = re.compile(r"\A\s*([^=:\s]+)\s*[=:]\s*(.*\S|)\s*\Z")
# A bracket in quotes does not end a header: IPv6 addresses have brackets.
_HEADER = re.compile(r"\[(?:[^\]\"]|\"(?:[^\"\\]|\\.)*\")*\]")


@dataclass(frozen=True)
class Dialect:
    """How the files of a tool are written.

    Parameters: `header` and `line` write a header and a line; `opens` returns where in a text the
    lines of headers begin; `blank`, whether to write a blank line before a section.
    """

    header: Callable[[tuple[str, ...]], str]
    line: Callable[[str, str], str]
    opens: Callable[[str], set[int]]
    blank: bool


@dataclass(frozen=True)
class Line:
    """A line of a text, from `start` to `end`."""

    start: int
    end: int
    text: str  # without blanks at its ends

    @property
    def header(self) -> str:
        """The text up to the bracket, without a comment behind it."""
        return header_in(self.text)

    @property
    def plain(self) -> str:
        """What it says, without the blanks around the sign."""
        return _plain(self.text)

    @property
    def says(self) -> bool:
        """Whether it is more than a blank line or a comment."""
        return bool(self.text) and self.text[0] not in "#;"


def header_in(line: str) -> str:
    """Return the header that `line` begins with, without what is behind it."""
    found = _HEADER.match(line)
    return found[0] if found else line[: line.find("]") + 1]


def append(
    draft: Draft, entry: Entry, dialect: Dialect, made: Made, place: int | None = None
) -> None:
    """Put a section of its own at the end of the file, or at `place`, where a line begins."""
    lines = [dialect.header(entry.at)]
    lines += [dialect.line(name, value) for name, value in entry.values]
    lead = dialect.blank and bool(draft.text.strip()) and bool(_lines(draft.text)[-1].text)
    made[dialect.header(entry.at)] = lead
    at = len(draft.text) if place is None else place
    draft.insert_lines(at, ["", *lines] if lead else lines)


def each(text: str, dialect: Dialect) -> list[tuple[Line, list[Line]]]:
    """Return the line of each header, and the lines below it."""
    return [(header, body) for _, header, body in _sections(text, dialect)]


def put(draft: Draft, entry: Entry, dialect: Dialect, made: Made) -> None:
    """Put lines below the first header of the entry; without one, a section at the end."""
    for _, header, body in _sections(draft.text, dialect):
        if header.header == dialect.header(entry.at):
            # Indented like the others: a deeper indent would continue the line above.
            first = next((draft.text[one.start : one.end] for one in body if one.says), "")
            indent = first[: len(first) - len(first.lstrip())]
            lines = [indent + dialect.line(name, value) for name, value in entry.values]
            draft.insert_lines(header.end, lines)
            return
    append(draft, entry, dialect, made)


def take(draft: Draft, entry: Entry, dialect: Dialect, made: Made) -> list[str]:
    """Take the lines of `entry` out, and the header if we made it and nothing is left below it."""
    wanted = dialect.header(entry.at)
    lines = [_plain(dialect.line(name, value)) for name, value in entry.values]
    found = [
        (before, header, body)
        for before, header, body in _sections(draft.text, dialect)
        if header.header == wanted
    ]
    # A section may occur several times: ours is the last one that has all our lines.
    for before, header, body in reversed(found):
        if set(lines) <= {line.plain for line in body}:
            _cut(draft, lines, before, header, body, wanted, made)
            return []
    changed = []
    body = found[-1][2] if found else []
    for (name, _), wanted_line in zip(entry.values, lines, strict=True):
        own = [line for line in body if (pair := _PAIR.match(line.text)) and pair[1] == name]
        if own and wanted_line not in {line.plain for line in own}:
            changed.append(name)
    return changed


def _cut(
    draft: Draft,
    lines: list[str],
    before: Line | None,
    header: Line,
    body: list[Line],
    wanted: str,
    made: Made,
) -> None:
    ours = []
    for text in lines:
        ours.append(next(line for line in body if line.plain == text and line not in ours))
    empty = not any(line.says for line in body if line not in ours)
    if empty and wanted in made:
        lead = made.pop(wanted)
        ours.append(header)
        if lead and before is not None and not before.text:
            ours.append(before)
    for start, end in reversed(_runs(ours)):
        draft.remove_lines(start, end)


def _runs(lines: list[Line]) -> list[tuple[int, int]]:
    """Return the spans of `lines`; lines that follow each other share one."""
    runs: list[tuple[int, int]] = []
    for line in sorted(lines, key=lambda line: line.start):
        if runs and runs[-1][1] == line.start:
            runs[-1] = (runs[-1][0], line.end)
        else:
            runs.append((line.start, line.end))
    return runs


def _sections(text: str, dialect: Dialect) -> list[tuple[Line | None, Line, list[Line]]]:
    """Return each section: the line before it, its header, and the lines below."""
    found: list[tuple[Line | None, Line, list[Line]]] = []
    before = None
    opens = dialect.opens(text)
    for line in _lines(text):
        if line.start in opens:
            found.append((before, line, []))
        elif found:
            found[-1][2].append(line)
        before = line
    return found


def _plain(line: str) -> str:
    return _PAIR.sub(r"\1 = \2", line.strip())


def _lines(text: str) -> list[Line]:
    return [Line(start, end, text[start:end].strip()) for start, end in line_spans(text)]
