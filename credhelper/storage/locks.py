"""Locks: the kernel's `flock` before a renewal, and filelock for the files of a user.

A `flock` dies with its owner. A lock file is never the record itself; only `storage.sweep` deletes
one, and holds it then. We lock no file that another user could have put there.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from _thread import LockType, allocate_lock  # `threading` costs more than it gives here
from contextlib import contextmanager, nullcontext, suppress

from credhelper.core import flock, paths
from credhelper.core.paths import close
from credhelper.core.text import command, printable
from credhelper.errors import CacheError, LockTimeoutError, reason
from credhelper.storage.files import make_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    # Takes what is waited for, in words, and the seconds it may take; is open meanwhile.
    Waiting = Callable[[str, float], AbstractContextManager[None]]

_MOST_REPLACED = 100


_held: set[int] = set()  # the handles of all flocks that this process holds
# Threads that would poll take turns: one does, the others sleep. By the path of the lock file.
_turns: dict[str, LockType] = {}


class Lock:
    """A held kernel lock; release it, or let it die with the process."""

    __slots__ = ("release",)

    def __init__(self, release: Callable[[], None]) -> None:
        # Lets the next one in. The file stays: only its lock goes.
        self.release = release


class Unlockable(Exception):
    """There is no lock to be had at this place (a filesystem without locks, a read-only disk)."""


def acquire(
    path: str, *, wait: float, alarm: bool, early: flock.EarlyLocks | None = None
) -> Lock | None:
    """Take the exclusive lock on `path`, or None when `wait` seconds have passed.

    Parameters: `wait`, seconds, 0 for one try; `alarm`, true to sleep in the kernel until an alarm
    signal (the fast way, for a process of our own), false to poll (a library, or a thread);
    `early`, what this process locked or waited for before: its lock is returned.
    Raises Unlockable where no lock can be had, and CacheError for a lock file that is not ours.
    """
    early = early or flock.EarlyLocks()
    began = time.monotonic()
    try:
        return _acquired(path, 0 if path in early.over else min(wait, early.left), alarm, early)
    finally:
        early.left = max(0.0, early.left - (time.monotonic() - began))


def _acquired(path: str, wait: float, alarm: bool, early: flock.EarlyLocks) -> Lock | None:
    deadline = time.monotonic() + wait
    turn = None if alarm else _turns.setdefault(path, allocate_lock())
    if turn is not None and not turn.acquire(timeout=wait):
        return None
    lock = None
    try:
        lock = _locked(path, deadline, alarm, early, turn)
    finally:
        if lock is None and turn is not None:
            turn.release()
    return lock


def _locked(
    path: str, deadline: float, alarm: bool, early: flock.EarlyLocks, turn: LockType | None
) -> Lock | None:
    # Bounded, for file systems on which the name never leads to the file that was opened.
    for _ in range(_MOST_REPLACED):
        # The same file description again: what it has locked already, it locks at once.
        handle = early.taken.pop(path, None)
        if handle is None:
            handle = _open_lock(path)
        try:
            if not _flock(handle, max(0.0, deadline - time.monotonic()), alarm):
                close(handle)
                return None
            if _names(path, handle):
                return _lock_of(handle, turn)
        except OSError as error:
            close(handle)
            raise Unlockable(f"lock file {path}: {reason(error)}") from error
        except BaseException:
            close(handle)
            raise
        close(handle)  # somebody removed or replaced the file: what we hold guards nothing
    raise Unlockable(f"lock file {path}: is replaced again and again")


def _lock_of(handle: int, turn: LockType | None) -> Lock:
    _held.add(handle)
    return Lock(lambda: _let_go(handle, turn))


def _let_go(handle: int, turn: LockType | None) -> None:
    if handle not in _held:
        return  # a fork's child: it was never its lock
    _held.discard(handle)
    try:
        # Closing alone would not do: a child that was forked meanwhile has a copy of the handle.
        fcntl.flock(handle, fcntl.LOCK_UN)
    except OSError:
        pass  # the work under the lock is done, and our end releases it
    finally:
        close(handle)
        if turn is not None:
            turn.release()


def let_go_in_child() -> None:
    """Close a forked child's copies of the locks that its parent's threads hold.

    Or the child would hold them, too, when the parent dies.
    """
    while _held:
        close(_held.pop())
    _turns.clear()


@contextmanager
def one_writer(
    lock_path: str, doing: str, wait: float, waiting: Waiting | None = None
) -> Iterator[None]:
    """Let one writer at a time change files of a user's, for the time of a `with`.

    Parameters: `lock_path`, absolute, in a private folder, which is made; `doing`, what another
    writer does, for the message; `wait`, seconds; `waiting`, is open during the wait. Raises
    LockTimeoutError, CacheError.
    """
    from filelock import FileLock, Timeout

    make_folder(os.path.dirname(lock_path))
    lock = FileLock(lock_path, timeout=wait, mode=0o600, fallback_to_soft=False)
    try:
        with waiting(f"another credhelper is {doing}", wait) if waiting else nullcontext():
            lock.acquire()
    except Timeout as error:
        raise LockTimeoutError(
            f"another credhelper process has been {doing} for {wait:g} s",
            hint=f"see who holds it: {command('fuser', lock_path)}",
        ) from error
    except OSError as error:
        raise CacheError(f"cannot lock {printable(lock_path)}: {reason(error)}") from error
    try:
        # One that was there before keeps its mode otherwise; the folder is ours alone.
        with suppress(OSError):
            os.chmod(lock_path, 0o600)
        yield
    finally:
        with suppress(OSError):
            lock.release()


def _names(path: str, handle: int) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.lstat(path))
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ESTALE):
            return False
        raise


def _open_lock(path: str) -> int:
    try:
        handle = os.open(path, flock.OPEN, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise CacheError(
                f"lock file {path} is a symlink", hint=f"remove it: {command('rm', path)}"
            ) from error
        raise Unlockable(f"lock file {path}: {reason(error)}") from error
    try:
        found = os.fstat(handle)
        ours = paths.ours(found)
        if ours and found.st_mode & 0o777 != 0o600:
            os.fchmod(handle, 0o600)
    except OSError as error:
        close(handle)
        raise Unlockable(f"lock file {path}: {reason(error)}") from error
    if not ours:
        close(handle)
        raise CacheError(
            f"lock file {path} is not a file of ours", hint=f"remove it: {command('rm', path)}"
        )
    return handle


def _flock(handle: int, wait: float, alarm: bool) -> bool:
    if alarm:
        return flock.take(handle, wait) != flock.OVER

    def attempt() -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    try:
        attempt()
    except BlockingIOError:
        return wait > 0 and _flock_by_polling(attempt, wait)
    return True


def _flock_by_polling(attempt: Callable[[], None], wait: float) -> bool:
    deadline = time.monotonic() + wait
    pause = 0.005
    while time.monotonic() < deadline:
        # Jitter, so that many waiters do not try at the same moment.
        time.sleep(pause * (0.5 + os.urandom(1)[0] / 256))
        pause = min(pause * 1.5, 0.05)
        try:
            attempt()
        except BlockingIOError:
            continue
        return True
    return False
