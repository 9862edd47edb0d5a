"""Temporary files of killed writers: their names, and how they are recognised and swept.

`files.replace` writes a secret into a temporary file, and renames it. A writer that is killed in
between leaves that file. The next writer in the same folder takes it away.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time

from credhelper.storage import names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

OLD = 600  # seconds: no writer needs that long


def sweep(folder: str, name: str | None = None, *, clock: Callable[[], float] = time.time) -> None:
    """Remove the temporary files of dead writers in `folder`.

    Parameters:
    - folder: absolute.
    - name: only of writers of this file; None for every file of ours, in a folder of our own.
    - clock: Unix seconds.
    """
    try:
        found = os.listdir(folder)
    except OSError:
        return  # tidiness is not worth an error
    for each in found:
        if each.endswith(".tmp"):
            remove(folder, each, clock(), name)


def remove(folder: str, temporary: str, now: float, name: str | None = None) -> bool:
    """Remove the file `temporary` if it is one of a dead writer; tell whether that was done.

    Parameters:
    - folder: absolute.
    - now: Unix seconds.
    - name: only of a writer of this file; None for any of ours, in a folder of our own.
    """
    written, process = names.written(temporary)
    wanted = written == name if name is not None else names.is_called_ours(folder, written)
    path = os.path.join(folder, temporary)
    if not wanted or not _abandoned(path, process, now):
        return False
    try:
        os.unlink(path)
    except OSError:
        return False  # another one took it away, or the disk says no
    return True


def is_dead(folder: str, temporary: str, now: float) -> bool:
    """Tell whether the file `temporary`, in a folder of our own, is one of a dead writer of ours.

    Parameters:
    - folder: absolute.
    - now: Unix seconds.
    """
    written, process = names.written(temporary)
    if not names.is_called_ours(folder, written):
        return False
    return _abandoned(os.path.join(folder, temporary), process, now)


def _abandoned(path: str, process: int, now: float) -> bool:
    """Tell whether the writer of the temporary file at `path` is dead.

    A living writer holds a lock on it. Its process id counts as well, for the moment before it has
    that lock. Without locks, only the file's age counts.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            return False
        old = now - found.st_mtime >= OLD
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return old
        return old or not _runs(process)
    finally:
        os.close(handle)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
