"""A netrc file in which one entry is ours: everything else in it stays as it is.

The new text is read back as three readers of such files read it. If one of them would find another
entry, or miss one, the file is left as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from credhelper.errors import RequestError
from credhelper.tokenfile import netrc_readers

_MACRO_END = re.compile(r"\n[ \t\r]*\n")
_WORD = re.compile(r'"(?:[^"\\\n]|\\.)*"|[^ \t\r\n]+')
_VALUES = ("login", "user", "password", "account")


@dataclass
class _Entry:
    """Where an entry begins and ends; its machine, None for `default`; its login.

    `password` is where that stands; `comments` tells whether there are some inside.
    """

    start: int
    end: int
    machine: str | None
    login: str | None = None
    password: tuple[int, int] | None = None
    comments: bool = False


def with_entry(before: str, entry: str) -> str:
    """Return a netrc in which the entry for this machine and login is `entry`.

    Raises RequestError where a reader would no longer find the other entries as they are.
    """
    _, host, _, login, _, password = entry.split()
    after = _spliced(before, entry, host, login, password)
    if not any((each.machine, each.login) == (host, login) for each in _entries(after)):
        # To us, too, the entry would be another one's value: each renewal would add one more.
        raise RequestError(
            "the netrc ends in the middle of an entry: left alone",
            hint="write to a file of its own: --to FILE",
        )
    for name, reader in netrc_readers.READERS.items():
        try:
            there = _others(reader(before), host, login)
        except ValueError:
            continue  # it could not read this file before
        try:
            found = reader(after)
        except ValueError:
            found = []
        ours = [one for one in found if one[:2] == (host, login)]
        if _others(found, host, login) != there or {one[-1] for one in ours} != {password}:
            raise RequestError(
                f"{name} would read other entries of this netrc differently: left alone",
                hint="write to a file of its own: --to FILE",
            )
    return after


def _others(found: netrc_readers.Found, host: str, login: str) -> netrc_readers.Found:
    # To go, quotes are a part of the word: what is ours for others is ours for it, too.
    return [one for one in found if tuple(word.strip('"') for word in one[:2]) != (host, login)]


def _spliced(before: str, entry: str, host: str, login: str, password: str) -> str:
    entries = _entries(before)
    ours = [each for each in entries if each.machine == host and each.login == login]
    # All of them, if there are several: some readers take the first, some the last.
    after = before
    for each in reversed(ours):
        if each.comments and each.password:
            start, end = each.password
            after = after[:start] + password + after[end:]
            continue
        rest = after[each.end :].lstrip(" \t")
        # What else stood on that line, a comment or another entry, has one of its own now.
        gap = "" if rest.startswith(("\n", "\r\n")) else "\n"
        after = after[: each.start] + entry + gap + rest
    if ours:
        return after
    # `default` answers for every machine that comes after it, so it must stay the last.
    at = next((each.start for each in entries if each.machine is None), len(before))
    gap = "" if not before[:at] or before[:at].endswith("\n") else "\n"
    if at == len(before) and _in_macro(before + gap):
        gap += "\n"  # an empty line ends a macro: without one ours would be its last lines
    return f"{before[:at]}{gap}{entry}\n{before[at:]}"


def shadowed(netrc: str, host: str, login: str) -> bool:
    """Tell whether another login on `host` stands before `login`: readers take the first."""
    for each in _entries(netrc):
        if each.machine == host:
            return each.login != login
    return False


def _in_macro(netrc: str) -> bool:
    """Tell whether `netrc` ends within a macro."""
    return any(word == "macdef" and end is None for word, _, end in _words(netrc))


def _words(netrc: str) -> list[tuple[str, int, int | None]]:
    """Return the words outside of comments and macros, where each begins, and where it ends.

    For a comment, that is "#"; for a macro "macdef", without an end if it never ends.
    """
    found: list[tuple[str, int, int | None]] = []
    at, is_value = 0, False
    while match := _WORD.search(netrc, at):
        word, at = match[0], match.end()
        if is_value:
            is_value = False
        elif word.startswith("#"):
            at = netrc.find("\n", match.start()) + 1 or len(netrc)
            word = "#"
        elif word == "macdef":
            # Its body goes on to the first empty line, and holds no entry.
            end = _MACRO_END.search(netrc, at)
            at = end.end() if end else len(netrc)
            found.append((word, match.start(), end.end() if end else None))
            continue
        else:
            is_value = word == "machine" or word in _VALUES
        found.append((word, match.start(), at))
    return found


def _entries(netrc: str) -> list[_Entry]:
    """Return the entries of a netrc."""
    found: list[_Entry] = []
    words = _words(netrc)
    open_ = commented = False
    for at, (word, start, end) in enumerate(words):
        name = words[at - 1][0] if at else ""
        if word == "macdef" or end is None:
            open_ = False
        elif word == "#":
            commented = True
        elif _is_value(words, at):
            if not open_:
                continue
            one = found[-1]
            one.comments, one.end = one.comments or commented, end
            if name == "machine":
                one.machine = _plain(word)
            elif name in ("login", "user"):
                one.login = _plain(word)
            elif name == "password":
                one.password = (start, end)
        elif word in ("machine", "default"):
            found.append(_Entry(start, end, "" if word == "machine" else None))
            open_, commented = True, False
        elif word not in _VALUES:
            open_ = False
    return found


def _is_value(words: list[tuple[str, int, int | None]], at: int) -> bool:
    """Tell whether the word at this place is what the one before it names."""
    count = 0
    while at and (words[at - 1][0] == "machine" or words[at - 1][0] in _VALUES):
        count += 1
        at -= 1
    return count % 2 == 1


def _plain(word: str) -> str:
    if len(word) > 1 and word[0] == word[-1] == '"':
        return re.sub(r"\\(.)", r"\1", word[1:-1])
    return word
