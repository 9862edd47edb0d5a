"""Who owns a file: the rule for every file and folder that we read, follow or write.

A file, and each folder and link on the way to it, must be ours or root's. Nobody else may write to
it: no others, and a group only if it is its owner's own (gid equals uid). A sticky folder may be
open. A read-only mount is exempt. For root, the owner must be root.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from credhelper.core.text import command, printable
from credhelper.errors import ConfigError, reason

_MOST_LINKS = 40
_OVERFLOW = "/proc/sys/kernel/overflowuid"


class Wrong(NamedTuple):
    """What is wrong with a file.

    Parameters: `why`, the end of a sentence that begins with its name; `hint`, the next step.
    """

    why: str
    hint: str | None


def about(handle: int, path: str) -> Wrong | None:
    """Return what is wrong with an open file, and with the way to it; None if nothing is.

    Parameters: `path`, absolute, that it was opened by. Raises OSError.
    """
    read_only = bool(os.fstatvfs(handle).f_flag & os.ST_RDONLY)
    return _about(path, os.fstat(handle), read_only, _owners())


def _about(
    path: str, found: os.stat_result, read_only: bool, owners: Collection[int]
) -> Wrong | None:
    if not stat.S_ISREG(found.st_mode):
        return Wrong("is not a regular file", None)
    wrong = None
    if not read_only:
        wrong = _owned(found, owners, _copy(path)) or _open_to_others(found, path)
    return wrong or _way(path, owners)


def about_way(path: str) -> Wrong | None:
    """Return what is wrong with the folders and links on the way to `path`, itself included.

    It need not be there yet. Raises OSError.
    """
    return _way(path, _owners())


def about_links(path: str) -> Wrong | None:
    """Return what is wrong with the links on the way to `path`: each is ours or root's, or refused.

    For a file that is to be written in a folder that others share on purpose. Raises OSError.
    """
    return _way(path, _owners(), links_only=True)


def judge_config(environ: Mapping[str, str]) -> Callable[[int, str], None]:
    """Return what judges an open config file, as `core.paths.read_config` calls it.

    It raises ConfigError.
    """

    def judge(handle: int, path: str) -> None:
        read_only = bool(os.fstatvfs(handle).f_flag & os.ST_RDONLY)
        hold_config(path, os.fstat(handle), read_only, environ)

    return judge


def hold_config(
    path: str, found: os.stat_result, read_only: bool, environ: Mapping[str, str]
) -> None:
    """Raise ConfigError for a config file that others can change.

    Parameters: `path`, absolute; `found`, of the handle that it was read by; `read_only`, whether
    it lies on a read-only mount; `environ`: a file that `CREDHELPER_CONFIG` names may be another
    user's, unless we are root.
    """
    owners = _owners()
    if environ.get("CREDHELPER_CONFIG") and os.geteuid() != 0:
        owners.add(found.st_uid)
    try:
        wrong = _about(path, found, read_only, owners)
    except OSError as error:
        raise ConfigError(f"{printable(path)}: cannot be judged: {reason(error)}") from error
    if wrong:
        raise ConfigError(f"{printable(path)} {wrong.why}", wrong.hint)


def as_user(uid: int) -> str:
    """Return the hint where the files of user `uid` are: for root, a command that works."""
    if os.geteuid() != 0:
        return "let that user do it, or name a file of your own"
    import pwd

    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        how = ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups", "--"]
    else:
        sudo = sys.platform == "darwin"
        how = ["sudo", "-u", name] if sudo else ["runuser", "-u", name, "--"]
    return f"run as that user: {command(*how, 'credhelper', 'status')}"


def _owners() -> set[int]:
    return {0, os.geteuid(), *_unmapped_root()}


def _way(path: str, owners: Collection[int], *, links_only: bool = False) -> Wrong | None:
    at, rest, links = "/", _parts(path), 0
    found = os.lstat(at)
    while True:
        if not links_only and stat.S_ISDIR(found.st_mode):
            wrong = _owned(found, owners, None) or _open_to_others(found, at)
            if wrong and not os.statvfs(at).f_flag & os.ST_RDONLY:
                return Wrong(f"lies in {printable(at)}, which {wrong.why}", wrong.hint)
        if not rest:
            return None
        name = rest.pop(0)
        if name == "..":
            at = os.path.dirname(at)
            found = os.lstat(at)
            continue
        below = os.path.join(at, name)
        try:
            found = os.lstat(below)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not stat.S_ISLNK(found.st_mode):
            at = below
            continue
        wrong = _owned(found, owners, None)
        if wrong:
            why = f"is reached by link {printable(below)}, which {wrong.why}"
            return Wrong(why, wrong.hint)
        links += 1
        if links > _MOST_LINKS:
            return None  # then open fails with the reason
        to = os.readlink(below)
        at = "/" if to.startswith("/") else at
        rest = _parts(to) + rest
        found = os.lstat(at)


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _owned(found: os.stat_result, owners: Collection[int], hint: str | None) -> Wrong | None:
    if found.st_uid in owners:
        return None
    if os.geteuid() == 0 or hint is None:
        hint = as_user(found.st_uid)
    return Wrong(f"belongs to another user (uid {found.st_uid})", hint)


def _open_to_others(found: os.stat_result, path: str) -> Wrong | None:
    who = ""
    if found.st_mode & stat.S_IWOTH:
        who, bits = "anybody", "o-w"
        if found.st_mode & stat.S_IWGRP and found.st_gid != found.st_uid:
            bits = "go-w"
    elif found.st_mode & stat.S_IWGRP and found.st_gid != found.st_uid:
        who, bits = f"its group (gid {found.st_gid})", "g-w"
    if not who or (stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX):
        return None
    cure = command("chmod", bits, path)
    if os.geteuid() not in (0, found.st_uid):
        cure = f"ask its owner (uid {found.st_uid}) for {cure}"
    return Wrong(f"may be written by {who}", cure)


def _copy(path: str) -> str:
    copy, move = command("cp", path, f"{path}.new"), command("mv", "-f", f"{path}.new", path)
    return f"if you trust what it says, make it yours: {copy} && {move}"


def _unmapped_root() -> list[int]:
    # In a container's user namespace the host's root shows as the overflow user.
    try:
        with open("/proc/self/uid_map", "rb") as uid_map:
            if uid_map.read().split() == [b"0", b"0", b"4294967295"]:
                return []
        with open(_OVERFLOW, "rb") as overflow:
            return [int(overflow.read(16))]
    except (OSError, ValueError):
        return []
