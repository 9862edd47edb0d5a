"""Checks of what lies in our folders: leftovers, and locks that somebody holds just now."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress

from credhelper.cli.doctor.result import Outcome, passed, warned
from credhelper.core import routes
from credhelper.core.text import command, printable
from credhelper.storage import leftovers, names

_MOST_SHOWN = 5


def look_for_leftovers(files: Iterable[tuple[str, os.stat_result]], now: float) -> Outcome:
    """Return what killed processes and former versions left among files of ours.

    Parameters: `now`, Unix seconds.
    """
    dead, former = [], []
    for path, _ in files:
        name = os.path.basename(path)
        if name.endswith(".tmp") and leftovers.is_dead(*os.path.split(path), now):
            dead.append(path)
        elif name.startswith("routes-") and _is_former(name):
            former.append(path)
    if dead:
        many = f"{len(dead)} files that killed processes"
        count = many if dead[1:] else "a file that a killed process"
        return warned(f"{count} left: {printable(dead[0])}", "credhelper doctor --fix")
    if former:
        many = f"{len(former)} compiled configs"
        count = many if former[1:] else "a compiled config"
        why = f"{count} of former versions of credhelper: {printable(former[0])}"
        return warned(why, command("rm", *former[:_MOST_SHOWN]))
    return passed("none")


def _is_former(name: str) -> bool:
    """Tell whether routes are of a former format. Once they had no number, but a salt."""
    if "." not in name:
        return True
    number = name.partition(".")[2].partition("-")[0]
    return names.is_compiled(name) and int(number) < int(routes.FORMAT)


def look_for_held_locks(files: Iterable[tuple[str, os.stat_result]]) -> Outcome:
    """Return whether another process holds the lock of a record. Each is tried without waiting."""
    locks = [
        (path, found)
        for path, found in files
        if path.endswith(".lock") and stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
    ]
    held = [one for one in locks if _is_held(one[0])]
    if not held:
        return passed("nobody holds one")
    path, found = held[0]
    more = f", and {len(held) - 1} more" if held[1:] else ""
    holder = next(_holders(found), None)
    if holder is None:
        fix = f"see who holds it, and whether that hangs: {command('fuser', '-v', path)}"
        return warned(f"another process holds {printable(path)}{more}: others wait for it", fix)
    return warned(
        f"process {holder} holds {printable(path)}{more}: others wait for it",
        f"if it hangs, end it: {command('kill', str(holder))}",
    )


def _is_held(path: str) -> bool:
    with suppress(OSError):
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            # Shared: two doctors do not take each other for somebody who hangs.
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
    return False


def _holders(found: os.stat_result) -> Iterator[int]:
    """Yield the processes that hold a file's lock, as far as Linux tells."""
    with suppress(OSError, ValueError), open("/proc/locks", encoding="ascii") as table:
        for line in table:
            # 1: FLOCK  ADVISORY  WRITE 4711 00:2f:1234 0 EOF; `->` before FLOCK is one that waits.
            words = line.split()
            if len(words) < 6 or words[1] != "FLOCK":
                continue
            major, minor, inode = words[5].split(":")
            device = os.makedev(int(major, 16), int(minor, 16))
            if (device, int(inode)) == (found.st_dev, found.st_ino) and int(words[4]) > 0:
                yield int(words[4])
