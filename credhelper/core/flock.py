"""The lock of a renewal: the kernel's `flock` on a file, taken before heavy modules are loaded.

Of many processes, one loads the rest and renews; the others sleep here, in the kernel, and look at
the cache again when they wake up. A lock dies with its owner, so a killed leader lets
the next one in at once.
"""

import posix as os  # see `paths`
import time

from credhelper.core.paths import close, ours

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

WAIT = 30.0  # seconds, for all waits of one call together
# Of these, for the process that renews. If that was stopped, one of the waiters renews in its
# place, and the others wait for that one in the rest.
LEADER_WAIT = 24.0
FREE, WAITED, OVER = "free", "waited", "over"

_ROUTES_WAIT = 10.0
_SHORTEST = 1.0  # seconds for a try without waiting
_RING_AGAIN = 0.1

OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK


class EarlyLocks:
    """What a process locked, or waited for, before it loaded the rest.

    Attributes:
    - taken: path of a lock file -> the handle that holds its lock.
    - over: the paths whose wait has ended without the lock.
    - since: when it began to wait, in Unix seconds; infinite if it did not.
    - left: seconds that this call may still wait for locks.

    `storage.locks.acquire` and `Slot` go on from there.
    """

    __slots__ = ("left", "over", "since", "taken")

    def __init__(self) -> None:
        self.taken: dict[str, int] = {}
        self.over: set[str] = set()
        self.begin()

    def begin(self) -> None:
        """Begin another call, with waits of its own."""
        self.since = float("inf")
        self.left = WAIT

    def release(self) -> None:
        """Release locks that were not needed: others must not wait while we talk to a tool."""
        while self.taken:
            close(self.taken.popitem()[1])


class Allowance:
    """Seconds to wait, fewer with each wait.

    Attributes:
    - left: seconds.
    """

    __slots__ = ("_all", "left")

    def __init__(self, seconds: float) -> None:
        self._all = self.left = seconds

    def spend(self, seconds: float) -> None:
        """Take `seconds` away."""
        self.left = max(0.0, self.left - seconds)

    def begin(self) -> None:
        """Have all seconds again, for another call."""
        self.left = self._all


def enter(
    early: EarlyLocks,
    path: str,
    clock: "Callable[[], float]" = time.time,
    *,
    wait: float = LEADER_WAIT,
) -> bool:
    """Wait until nobody holds the lock file at `path`; return whether somebody did.

    If nobody did, this process has the lock from now on, and renews. False also if there are no
    locks here: then the rest of the program finds out why.

    Parameters:
    - early: notes when we came, the lock if it was taken, and a wait that is over.
    - path: of the lock file.
    - clock: Unix seconds.
    - wait: seconds, at most.
    """
    early.since = min(early.since, clock())
    routes = path.rpartition("/")[2].startswith("routes-")
    began = time.monotonic()
    try:
        handle = os.open(path, OPEN, 0o600)
    except OSError:
        return False
    try:
        _make_private(handle)
        how = take(handle, min(early.left, wait, _ROUTES_WAIT if routes else wait))
        if how == FREE:
            early.taken[path] = handle
            return False
        if how == OVER:
            early.over.add(path)
    except OSError:
        pass  # no locks here: the rest of the program finds out why, and warns
    early.left = max(0.0, early.left - (time.monotonic() - began))
    close(handle)
    return path not in early.over


def take(handle: int, wait: float) -> str:
    """Lock the open file `handle` within `wait` seconds, which may be 0.

    Returns whether it was free, was waited for, or was not to be had in time. Uses the
    alarm signal, as `sleep_at` does. Raises OSError where there are no locks.
    """
    import fcntl

    ends = time.monotonic() + wait
    try:
        # Over a network even a try without waiting may hang.
        if sleep_at(lambda: fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB), wait or _SHORTEST):
            return FREE
    except BlockingIOError:
        left = ends - time.monotonic()
        if left > 0 and sleep_at(lambda: fcntl.flock(handle, fcntl.LOCK_EX), left):
            return WAITED
    return OVER


def _make_private(handle: int) -> None:
    found = os.fstat(handle)
    if not ours(found):
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
    # A child inherits blocked signals: a blocked alarm would never end the sleep.
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
