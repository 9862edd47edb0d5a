"""The sweep of folders of records: what ended long ago, and what dead writers left.

A sweep looks at some files of a folder, in the order of their names. The next one goes on behind
the last of them. Names alone are listed each time, for a fraction of a microsecond each.
"""

from __future__ import annotations

import os
import sys
import time
from bisect import bisect
from contextlib import suppress
from typing import NamedTuple

from credhelper import __version__
from credhelper.core import paths, record, routes
from credhelper.errors import CacheError
from credhelper.storage import files, leftovers, locks, names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MOST = 1000  # files that one sweep looks at
SECONDS = 0.05  # for those that stay: what is removed costs no later sweep anything
PAUSE = 60  # seconds between two sweeps of a folder

_DEAD = 86400  # seconds that a token stays after its end, and since it was written
_DEAD_SESSION = 30 * 86400  # its end is our guess, and another config may name it
_FAILED = 600
_MARKED = 3600  # seconds that a logout is remembered: no renewal takes that long
_COMPILED = 30 * 86400  # seconds that routes of other versions stay
_OURS = f".{routes.FORMAT}-{__version__}"


class Place(NamedTuple):
    """A folder of records.

    Parameters: `folder`; `sessions`, whether these are sessions, which stay longer; `swept`, the
    file that holds the name which was looked at last, and whose time is that of the last sweep.
    """

    folder: str
    sessions: bool
    swept: str


def sweep(
    places: Iterable[Place],
    now: float,
    *,
    most: int = MOST,
    seconds: float = SECONDS,
    pause: float = PAUSE,
    timer: Callable[[], float] = time.monotonic,
) -> int:
    """Remove files that are no longer needed; return how many were looked at. Never fails or waits.

    Parameters:
    - places: the one that was swept longest ago comes first.
    - now: Unix seconds.
    - most: files to look at, in all folders together.
    - seconds: to look at files that stay, in all folders together.
    - pause: seconds since the last sweep of a folder, before which it is not swept again.
    - timer: seconds.
    """
    looked = 0
    for place in sorted(places, key=lambda place: -_unswept(place, now)):
        with suppress(OSError, CacheError):  # tidiness is not worth an error
            if looked >= most or seconds <= 0 or not is_due(place, now, pause):
                continue
            with suppress(FileNotFoundError):  # from now on no other process sweeps it
                os.utime(place.swept, (now, now), follow_symlinks=False)
            last = ""
            for name in filter(_may_go, _names_behind_the_last(place)):
                began = timer()
                if not _removed(place, name, now):
                    seconds -= timer() - began
                last, looked = name, looked + 1
                if looked >= most or seconds <= 0:
                    break
            files.replace(place.swept, os.fsencode(last))
            os.utime(place.swept, (now, now))  # of this clock: a file server may have another
    return looked


def sweep_all(places: Iterable[Place], now: float) -> None:
    """Remove all files that are no longer needed, at once.

    Parameters:
    - now: Unix seconds.
    """
    sweep(places, now, most=sys.maxsize, seconds=float("inf"), pause=0)


def is_due(place: Place, now: float, pause: float = PAUSE) -> bool:
    """Tell whether a sweep would look at `place`. Parameters: as for `sweep`."""
    return paths.private_folder(place.folder) and _unswept(place, now) >= pause


def _unswept(place: Place, now: float) -> float:
    """Return the seconds since the last sweep; infinity where a clock that was ahead wrote it."""
    try:
        since = now - os.lstat(place.swept).st_mtime
    except OSError:
        return float("inf")
    return since if since >= 0 else float("inf")


def _names_behind_the_last(place: Place) -> list[str]:
    """Return the names in a folder, in order, from behind the last one on and all around."""
    listed = os.listdir(place.folder)
    # A lock file stays as long as its record: most are not even sorted.
    records = set(listed)
    found = sorted(
        name for name in listed if name[-5:] != ".lock" or name.partition(".")[0] not in records
    )
    # Any text is a place in that order: a damaged file is no trouble.
    start = bisect(found, os.fsdecode(paths.read_private(place.swept) or b""))
    return found[start:] + found[:start]


def _may_go(name: str) -> bool:
    """Tell whether it is a name of what this removes, in the end.

    Routes without a dot are of an old format, and hold a salt that may still be taken over.
    """
    if name.startswith("routes-"):
        return names.is_compiled(name) and not name.endswith(_OURS)
    if name.startswith("."):
        return name.endswith(".tmp")
    return names.is_record(name)


def _removed(place: Place, name: str, now: float) -> bool:
    """Remove the file called `name` if it is dead, and tell whether that was done."""
    path = os.path.join(place.folder, name)
    with suppress(OSError, CacheError, locks.Unlockable):
        found = os.lstat(path)
        age = now - found.st_mtime  # below 0 by a clock that is ahead: then it stays
        if name.endswith(".tmp"):
            return leftovers.remove(place.folder, name, now)
        if name.startswith("routes-"):
            return age >= _COMPILED and _unlinked(path)
        if name.endswith(".lock"):
            return age >= _DEAD and _lock_removed(path)
        if name.endswith(".failed"):
            return age >= _FAILED and _unlinked(path)
        if name.endswith(".gone"):
            return age >= _MARKED and _unlinked(path)
        if age >= _DEAD and _over(path, now, _DEAD_SESSION if place.sessions else _DEAD):
            # The writer of a former record is dead.
            return _unlinked(path) if name.endswith(".old") else _removed_locked(path, found)
    return False


def _unlinked(path: str) -> bool:
    os.unlink(path)
    return True


def _over(path: str, now: float, stays: int) -> bool:
    data = paths.read_private(path)
    fields = record.decode(data) if data else None
    return fields is not None and record.number(fields, "expires") + stays < now


def _lock_removed(path: str) -> bool:
    lock = locks.acquire(path, wait=0, alarm=False)
    if lock is None:
        return False
    try:
        folder, name = os.path.split(path)
        needed = os.path.lexists(os.path.join(folder, name.partition(".")[0]))
        return not needed and _unlinked(path)
    finally:
        lock.release()


def _removed_locked(path: str, found: os.stat_result) -> bool:
    # Under its lock, because it may be being renewed: then it is another file afterwards. The lock
    # goes while we hold it: who waits for it finds that its name leads elsewhere, and begins again.
    lock = locks.acquire(f"{path}.lock", wait=0, alarm=False)
    if lock is None:
        return False
    try:
        again = os.lstat(path)
        if not os.path.samestat(again, found) or again.st_mtime_ns != found.st_mtime_ns:
            return False
        return _unlinked(path) and _unlinked(f"{path}.lock")
    finally:
        lock.release()
