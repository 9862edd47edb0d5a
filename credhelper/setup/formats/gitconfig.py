"""git's configuration: a section of our own, read back by git itself.

`git config` would do to write, but not to leave no trace: it ends a last line that had no end,
writes LF into files with CRLF, and forgets sections that it emptied.
"""

from __future__ import annotations

import re
import subprocess

from credhelper.config.origin import canonical
from credhelper.setup.draft import Draft, line_spans
from credhelper.setup.formats import Leaf, Made, sections
from credhelper.setup.plan import Entry

_TIMEOUT = 30.0
_CREDENTIAL = re.compile(r"\[\s*credential\b", re.IGNORECASE)
_URL = re.compile(r'\[\s*credential\s+"((?:[^"\\]|\\.)*)"\s*\]', re.IGNORECASE)


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
        ["git", "config", "--file", "-", "--no-includes", "--null", "--list"],  # noqa: S607  # the user's own git
        input=text.encode("utf-8", "surrogateescape"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # it repeats the line, which may hold a secret
        cwd="/",
        timeout=_TIMEOUT,
        check=False,
    )
    if done.returncode:
        raise ValueError("git cannot read it")
    found: list[Leaf] = []
    for item in done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]:
        name, has_value, value = item.partition("\n")
        found.append(((name,), value if has_value else "\0"))
    return found


def says(entry: Entry) -> list[Leaf]:
    """See `formats`."""
    section, *inner = entry.at
    names = (section, *(name for name, _ in entry.values))
    if not all(re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", name) for name in names):
        raise ValueError("git takes letters, digits and - alone in a name")
    return [
        ((".".join([section.lower(), *inner, name.lower()]),), value)
        for name, value in entry.values
    ]


def put(draft: Draft, entry: Entry, made: Made) -> None:
    """See `formats`."""
    sections.append(draft, entry, _DIALECT, made, _place(draft.text, entry.at[-1]))


def _place(text: str, service: str) -> int:
    """Return where a section for a URL may begin: at the end, but above those for less of it.

    git reads them in their order, however much of a URL they name, and ours empties the list. It
    has to stand below those for more, too: where both cannot be, it goes to the end.
    """
    found = [
        (line.start, _is_below(url[1], service) if (url := _URL.match(line.text)) else False)
        for line in sections.headers(text, _DIALECT)
        if _CREDENTIAL.match(line.text)
    ]
    below = [is_below for _, is_below in found]
    if True not in below or not all(below[below.index(True) :]):
        return len(text)
    place = found[below.index(True)][0]
    # A comment above it is about it.
    for start, end in reversed(line_spans(text[:place])):
        if text[start:end].lstrip()[:1] not in ("#", ";"):
            break
        place = start
    return place


def _is_below(url: str, service: str) -> bool:
    """Tell whether a section's URL is for a part of what the service is for."""
    plain, users = re.subn(r"//[^/@]*@", "//", url)
    try:
        found = canonical(plain)
    except ValueError:
        return False  # a pattern, or what is no URL: it may be for more
    return service in found.prefixes() and bool(users or str(found) != service)


def take(draft: Draft, entry: Entry, made: Made) -> list[str]:
    """See `formats`."""
    return sections.take(draft, entry, _DIALECT, made)
