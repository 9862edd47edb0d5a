"""npm's, pnpm's and reproxy's files: `name=value` lines, of which a name should stand once."""

from __future__ import annotations

from credhelper.setup.formats import Leaf, lines

put = lines.put
take = lines.take


def leaves(text: str) -> list[Leaf]:
    """See `formats`."""
    found: list[Leaf] = []
    for (line,), _ in lines.leaves(text):
        name, _, value = line.partition("=")
        found.append(((name.strip(),), value.strip()))
    return found
