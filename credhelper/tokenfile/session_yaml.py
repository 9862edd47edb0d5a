"""The session files of the `ica` and `icav2` programs: YAML, in which we replace one token.

Everything else in the file stays as it is, byte for byte. What is written in YAML's longer ways is
left alone.
"""

from __future__ import annotations

import re

from credhelper.errors import RequestError

_KEY = "access-token"
_YAML_LINE = re.compile(rf"^{_KEY}[ \t]*:[^\r\n]*", re.MULTILINE)
# A key in quotes, a mapping in brackets, a value that others refer to, or that goes on below: ours
# would not be the only one, or what is below would become part of it.
_YAML_OTHERWISE = re.compile(
    rf"""^["']{_KEY}["'][ \t]*:"""
    r"|\A(?:---)?\s*[{\[]"
    rf"|^{_KEY}[ \t]*:[ \t]*&"
    rf"|^{_KEY}[ \t]*:[^\n]*\n(?:[ \t\r]*\n)*[ \t]+[^\s#]",
    re.MULTILINE,
)
_YAML_KEY = re.compile(r"""(?:[A-Za-z0-9_][^\s:#]*|"[^"\\]*"|'[^']*')[ \t]*:(?=[ \t\r]|$)""")
_BEGINS_TEXT = re.compile(r"[|>][0-9+]*[ \t\r]*(?:[ \t]#.*)?")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~+/=-]*")


def with_access_token(before: str, token: str) -> str:
    """Return a session file of `ica` or `icav2`, YAML, in which only the token is another."""
    if not _PLAIN.fullmatch(token):
        raise RequestError("the token holds a character that would need quotes in YAML")
    line = f"{_KEY}: {token}"
    if _YAML_OTHERWISE.search(before):
        raise RequestError(
            f"the file is written in YAML's longer ways (brackets, quoted keys, or {_KEY} over"
            " several lines): left alone",
            hint=f"write {_KEY} on one line, without quotes, or move the file away",
        )
    if not _is_mapping(before):
        raise RequestError(
            "the file is no session file, one key at the beginning of each line: left alone",
            hint="name the file that ica or icav2 reads, or move this one away",
        )
    changed, times = _YAML_LINE.subn(lambda _: line, before)
    if times > 1:
        raise RequestError(f"the file names {_KEY} several times: left alone")
    if times:
        return changed
    if _ends_in_text(before):
        raise RequestError(
            "the file ends within a text of several lines, and without a line feed: left alone",
            hint="end the last line of the file with a line feed",
        )
    gap = "" if not before or before.endswith("\n") else "\n"
    return f"{before}{gap}{line}\n"


def _ends_in_text(yaml: str) -> bool:
    """Tell whether the last line is part of a text in YAML's block style, and has no line end."""
    *lines, last = yaml.split("\n")
    if last[:1] not in (" ", "\t"):
        return False
    for line in reversed(lines):
        for sign in "|>":
            if sign in line and _BEGINS_TEXT.fullmatch(line, line.rindex(sign)):
                return True
        if line.strip() and line[0] not in " \t#":
            return False
    return False


def _is_mapping(yaml: str) -> bool:
    """Tell whether one more key could stand at the end: a single mapping, its keys not indented."""
    begun = marked = False
    for line in yaml.split("\n"):
        if not line.strip() or line.lstrip(" \t").startswith("#"):
            continue
        if _YAML_KEY.match(line):
            begun = True
        elif not begun and not marked and line.split("#")[0].rstrip() == "---":
            marked = True
        elif not begun or line[0] not in " \t-" or line.startswith("--"):
            return False
    return True
