"""Folders for the life of one command: private, locked while used, swept when their owner died."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence

from credhelper import cache
from credhelper.errors import CacheError

_PREFIX = "run-"
_LEFT_OVER = 600  # seconds: younger ones may be somebody's who has not locked it yet


def begin(places: Sequence[str], clock: Callable[[], float] = time.time) -> tuple[str, int]:
    """Return a new private folder below the first of `places` that will do, and its open handle.

    The handle holds the folder's lock: it must stay open as long as the folder is in use. Folders
    whose owner has died are removed on the way. Parameters: `clock`, Unix seconds. Raises
    CacheError when no place will do.
    """
    wrong = CacheError("there is no place for files of a running command")
    for place in places:
        try:
            cache.make_folder(place)
            folder = tempfile.mkdtemp(prefix=_PREFIX, dir=place)
            os.chmod(folder, 0o700)  # the umask may have taken our own bits
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except CacheError as error:
            wrong = error
            continue
        except OSError as error:
            wrong = CacheError(f"cannot make a folder in {place}: {os.strerror(error.errno or 0)}")
            continue
        _locked(handle)
        _sweep(place, clock())
        return folder, handle
    raise wrong


def end(folder: str, handle: int) -> None:
    """Remove a folder that `begin` made and nobody will use."""
    shutil.rmtree(folder, ignore_errors=True)
    os.close(handle)


def _locked(handle: int) -> bool:
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (OSError, ImportError):
        return False
    return True


def _sweep(place: str, now: float) -> None:
    for entry in os.scandir(place):
        try:
            if not entry.name.startswith(_PREFIX) or not entry.is_dir(follow_symlinks=False):
                continue
            if now - entry.stat(follow_symlinks=False).st_mtime < _LEFT_OVER:
                continue
            handle = os.open(entry.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue  # gone meanwhile, or not ours to look at
        try:
            if _locked(handle):
                shutil.rmtree(entry.path, ignore_errors=True)
        finally:
            os.close(handle)
