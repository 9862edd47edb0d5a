"""go's environment file: `NAME=value` lines; GOAUTH is a list, with `;` between its items.

Source: `cmd/go/internal/cfg`, readEnvFile; `go help goauth`. Without GOAUTH,
or with an empty one, go uses `netrc`: so a list that we begin ends with that, and `leaves` does not
count it.
"""

from __future__ import annotations

import re

from credhelper.setup.draft import Draft, line_spans
from credhelper.setup.formats import Leaf, Made
from credhelper.setup.plan import Entry

_DEFAULT = "netrc"
# To go, a carriage return at the end of a line belongs to the value.
_LINE = re.compile(r"([A-Z][A-Z0-9_]*)=([^\n]*)")


def leaves(text: str) -> list[Leaf]:
    """See `formats`."""
    found: list[Leaf] = []
    for start, _ in line_spans(text):
        match = _LINE.match(text, start)
        if match and match[1] == "GOAUTH":
            items = [item.strip() for item in match[2].split(";")]
            if items[-1] == _DEFAULT or items == [""]:
                items.pop()
            found += [(("GOAUTH", item), "") for item in items]
        elif match:
            found.append(((match[1],), match[2]))
    return found


def says(entry: Entry) -> list[Leaf]:
    """See `formats`. A semicolon ends a command, in quotes or not."""
    for name, value in entry.values:
        if name != "GOAUTH" or not value or value != value.strip() or ";" in value:
            raise ValueError(f"{name} has no way to write this command: {value}")
    return [((name, value), "") for name, value in entry.values]


def put(draft: Draft, entry: Entry, made: Made) -> None:
    """See `formats`."""
    for name, value in entry.values:
        line = _line(draft.text, name)
        if line is not None:
            start = line[0] + len(name) + 1
            is_blank = not draft.text[start : line[1]].strip()
            draft.splice(start, start, f"{value}; {_DEFAULT if is_blank else ''}")
            if is_blank:
                made[name] = False
        else:
            made[name] = True
            ours = f"{name}={value}; {_DEFAULT}"
            end = len(draft.text)
            if draft.text and not draft.text.endswith("\n"):
                draft.splice(end, end, f"\n{ours}")
            else:
                draft.insert_lines(end, [ours])


def take(draft: Draft, entry: Entry, made: Made) -> list[str]:
    """See `formats`."""
    for name, value in entry.values:
        line = _line(draft.text, name)
        if line is None:
            continue
        start, end = line
        match = re.compile(
            rf"(?<=[=;])[ \t]*{re.escape(value)}[ \t]*(?:;[ \t]?|(?=[\r\n]|$))"
        ).search(draft.text, start, end)
        if match is None:
            continue
        alone = name in made and _rest(draft.text[start:end], match[0]) in ("", _DEFAULT)
        if alone and made.pop(name):
            # A carriage return above belongs to the line above: the line feed alone is ours.
            last = end == len(draft.text) and start and not draft.text.endswith("\n")
            draft.splice(start - 1 if last else start, end, "")
        elif alone:
            list_end = re.compile(rf"(?:{_DEFAULT})?").match(draft.text, match.end())
            draft.splice(match.start(), list_end.end() if list_end else match.end(), "")
        else:
            draft.splice(match.start(), match.end(), "")
    return []


def _rest(line: str, ours: str) -> str:
    return line.partition("=")[2].replace(ours, "", 1).strip()


def _line(text: str, name: str) -> tuple[int, int] | None:
    """Return where the last line of this name stands: go believes that one."""
    found = [span for span in line_spans(text) if text.startswith(f"{name}=", span[0])]
    return found[-1] if found else None
