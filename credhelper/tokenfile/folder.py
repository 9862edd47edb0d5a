"""Folders for the life of one command: private, locked while used, swept when their owner died.

A runtime folder may be shared by hosts whose locks do not know of each other: each sweeps what
bears its own name.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Sequence

from credhelper.core import lookup
from credhelper.core.paths import close
from credhelper.errors import CacheError, reason
from credhelper.storage import files

_PREFIX = "run-"
_COMMAND = "command"  # the file with the command's process id
_LEFT_OVER = 600  # seconds: the maker of a younger one may not have locked it yet
_MOST_DIGITS = 20


def begin(
    places: Sequence[str],
    passed_over: Callable[[CacheError], None] = lambda wrong: None,
    clock: Callable[[], float] = time.time,
) -> tuple[str, int]:
    """Return a new private folder below the first of `places` that will do, and its open handle.

    The handle holds the folder's lock: it must stay open as long as the folder is in use. Folders
    whose owner has died are removed on the way. Parameters: `passed_over`, takes the reason why the
    first place will not do, if another does; `clock`, Unix seconds. Raises CacheError when none
    will do.
    """
    import tempfile

    wrong: list[CacheError] = []
    for place in places:
        try:
            files.make_folder(place)
            folder = tempfile.mkdtemp(prefix=_prefix(), dir=place)
            os.chmod(folder, 0o700)  # the umask may have taken our own bits
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except CacheError as error:
            wrong.append(error)
            continue
        except OSError as error:
            wrong.append(CacheError(f"cannot make a folder in {place}: {reason(error)}"))
            continue
        if wrong:
            passed_over(wrong[0])
        _locked(handle)
        sweep(place, clock)
        return folder, handle
    why = "".join(f": {error.message}" for error in wrong[:1])
    raise CacheError(
        f"there is no place for the files of a running command{why}",
        hint='export CREDHELPER_RUNTIME_DIR="$(mktemp -d)"',
    )


def begin_again(folder: str, process: int) -> None:
    """Make `folder` again if somebody removed it while the command `process` runs.

    Raises CacheError when it cannot be made.
    """
    if not os.path.isdir(folder):
        files.make_folder(folder)
        serve(folder, process)


def serve(folder: str, process: int) -> None:
    """Note in `folder` that it serves the command that runs as `process`."""
    try:
        handle = os.open(f"{folder}/{_COMMAND}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(handle, str(process).encode())
        close(handle)
    except OSError:
        pass  # a full disk: then it is swept later


def end(folder: str, handle: int) -> None:
    """Remove an unused folder that `begin` made."""
    _remove(folder)
    close(handle)


def _locked(handle: int) -> bool:
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _prefix() -> str:
    return f"{_PREFIX}{re.sub('[^A-Za-z0-9.]', '_', lookup.host())[:64]}-"


def sweep(place: str, clock: Callable[[], float] = time.time) -> None:
    """Remove the folders in `place` whose owner has died; `clock` gives Unix seconds."""
    now = clock()
    try:
        entries = list(os.scandir(place))
    except OSError:
        return  # tidiness is not worth an error
    for entry in entries:
        try:
            if not entry.name.startswith(_prefix()) or not entry.is_dir(follow_symlinks=False):
                continue
            young = now - entry.stat(follow_symlinks=False).st_mtime < _LEFT_OVER
            lives = _lives(entry.path)
            if lives or (young and lives is None):
                continue
            handle = os.open(entry.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue  # gone meanwhile, or not ours to look at
        try:
            if _locked(handle):
                _remove(entry.path)
        finally:
            close(handle)


def _remove(folder: str) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def living(place: str) -> list[str]:
    """Return the folders in `place` that serve a command that still runs."""
    try:
        names = sorted(os.listdir(place))
    except OSError:
        return []
    folders = [os.path.join(place, name) for name in names if name.startswith(_prefix())]
    return [folder for folder in folders if _lives(folder)]


def _lives(folder: str) -> bool | None:
    """Tell whether the command that `folder` serves still runs; None if unknown."""
    try:
        handle = os.open(f"{folder}/{_COMMAND}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            process = int(os.read(handle, _MOST_DIGITS))
        finally:
            close(handle)
        if process <= 0:
            return None
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, ValueError, OverflowError):
        return None
    return True
