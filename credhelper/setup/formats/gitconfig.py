"""git's configuration: a section of our own, read back by git itself.

We do not write with `git config`, because an undo could not restore the file: it adds a missing
line end to the last line, writes LF into files with CRLF, and leaves empty sections behind.
"""

from __future__ import annotations

import errno
import re
import subprocess
from urllib.parse import unquote

from credhelper.setup.draft import Draft, line_spans
from credhelper.setup.formats import Leaf, Made, Unfit, sections
from credhelper.setup.plan import Entry

_TIMEOUT = 30.0
_NOT_FOUND = 127
# Only this text is to be judged, without the user's other files and without those that it includes.
_LIST = (
    *("env", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1"),
    *("git", "config", "--file", "-", "--no-includes", "--null", "--list"),
)
_CREDENTIAL = re.compile(r"\[\s*credential\b", re.IGNORECASE)
_URL = re.compile(r'\[\s*credential\s+"((?:[^"\\]|\\.)*)"\s*\]', re.IGNORECASE)

# A backslash that is followed by nothing is at the end of its line.
_VALUE_PART = re.compile(r'\\.?|["#;]')
_HELPER = re.compile(r"helper\b", re.IGNORECASE)
_HELPER_OR_PATH = re.compile(r"(?:helper|useHttpPath)\b", re.IGNORECASE)

_PARTS = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?:(?P<user>[^/@]*)@)?"
    r"(?P<host>\[[^\]/]*\]|[^/:\[]*)(?::(?P<port>[0-9]*))?(?P<path>/[^?#]*|)"
)
_PORTS = {"https": "443", "http": "80"}


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


def _openings(text: str) -> set[int]:
    found = set()
    continues = quoted = False
    for start, end in line_spans(text):
        line = text[start:end].rstrip("\r\n")
        if not continues and line.lstrip(" \t")[:1] == "[":
            found.add(start)
        continues, quoted = _goes_on(line, quoted and continues)
    return found


def _goes_on(line: str, quoted: bool) -> tuple[bool, bool]:
    """Tell whether the next line belongs to this one's value, and whether it begins in quotes."""
    for part in _VALUE_PART.finditer(line):
        if part[0] == '"':
            quoted = not quoted
        elif part[0] == "\\":
            return True, quoted
        elif part[0] in ("#", ";") and not quoted:
            break
    return False, False


_DIALECT = sections.Dialect(_header, _line, _openings, blank=False)


def leaves(text: str) -> list[Leaf]:
    """See `formats`. Raises FileNotFoundError where there is no git."""
    done = subprocess.run(
        _LIST,
        input=text.encode("utf-8", "surrogateescape"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # it repeats the line, which may hold a secret
        cwd="/",
        timeout=_TIMEOUT,
        check=False,
    )
    if done.returncode == _NOT_FOUND:
        raise FileNotFoundError(errno.ENOENT, "no such program", "git")
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
    """Return where a section for a URL may begin: above those for a part of it, else at the end.

    git applies all sections that match, in the order of the file, and ours empties the list of
    helpers. So ours has to stand above the sections for a part of its URL, and below those for
    more, which would be told our tokens. Only sections with a helper count.

    Raises Unfit if it cannot do both.
    """
    above = below = None
    for line, body in sections.each(text, _DIALECT):
        header, same_line = _last_header(line.text)
        if not _CREDENTIAL.match(header):
            continue
        # git takes a setting in the line of the header, too.
        settings = [same_line, *(one.text for one in body)]
        url = _URL.match(header)
        is_part = _is_for_a_part(url[1], service) if url else False
        if is_part and below is None and any(map(_HELPER_OR_PATH.match, settings)):
            below = line
        elif is_part is False and any(map(_HELPER.match, settings)):
            above = line
    if below is None:
        return len(text)
    if above and above.start > below.start:
        raise Unfit(
            f"{below.header} is above {above.header}, and ours must be between the two",
            f"move {below.header} to the end of the file, with all that is below it",
        )
    place = below.start
    # A comment above that section stays with it.
    for start, end in reversed(line_spans(text[:place])):
        if text[start:end].lstrip()[:1] not in ("#", ";"):
            break
        place = start
    return place


def _last_header(line: str) -> tuple[str, str]:
    """Return the header that counts, of those in one line, and what is behind it."""
    while True:
        header = sections.header_in(line)
        rest = line[len(header) :].lstrip()
        if not header or not rest.startswith("["):
            return header, rest
        line = rest


def _is_for_a_part(url: str, service: str) -> bool | None:
    """Tell whether a section's URL covers a part of the service.

    False if it covers all of it; None if it covers nothing of it. Source: git's `urlmatch.c`.
    """
    theirs, ours = _PARTS.fullmatch(url), _PARTS.fullmatch(service)
    if theirs is None or ours is None:
        return None  # git matches it with no URL
    scheme = theirs["scheme"].lower()
    port = _PORTS.get(scheme, "")
    if (scheme, theirs["port"] or port) != (ours["scheme"], ours["port"] or port):
        return None
    if not _is_host(theirs["host"].lower(), ours["host"]):
        return None
    path, own = (f"{unquote(one['path']).rstrip('/')}/" for one in (theirs, ours))
    if own.startswith(path):
        return path == own and theirs["user"] is not None
    return True if path.startswith(own) else None


def covers(url: str, service: str) -> bool:
    """Tell whether a section for `url` covers all of `service`; an empty URL covers everything."""
    return not url or _is_for_a_part(url, service) is False


def _is_host(pattern: str, host: str) -> bool:
    """Tell whether a host matches git's pattern, in which `*` stands for one label."""
    labels, own = pattern.split("."), host.split(".")
    return len(labels) == len(own) and all(
        label in ("*", mine) for label, mine in zip(labels, own, strict=True)
    )


def take(draft: Draft, entry: Entry, made: Made) -> list[str]:
    """See `formats`."""
    return sections.take(draft, entry, _DIALECT, made)
