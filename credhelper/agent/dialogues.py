"""The dialogues of an agent: each connection sends lines, one at a time, and none holds up others.

All sockets are non-blocking. Who sends no whole line, or does not read, is left behind when its
time is over; who only holds a place, when somebody else needs it.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Mapping

from credhelper.errors import BusyError, CredhelperError, RequestError

MOST = 64
MOST_LINE = 64 * 1024  # bytes
LONGEST = 5.0  # seconds for a line, and for reading an answer
_PATIENCE = 0.5  # seconds after which a place without a request goes to somebody else
_REST = 0.5  # seconds without new connections, where the system has no more of them
_READING, _WAITING, _WRITING = range(3)
_EVENTS = {_READING: select.POLLIN, _WAITING: 0, _WRITING: select.POLLOUT}


class Dialogue:
    """One connection: its socket, what came and is not yet served, what is to go, and since when.

    Parameters:
    - accepted: the socket, non-blocking.
    - since: when its phase began, in monotonic seconds.
    """

    __slots__ = ("ended", "phase", "received", "since", "socket", "to_send")

    def __init__(self, accepted: socket.socket, since: float) -> None:
        self.socket = accepted
        self.since = since
        self.phase = _READING
        self.received = b""
        self.to_send = b""
        self.ended = False  # nothing more comes

    def has_line(self) -> bool:
        """Tell whether a line has come that is to be taken now."""
        return self.phase == _READING and (self.ended or b"\n" in self.received)


class Dialogues:
    """All connections of an agent.

    Parameters:
    - listener: a socket that listens, non-blocking.
    - admit: takes a new connection; raises the error that it gets instead of a place.
    - take: takes a line and its dialogue. It answers by `reply`, at once or later.
    - refuse: returns the line that tells an error.
    - monotonic: seconds.
    """

    def __init__(
        self,
        listener: socket.socket,
        admit: Callable[[socket.socket], None],
        take: Callable[[bytes, Dialogue], None],
        refuse: Callable[[CredhelperError], bytes],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._listener = listener
        self._admit = admit
        self._take = take
        self._refuse = refuse
        self._monotonic = monotonic
        self._open: dict[int, Dialogue] = {}
        self._rests = 0.0

    def watched(self) -> list[tuple[int, int]]:
        """Return the handles to wait for, each with its events for `poll`."""
        found = [(handle, _EVENTS[one.phase]) for handle, one in self._open.items()]
        if self._monotonic() >= self._rests and (len(self._open) < MOST or self._idle()):
            found.append((self._listener.fileno(), select.POLLIN))
        return found

    def soonest(self) -> float:
        """Return the seconds until something is to be done though nothing comes."""
        if any(one.has_line() for one in self._open.values()):
            return 0.0
        now = self._monotonic()
        ends = [one.since + LONGEST for one in self._open.values() if one.phase != _WAITING]
        if self._rests > now:
            ends.append(self._rests)
        if len(self._open) >= MOST:
            reading = (one.since + _PATIENCE for one in self._open.values() if not one.phase)
            ends += [end for end in reading if end > now]
        return max(0.0, min(ends, default=now + LONGEST) - now)

    def serve(self, ready: Mapping[int, int]) -> None:
        """Do what can be done at once. Parameters: `ready`, the events by handle."""
        for handle in list(ready):
            if one := self._open.get(handle):
                self._go_on(one, ready[handle])
        # One line of each at a time: who sends many holds up nobody, and no call nests.
        for one in list(self._open.values()):
            if one.has_line():
                self._take_a_line(one)
        now = self._monotonic()
        for one in list(self._open.values()):
            if one.phase == _WAITING or now < one.since + LONGEST:
                continue
            if one.received:
                self._give_up(one, RequestError(f"no whole line came within {LONGEST:.0f} s"))
            else:
                self._drop(one)  # a line that nobody asked for would be taken for an answer
        if self._listener.fileno() in ready:
            self._accept()

    def reply(self, one: Dialogue, line: bytes) -> None:
        """Send the answer to the line that `one` waits for; nothing if it has gone meanwhile."""
        if self._open.get(one.socket.fileno()) is one:
            one.phase, one.since, one.to_send = _WRITING, self._monotonic(), line
            self._write(one)

    def close(self) -> None:
        """Close all of them, and listen no more."""
        for one in list(self._open.values()):
            self._drop(one)
        self._listener.close()

    def _idle(self) -> Dialogue | None:
        """Return the oldest dialogue without a request, whose place somebody else may have."""
        late = self._monotonic() - _PATIENCE
        reading = (one for one in self._open.values() if one.phase == _READING)
        oldest = min(reading, key=lambda one: one.since, default=None)
        return oldest if oldest and oldest.since <= late else None

    def _accept(self) -> None:
        while True:
            if len(self._open) >= MOST:
                idle = self._idle()
                if idle is None:
                    return
                self._give_up(idle, BusyError(f"the agent serves {MOST} others: try again"))
            try:
                accepted, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                # No more handles, say: the next ones wait in the kernel.
                self._rests = self._monotonic() + _REST
                return
            accepted.setblocking(False)
            one = Dialogue(accepted, self._monotonic())
            self._open[accepted.fileno()] = one
            try:
                self._admit(accepted)
            except OSError:
                self._drop(one)  # it has gone already
            except CredhelperError as error:
                self._give_up(one, error)

    def _go_on(self, one: Dialogue, events: int) -> None:
        if one.phase == _WRITING:
            self._write(one)
        elif one.has_line():
            return  # its turn comes: more is read when that is answered
        elif one.phase == _READING and events & select.POLLIN:
            self._read(one)
        else:
            self._drop(one)  # it was broken off

    def _read(self, one: Dialogue) -> None:
        try:
            chunk = one.socket.recv(MOST_LINE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._drop(one)
            return
        one.received += chunk
        one.ended = not chunk
        if len(one.received.partition(b"\n")[0]) > MOST_LINE:
            self._give_up(one, RequestError(f"a line is longer than {MOST_LINE} bytes"))

    def _take_a_line(self, one: Dialogue) -> None:
        line, line_feed, rest = one.received.partition(b"\n")
        if not line_feed and not line:
            self._drop(one)
            return
        one.received = rest
        one.phase = _WAITING
        self._take(line, one)

    def _write(self, one: Dialogue) -> None:
        try:
            one.to_send = one.to_send[one.socket.send(one.to_send) :]
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._drop(one)
            return
        if not one.to_send:
            one.phase, one.since = _READING, self._monotonic()

    def _give_up(self, one: Dialogue, why: CredhelperError) -> None:
        if one.phase == _READING:
            try:
                one.socket.send(self._refuse(why))
            except OSError:
                pass  # it is gone, or does not read
        self._drop(one)

    def _drop(self, one: Dialogue) -> None:
        del self._open[one.socket.fileno()]
        one.socket.close()
