"""The gate to a renewal: the kernel's `flock` on a file, taken before anything heavy is loaded.

Of a herd, one process goes on to load what a renewal takes; the others sleep here, in the kernel,
and look at the cache again when they are woken. A lock dies with its owner, so a killed leader lets
the next one in at once.
"""

import posix as os  # see `paths`
import time

from credhelper.core.paths import regular

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

WAIT = 30.0
_RING_AGAIN = 0.1

OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK


class EarlyLocks:
    """What a process locked, or waited for, before the rest of it was loaded.

    Attributes:
    - taken: path of a lock file -> the handle that holds its lock.
    - over: the paths whose wait has ended without the lock.
    - since: when it began to wait, in Unix seconds; infinite if it did not.

    `storage.locks.acquire` and `Slot` go on from there.
    """

    __slots__ = ("over", "since", "taken")

    def __init__(self) -> None:
        self.taken: dict[str, int] = {}
        self.over: set[str] = set()
        self.since = float("inf")

    def release(self) -> None:
        """Let go of what was taken and never needed: nobody waits while we talk to a tool."""
        while self.taken:
            os.close(self.taken.popitem()[1])


def enter(
    early: EarlyLocks,
    path: str,
    wait: float = WAIT,
    clock: "Callable[[], float]" = time.time,
) -> bool:
    """Wait until nobody holds the lock file at `path`; return whether somebody did.

    If nobody did, the lock is ours from now on: this process leads. False also where there is no
    lock to be had: then the rest of the program finds out why.

    Parameters:
    - early: notes the lock if it was taken, when a wait began, or that it is over.
    - path: of the lock file.
    - wait: seconds.
    - clock: Unix seconds.
    """
    try:
        handle = os.open(path, OPEN, 0o600)
    except OSError:
        return False
    import fcntl

    try:
        _make_private(handle)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            early.since = min(early.since, clock())
            if not sleep_at(lambda: fcntl.flock(handle, fcntl.LOCK_EX), wait):
                early.over.add(path)
        else:
            early.taken[path] = handle
            return False
    except OSError:
        pass  # no locks here: found out, and told, by the rest of the program
    os.close(handle)
    return path not in early.over


def _make_private(handle: int) -> None:
    found = os.fstat(handle)
    if not regular(found) or found.st_uid != os.geteuid():
        raise OSError
    if found.st_mode & 0o777 != 0o600:
        os.fchmod(handle, 0o600)  # the umask took bits of ours, or somebody added some


def sleep_at(block: "Callable[[], None]", wait: float) -> bool:
    """Call `block`, which sleeps in the kernel, for at most `wait` seconds; tell if it came back.

    Uses the alarm signal, so only for a process of our own, in its main thread.
    """
    import _signal  # `signal` builds enums for 4 ms a process: a herd pays that for each waiter

    class TimeIsOver(Exception):
        pass

    waiting = True

    def ring(number: int, frame: "FrameType | None") -> None:
        nonlocal waiting
        if waiting:
            waiting = False
            raise TimeIsOver

    before = _signal.signal(_signal.SIGALRM, ring)
    # What a caller blocks stays blocked in whom it starts, and nothing would end the sleep.
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, {_signal.SIGALRM})
    try:
        # Again and again: an alarm that rings just before `block` sleeps would wake nobody.
        _signal.setitimer(_signal.ITIMER_REAL, wait, _RING_AGAIN)
        block()
    except TimeIsOver:
        return False
    finally:
        waiting = False
        _signal.setitimer(_signal.ITIMER_REAL, 0)
        _signal.signal(_signal.SIGALRM, before)
    return True
