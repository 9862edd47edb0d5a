"""rclone's file: sections of `name = value` lines, as the library goconfig reads them.

Source: `github.com/Unknwon/goconfig`, `read.go`. No line continues another, the case of names
counts, and of what stands twice the last counts.
"""

from __future__ import annotations

import re

from credhelper.setup.draft import Draft, line_spans
from credhelper.setup.formats import Leaf, Made, Unfit, ini, sections
from credhelper.setup.plan import Entry

_PAIR = re.compile(
    r'(?:"""(?P<triple>.*?)"""|"(?P<double>.*?)"|`(?P<back>.*?)`|(?P<plain>[^"`=:][^=:]*|))'
    r"(?P<between>[^=:]*)[=:](?P<value>.*)"
)
_QUOTED = re.compile(r'`(.*)`.*|"""(.*)""".*')


def _headers(text: str) -> set[int]:
    return {start for start, end in line_spans(text) if _section(text[start:end].strip())}


def _section(line: str) -> re.Match[str] | None:
    return re.fullmatch(r"\[(.*)\]", line)


_DIALECT = sections.Dialect(
    lambda at: f"[{at[0]}]", lambda name, value: f"{name} = {value}", _headers, blank=True
)


def leaves(text: str) -> list[Leaf]:
    """See `formats`."""
    return [
        ((section, name), value)
        for section, values in sections_in(text).items()
        for name, value in values.items()
    ]


def sections_in(text: str) -> dict[str, dict[str, str]]:
    """Return the names and values of each section. Raises ValueError for what rclone refuses."""
    if re.search(r"^RCLONE_ENCRYPT_V\d+:", text, re.MULTILINE):
        raise Unfit("it is encrypted", "let rclone add it: rclone config; --print shows what")
    found: dict[str, dict[str, str]] = {}
    section = "DEFAULT"
    for number, line in enumerate(map(str.strip, text.split("\n")), 1):
        header = _section(line)
        if not line or line[0] in "#;":
            continue
        if header:
            section = header[1].strip()
            found.setdefault(section, {})
            continue
        pair = _PAIR.fullmatch(line)
        if not section or pair is None:
            raise ValueError(f"line {number}: it is not INI")
        named = (pair["triple"], pair["double"], pair["back"], pair["plain"])
        name = next(one for one in named if one is not None)
        value = pair["value"].strip()
        quoted = _QUOTED.fullmatch(value)
        found.setdefault(section, {})[name.strip()] = (
            next(one for one in quoted.groups() if one is not None) if quoted else value
        )
    return found


def says(entry: Entry) -> list[Leaf]:
    """See `formats`. Refuses also what this library would take for a quote or a number."""
    ini.says(entry)
    (section,) = entry.at
    for name, value in entry.values:
        if name[0] in '"`-' or value[:1] in ('"', "`"):
            raise ValueError(f"it has no way to write {name} = {value}")
    return [((section, name), value) for name, value in entry.values]


def put(draft: Draft, entry: Entry, made: Made) -> None:
    """See `formats`."""
    sections.put(draft, entry, _DIALECT, made)


def take(draft: Draft, entry: Entry, made: Made) -> list[str]:
    """See `formats`."""
    return sections.take(draft, entry, _DIALECT, made)
