"""A netrc file in which one entry is ours: everything else in it stays as it is."""

from __future__ import annotations

import re

_MACRO_END = re.compile(r"\n[ \t\r]*\n")
_WORD = re.compile(r'"(?:[^"\\\n]|\\.)*"|[^ \t\r\n]+')


def with_entry(before: str, entry: str) -> str:
    """Return a netrc in which the entry for this machine and login is `entry`."""
    _, host, _, login, *_ = entry.split()
    entries = _entries(before)
    ours = [each for each in entries if each[2] == host and each[3] == login]
    # All of them, if there are several: some readers take the first, some the last.
    after = before
    for start, end, _, _ in reversed(ours):
        rest = after[end:].lstrip(" \t")
        # What else stood on that line, a comment or another entry, has one of its own now.
        gap = "" if rest.startswith(("\n", "\r\n")) else "\n"
        after = after[:start] + entry + gap + rest
    if ours:
        return after
    # `default` answers for every machine that comes after it, so it must stay the last.
    at = next((start for start, _, machine, _ in entries if machine is None), len(before))
    gap = "" if not before[:at] or before[:at].endswith("\n") else "\n"
    if at == len(before) and _in_macro(before + gap):
        gap += "\n"  # an empty line ends a macro: without one ours would be its last lines
    return f"{before[:at]}{gap}{entry}\n{before[at:]}"


def shadowed(netrc: str, host: str, login: str) -> bool:
    """Tell whether another login on `host` stands before `login`: readers take the first."""
    for _, _, machine, name in _entries(netrc):
        if machine == host:
            return name != login
    return False


def _in_macro(netrc: str) -> bool:
    """Tell whether the end of `netrc` belongs to a macro."""
    found = [word for word in _WORD.finditer(netrc) if word[0] == "macdef"]
    found = [word for word in found if not _in_comment(netrc, word.start())]
    return bool(found) and _MACRO_END.search(netrc, found[-1].end()) is None


def _entries(netrc: str) -> list[tuple[int, int, str | None, str | None]]:
    """Return where each entry begins and ends, its machine (None for `default`) and its login."""
    words = [word for word in _WORD.finditer(netrc) if not _in_comment(netrc, word.start())]
    found: list[tuple[int, int, str | None, str | None]] = []
    at = 0
    while at < len(words):
        word = words[at][0]
        if word == "macdef":
            # Its body goes on to the first empty line, and is nobody's entry.
            end = _MACRO_END.search(netrc, words[at].end())
            stop = end.end() if end else len(netrc)
            at = next((i for i, each in enumerate(words) if each.start() >= stop), len(words))
            continue
        if word not in ("machine", "default"):
            at += 1
            continue
        start, end_at, login = words[at].start(), words[at].end(), None
        machine = None
        at += 1
        if word == "machine" and at < len(words):
            machine, end_at = words[at][0].strip('"'), words[at].end()
            at += 1
        while at + 1 < len(words) and words[at][0] in ("login", "password", "account"):
            if words[at][0] == "login":
                login = words[at + 1][0].strip('"')
            end_at = words[at + 1].end()
            at += 2
        found.append((start, end_at, machine, login))
    return found


def _in_comment(netrc: str, at: int) -> bool:
    begin = netrc.rfind("\n", 0, at) + 1
    return netrc[begin : at + 1].lstrip(" \t").startswith("#")
