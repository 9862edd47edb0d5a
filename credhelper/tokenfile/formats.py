"""A token in a file, for what reads it there: in which shape, and put there whole or not at all.

The file is for its owner alone, whatever was there before. A shape that shares its file with other
entries (netrc, the session files of the `ica` and `icav2` programs) keeps those to the byte.
"""

from __future__ import annotations

import errno
import os
import re
import stat

from credhelper.core.model import Credential, Request
from credhelper.core.text import one_line, printable
from credhelper.errors import CacheError, RequestError
from credhelper.protocols import get
from credhelper.storage import files

FORMATS = ("token", "header", "curl", "json", "env", "netrc", "ica-config")

_SHARED = ("netrc", "ica-config")  # others have entries in there
_LOCK = "files.lock"
_WAIT = 10.0  # seconds for another one of us that writes such a file

_MOST_BYTES = 1024 * 1024
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
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~+/=-]*")
_MACRO_END = re.compile(r"\n[ \t\r]*\n")
_WORD = re.compile(r'"(?:[^"\\\n]|\\.)*"|[^ \t\r\n]+')


def text(form: str, request: Request, credential: Credential, before: str) -> str:
    """Return what the file holds from now on.

    Parameters: `form`, one of `FORMATS`; `request`, what was asked, for a netrc entry's host;
    `before`, what the file holds now, "" for nothing. Raises CredhelperError for a credential that
    the shape cannot hold, RequestError for a netrc entry without a service.
    """
    if form == "token":
        # No line feed: some readers take the file's bytes as they are.
        return one_line(credential.token.reveal(), "token")
    if form == "ica-config":
        return _with_access_token(before, one_line(credential.token.reveal(), "token"))
    if form == "netrc" and request.service is None:
        raise RequestError("format netrc needs a service: it names a machine", "add --service URL")
    asked = Request("get", service=request.service, echo={"format": form})
    entry = get.render(asked, credential).stdout.decode()
    return _with_entry(before, entry.rstrip("\n")) if form == "netrc" else entry


def update(
    path: str, form: str, request: Request, credential: Credential, lock_folder: str | None
) -> str:
    """Write `credential` into the file at `path`, and return what that holds now.

    It is read just before, under a lock where others' entries share it: two who keep entries of
    their own fresh in one file must not undo each other's. Untouched if it holds the credential
    already, for us alone. Parameters: `path`, absolute; `form`, `request` and errors, as for `text`
    and `put`; `lock_folder`, private, or None to go without.
    """
    gate = _gate(lock_folder) if form in _SHARED and lock_folder else None
    try:
        before = read(path)
        after = text(form, request, credential, before)
        if after != before or not _private(path):
            put(path, after.encode())
        return after
    finally:
        if gate:
            gate.release()


def _gate(folder: str) -> files.Lock | None:
    try:
        files.make_folder(folder)
        return files.acquire(os.path.join(folder, _LOCK), wait=_WAIT, alarm=False)
    except (CacheError, files.Unlockable):
        return None  # written all the same, as everybody writes to such a file


def _private(path: str) -> bool:
    try:
        return stat.S_IMODE(os.stat(path).st_mode) == 0o600
    except OSError:
        return False


def put(path: str, data: bytes) -> None:
    """Replace the file at `path` (absolute), whole, private from its first byte.

    A symlink stays, and its target is replaced. Raises CacheError when the disk says no, when what
    is there is not a file of ours, or when anybody may write to its folder.
    """
    path = os.path.realpath(path)
    folder = os.path.dirname(path)
    try:
        found = os.stat(folder)
        if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
            raise CacheError(
                f"anybody may write to folder {printable(folder)}", f"chmod o-w {printable(folder)}"
            )
        _hold_to_ours(path)
        files.replace(path, data)
    except OSError as error:
        raise CacheError(
            f"cannot write {printable(path)}: {os.strerror(error.errno or 0)}",
            f"mkdir -p -m 700 {printable(folder)}" if error.errno == errno.ENOENT else None,
        ) from error


def read(path: str) -> str:
    """Return what the file at `path` holds, "" when there is none. Raises CacheError."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            _hold_to_ours(os.path.realpath(path))
            data = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise CacheError(f"cannot read {printable(path)}: {why}") from error
    if len(data) > _MOST_BYTES:
        raise CacheError(f"{printable(path)} is larger than 1 MiB: left alone")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise CacheError(f"{printable(path)} is not text in UTF-8: left alone") from None


def _hold_to_ours(path: str) -> None:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISREG(found.st_mode):
        raise CacheError(f"{printable(path)} is not a regular file: left alone")
    if found.st_uid != os.geteuid():
        raise CacheError(
            f"{printable(path)} belongs to another user (uid {found.st_uid}): left alone"
        )


def _with_access_token(before: str, token: str) -> str:
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
    gap = "" if not before or before.endswith("\n") else "\n"
    return f"{before}{gap}{line}\n"


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


def _with_entry(before: str, entry: str) -> str:
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
