"""The children of an agent: each does one piece of work, hands over what came of it, and ends."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable
from typing import NoReturn

from credhelper.core import ending

MOST = 16
LONGEST = 90.0  # seconds for the work of a child: more than all its waits take
_GRACE = 30.0  # seconds for a refresh to come to its end, when all are told to end
_PAUSE = 0.01


class Child:
    """A process that works.

    Parameters:
    - pid: its id.
    - until: when it is killed, in monotonic seconds.
    """

    __slots__ = ("pid", "received", "until")

    def __init__(self, pid: int, until: float) -> None:
        self.pid = pid
        self.until = until
        self.received = b""


class Children:
    """All children of a process that work now.

    Parameters:
    - let_go: closes what a child must not hold.
    """

    def __init__(self, let_go: Callable[[], None]) -> None:
        self._let_go = let_go
        self._working: dict[int, Child] = {}
        self._ended: list[int] = []  # have handed over, and are still tidying up

    def __len__(self) -> int:
        return len(self._working)

    def handles(self) -> list[int]:
        """Return the handles at which something comes from children."""
        return list(self._working)

    def start(self, work: Callable[[], bytes], tidy: Callable[[], None]) -> int:
        """Start a child, and return the handle at which what it hands over comes.

        Parameters:
        - work: what it does; its result is handed over whole.
        - tidy: what it does after that.

        Raises OSError when no process is to be had.
        """
        reader, writer = os.pipe2(os.O_CLOEXEC)
        # Our own handlers are not for a child: what comes early waits for those of its own.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ending.STOPS)
        try:
            pid = os.fork()
            if pid == 0:
                self._be_child(reader, writer, before, work, tidy)
        except OSError:
            os.close(reader)
            os.close(writer)
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(writer)
        self._working[reader] = Child(pid, time.monotonic() + LONGEST)
        return reader

    def collect(self, handle: int) -> bytes | None:
        """Take what has come at `handle`: all of it if the child has ended, None if it has not."""
        child = self._working[handle]
        chunk = os.read(handle, 65536)
        child.received += chunk
        if chunk:
            return None
        os.close(handle)
        del self._working[handle]
        self._ended.append(child.pid)
        return child.received

    def look_after(self) -> None:
        """End a child whose time is over, and bury those that have ended. Waits for nothing."""
        now = time.monotonic()
        for child in self._working.values():
            if now >= child.until:
                os.kill(child.pid, signal.SIGKILL)  # its pipe ends, and its line gets an error
        self._ended = [pid for pid in self._ended if not os.waitpid(pid, os.WNOHANG)[0]]

    def soonest(self) -> float:
        """Return the seconds until the time of a child is over; infinite without one."""
        ends = [child.until for child in self._working.values()]
        return max(0.0, min(ends, default=float("inf")) - time.monotonic())

    def end(self) -> None:
        """End all of them. One may hold a new session: it ends when that is saved."""
        pids = [*self._ended, *(child.pid for child in self._working.values())]
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + _GRACE
        while pids and time.monotonic() < until:
            pids = [pid for pid in pids if not os.waitpid(pid, os.WNOHANG)[0]]
            time.sleep(_PAUSE if pids else 0)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    def _be_child(
        self,
        reader: int,
        writer: int,
        mask: Iterable[int],
        work: Callable[[], bytes],
        tidy: Callable[[], None],
    ) -> NoReturn:
        try:
            ending.listen()
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            self._let_go()
            for handle in (reader, *self._working):
                os.close(handle)
            data = work()
            while data:
                data = data[os.write(writer, data) :]
            os.close(writer)
            tidy()
        finally:
            os._exit(0)
