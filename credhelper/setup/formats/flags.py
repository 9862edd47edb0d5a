"""reproxy's files of flags: `name=value` lines, each name once.

Source: reclient, `internal/pkg/rbeflag`, which reads with `namsral/flag`.
"""

from __future__ import annotations

import re

from credhelper.setup.draft import line_spans
from credhelper.setup.formats import Leaf, lines
from credhelper.setup.plan import Entry

put = lines.put
take = lines.take


def leaves(text: str) -> list[Leaf]:
    """See `formats`."""
    found: list[Leaf] = []
    for number, (start, end) in enumerate(line_spans(text), 1):
        line = text[start:end].rstrip("\r\n")
        if line and not line.startswith("#"):
            name, *value = re.split("[= ]", line, maxsplit=1)
            if not name:
                raise ValueError(f"line {number}: it begins with no name")
            found.append(((name,), value[0] if value else ""))
    return found


def says(entry: Entry) -> list[Leaf]:
    """See `formats`."""
    for name, value in entry.values:
        if not re.fullmatch(r"\w+=", name) or value != value.strip():
            raise ValueError(f"it has no way to write {name}{value}")
    return [((name.removesuffix("="),), value) for name, value in entry.values]
