"""Writing what we keep on disk, and locking what is being made.

Readers never lock (see `core.paths`), because writers write a new file, flush it and rename it over
the old one. The gate to a renewal is the
kernel's `flock`, which dies with its owner; a lock file is never deleted and is never the record.
Nothing is read from, or written to, a folder or file that somebody else could have put there.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from contextlib import contextmanager

from credhelper.core import flock
from credhelper.core.text import printable
from credhelper.errors import CacheError, LockTimeoutError, reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NO_FOLDER_SYNC = {errno.EINVAL, errno.EBADF, errno.ENOSYS, errno.EOPNOTSUPP}
_MOST_REPLACED = 100
_CREATE = os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


# --- folders and files that are ours alone --------------------------------------------------------


def complaint_about(folder: str) -> CacheError | None:
    """Return what is wrong with `folder` as a private folder of ours; None if nothing is.

    A missing folder is fine: it is ours to make.
    """
    try:
        found = os.lstat(folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        return CacheError(f"cannot look at folder {folder}: {reason(error)}")
    if stat.S_ISLNK(found.st_mode):
        return CacheError(
            f"folder {folder} is a symlink",
            hint="point CREDHELPER_CACHE_DIR or CREDHELPER_STATE_DIR at the folder itself:"
            f" {os.path.realpath(folder)}",
        )
    if not stat.S_ISDIR(found.st_mode):
        return CacheError(
            f"{folder} is not a folder", hint=f"move it away: mv {folder} {folder}.old"
        )
    if found.st_uid != os.geteuid():
        return CacheError(
            f"folder {folder} belongs to another user (uid {found.st_uid})",
            hint=_to_whom(folder),
        )
    if found.st_mode & 0o077:
        return CacheError(
            f"folder {folder} is open to other users (mode {stat.S_IMODE(found.st_mode):04o})",
            hint=f"chmod 700 {folder}",
        )
    return None


def _to_whom(folder: str) -> str:
    if os.geteuid() == 0:
        return "run as that user, or set CREDHELPER_CACHE_DIR and CREDHELPER_STATE_DIR"
    return f"chown {os.geteuid()} {folder}"


def make_folder(folder: str) -> None:
    """Create `folder` and its missing parents, each for us alone.

    Raises CacheError when it cannot be made, is not private, or hangs from a folder that others may
    write to, or from somebody else's home while we are root.
    """
    missing = []
    at = folder
    while not os.path.lexists(at):
        missing.append(at)
        at = os.path.dirname(at)
    _distrust(at if missing else os.path.dirname(at), folder)
    for new in reversed(missing):
        try:
            os.mkdir(new, 0o700)
            os.chmod(new, 0o700)  # the umask may have taken our own bits
        except FileExistsError:
            continue  # another process made it: judged below like any other
        except OSError as error:
            raise CacheError(f"cannot make folder {folder}: {reason(error)}") from error
    wrong = complaint_about(folder)
    if wrong:
        raise wrong


def _distrust(ancestor: str, folder: str) -> None:
    ours = {0, os.geteuid(), *_unmapped_root()}
    at = os.path.realpath(ancestor)
    while True:
        try:
            found = os.stat(at)
        except OSError as error:
            raise CacheError(f"cannot look at folder {at}: {reason(error)}") from error
        if found.st_uid not in ours:
            raise CacheError(
                f"folder {at} above {folder} belongs to another user (uid {found.st_uid})",
                hint="set CREDHELPER_CACHE_DIR and CREDHELPER_STATE_DIR to folders of your own",
            )
        if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
            raise CacheError(
                f"folder {at} above {folder} may be written by anybody", hint=f"chmod o-w {at}"
            )
        parent = os.path.dirname(at)
        if parent == at:
            return
        at = parent


def _unmapped_root() -> list[int]:
    # In a container's user namespace the host's root shows as the overflow user.
    try:
        with open("/proc/self/uid_map", "rb") as uid_map:
            if uid_map.read().split() == [b"0", b"0", b"4294967295"]:
                return []
        with open("/proc/sys/kernel/overflowuid", "rb") as overflow:
            return [int(overflow.read(16))]
    except (OSError, ValueError):
        return []


def replace(path: str, data: bytes, *, durable: bool = False) -> None:
    """Put `data` at `path` whole: a new private file, flushed, renamed over the old one.

    Parameters: `durable`, also flush the folder, for what cannot be made again. Raises OSError; the
    old file is then untouched.
    """
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_EXCL | _CREATE, 0o600)
    try:
        try:
            os.fchmod(handle, 0o600)
            view = memoryview(data)
            while view:
                view = view[os.write(handle, view) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(temporary, path)
    except BaseException:
        try:
            os.unlink(temporary)
        except OSError:
            pass  # the first error is the one to tell
        raise
    if durable:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        except OSError as error:
            if error.errno not in _NO_FOLDER_SYNC:
                raise
        finally:
            os.close(handle)


# --- locks ----------------------------------------------------------------------------------------


_held: set[int] = set()  # the handles of all flocks that this process holds


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
    `early`, what this process locked or waited for before: a lock in there is handed on.
    Raises Unlockable where no lock can be had, and CacheError for a lock file that is not ours.
    """
    early = early or flock.EarlyLocks()
    deadline = time.monotonic() + (0 if path in early.over else wait)
    # Bounded: where names and files never agree (odd file systems), nothing can be locked.
    for _ in range(_MOST_REPLACED):
        # The same file description again: what it has locked already, it locks at once.
        handle = early.taken.pop(path, None)
        if handle is None:
            handle = _open_lock(path)
        try:
            if not _flock(handle, max(0.0, deadline - time.monotonic()), alarm):
                os.close(handle)
                return None
            if _names(path, handle):
                return _lock_of(handle)
        except OSError as error:
            os.close(handle)
            raise Unlockable(f"lock file {path}: {reason(error)}") from error
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # somebody removed or replaced the file: what we hold guards nothing
    raise Unlockable(f"lock file {path}: is replaced again and again")


def _lock_of(handle: int) -> Lock:
    _held.add(handle)
    return Lock(lambda: _let_go(handle))


def _let_go(handle: int) -> None:
    if handle not in _held:
        return  # a fork's child: it was never its lock
    _held.discard(handle)
    try:
        # Closing alone would not do: a child that was forked meanwhile has a copy of the handle.
        fcntl.flock(handle, fcntl.LOCK_UN)
    finally:
        os.close(handle)


def let_go_in_child() -> None:
    """Close a forked child's copies of the locks that its parent's threads hold.

    Or the child would hold them, too, when the parent dies.
    """
    while _held:
        os.close(_held.pop())


@contextmanager
def one_writer(lock_path: str, doing: str, wait: float) -> Iterator[None]:
    """Let one writer at a time change files of a user's, for the time of a `with`.

    Parameters: `lock_path`, absolute, in a private folder, which is made; `doing`, what another
    one is at, for the message; `wait`, seconds. Raises LockTimeoutError, CacheError.
    """
    from filelock import FileLock, Timeout

    make_folder(os.path.dirname(lock_path))
    lock = FileLock(lock_path, timeout=wait, mode=0o600, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise LockTimeoutError(
            f"another credhelper has been {doing} for {wait:g} s",
            hint=f"see who holds it: fuser {printable(lock_path)}",
        ) from error
    except OSError as error:
        raise CacheError(f"cannot lock {printable(lock_path)}: {reason(error)}") from error
    try:
        # One that was there before keeps its mode otherwise; the folder is ours alone.
        os.chmod(lock_path, 0o600)
        yield
    finally:
        lock.release()


def _names(path: str, handle: int) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.lstat(path))
    except FileNotFoundError:
        return False


def _open_lock(path: str) -> int:
    try:
        handle = os.open(path, os.O_RDWR | _CREATE, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise CacheError(
                f"lock file {path} is a symlink", hint=f"remove it: rm {path}"
            ) from error
        raise Unlockable(f"lock file {path}: {reason(error)}") from error
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
        os.close(handle)
        raise CacheError(f"lock file {path} is not a file of ours", hint=f"remove it: rm {path}")
    if found.st_mode & 0o777 != 0o600:
        try:
            os.fchmod(handle, 0o600)
        except OSError as error:
            os.close(handle)
            raise Unlockable(f"lock file {path}: {reason(error)}") from error
    return handle


def _flock(handle: int, wait: float, alarm: bool) -> bool:
    exclusive = fcntl.LOCK_EX
    try:
        fcntl.flock(handle, exclusive | fcntl.LOCK_NB)
    except BlockingIOError:
        pass
    else:
        return True
    if wait <= 0:
        return False
    if alarm:
        return flock.sleep_at(lambda: fcntl.flock(handle, exclusive), wait)
    return _flock_by_polling(lambda: fcntl.flock(handle, exclusive | fcntl.LOCK_NB), wait)


def _flock_by_polling(attempt: Callable[[], None], wait: float) -> bool:
    deadline = time.monotonic() + wait
    pause = 0.005
    while time.monotonic() < deadline:
        # Jitter, so that a herd does not knock in step.
        time.sleep(pause * (0.5 + os.urandom(1)[0] / 256))
        pause = min(pause * 1.5, 0.05)
        try:
            attempt()
        except BlockingIOError:
            continue
        return True
    return False
