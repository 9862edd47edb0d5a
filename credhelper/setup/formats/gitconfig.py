"""git's configuration: a section of our own at the end, read back by git itself.

`git config` would do to write, but not to leave no trace: it ends a last line that had no end,
writes LF into files with CRLF, and forgets sections that it emptied.
"""

from __future__ import annotations

import re
import subprocess

from credhelper.setup.draft import Draft
from credhelper.setup.formats import Leaf, Made, sections
from credhelper.setup.plan import Entry

_PATIENCE = 30.0


def _header(at: tuple[str, ...]) -> str:
    section, *inner = at
    return f"[{section} {_quoted(inner[0])}]" if inner else f"[{section}]"


def _line(name: str, value: str) -> str:
    plain = value == value.strip() and not re.search(r"[;#]", value) and value[:1] != "!"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f"\t{name} = {escaped if plain else _quoted(value)}".rstrip(" ")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_DIALECT = sections.Dialect(_header, _line, re.compile(r"[ \t]*\["), blank=False)


def leaves(text: str) -> list[Leaf]:
    """See `formats`. Raises FileNotFoundError where there is no git."""
    done = subprocess.run(
        ["git", "config", "--file", "-", "--null", "--list"],  # noqa: S607  # the user's own git
        input=text.encode("utf-8", "surrogateescape"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # it repeats the line, which may hold a secret
        cwd="/",
        timeout=_PATIENCE,
        check=False,
    )
    if done.returncode:
        raise ValueError("git cannot read it")
    found: list[Leaf] = []
    for item in done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]:
        name, has_value, value = item.partition("\n")
        found.append(((name,), value if has_value else "\0"))
    return found


def put(draft: Draft, entry: Entry, made: Made) -> None:
    """See `formats`."""
    sections.append(draft, entry, _DIALECT, made)


def take(draft: Draft, entry: Entry, made: Made) -> list[str]:
    """See `formats`."""
    return sections.take(draft, entry, _DIALECT, made)
