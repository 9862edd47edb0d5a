"""The connections of an endpoint: each brings one request, and none can hold up the others.

All sockets are non-blocking. Who sends nothing, sends slowly or does not read is left behind when
its time is over, or when somebody else needs its place.
"""

import select
import time
from _socket import SHUT_WR, socket

from credhelper.agent import http

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from credhelper.core.model import Secret

MOST = 32
LONGEST = 5.0  # seconds for a request and its answer
WAIT = 1.0  # seconds that an answer waits for keys
_PATIENCE = 0.5  # seconds after which a request that is not whole gives its place away
_REST = 0.5  # seconds without new connections, where the system has no more of them
_READING, _WAITING, _WRITING, _DRAINING = range(4)
_EVENTS = {_READING: select.POLLIN, _WAITING: 0, _WRITING: select.POLLOUT, _DRAINING: select.POLLIN}


class Connection:
    """One connection: its socket, what came, what is to go, and since when it has been there."""

    __slots__ = ("phase", "received", "since", "socket", "to_send")

    def __init__(self, accepted: socket, since: float) -> None:
        self.socket = accepted
        self.since = since
        self.phase = _READING
        self.received = b""
        self.to_send = b""


class Connections:
    """All connections of an endpoint.

    Parameters:
    - listener: a socket that listens.
    - host, token: as for `http.judge`.
    - answer: gives the answer to a request that is served, or None while it may come soon; takes
      whether it has been waited for long enough.
    - monotonic: seconds.
    """

    def __init__(
        self,
        listener: socket,
        host: str,
        token: "Secret",
        answer: "Callable[[bool], bytes | None]",
        monotonic: "Callable[[], float]" = time.monotonic,
    ) -> None:
        self._listener = listener
        self._host = host
        self._token = token
        self._answer = answer
        self._monotonic = monotonic
        self._open: dict[int, Connection] = {}
        self._rests = 0.0
        listener.setblocking(False)

    def watched(self) -> list[tuple[int, int]]:
        """Return the handles to wait for, each with its events for `poll`."""
        found = [(handle, _EVENTS[one.phase]) for handle, one in self._open.items()]
        if self._monotonic() >= self._rests and (len(self._open) < MOST or self._to_give_up()):
            found.append((self._listener.fileno(), select.POLLIN))
        return found

    def soonest(self) -> float:
        """Return the seconds until something is to be done though nothing comes."""
        now = self._monotonic()
        ends = [self._end_of(one) for one in self._open.values()]
        if self._rests > now:
            ends.append(self._rests)
        if len(self._open) >= MOST:
            ends += [
                one.since + _PATIENCE for one in self._open.values() if one.since + _PATIENCE > now
            ]
        return max(0.0, min(ends, default=now + LONGEST) - now)

    def serve(self, ready: "Mapping[int, int]") -> None:
        """Do what can be done at once. Parameters: `ready`, the events by handle."""
        for handle in list(ready):
            if one := self._open.get(handle):
                self._go_on(one, ready[handle])
        now = self._monotonic()
        for one in list(self._open.values()):
            if now >= self._end_of(one):
                self._time_is_over(one)
        if self._listener.fileno() in ready:
            self._accept()

    def look_again(self) -> None:
        """Answer those who wait, if there is an answer now."""
        for one in list(self._open.values()):
            if one.phase == _WAITING:
                self._reply(one, waited=False)

    def close(self) -> None:
        """Close all of them, and listen no more."""
        for one in list(self._open.values()):
            self._drop(one)
        self._listener.close()

    def _end_of(self, one: Connection) -> float:
        return one.since + (WAIT if one.phase == _WAITING else LONGEST)

    def _to_give_up(self) -> Connection | None:
        """Return the oldest connection whose place somebody else may have."""
        late = self._monotonic() - _PATIENCE
        idle = (one for one in self._open.values() if one.phase in (_READING, _DRAINING))
        oldest = min(idle, key=lambda one: one.since, default=None)
        return oldest if oldest and oldest.since <= late else None

    def _accept(self) -> None:
        while True:
            if len(self._open) >= MOST:
                late = self._to_give_up()
                if late is None:
                    return
                self._time_is_over(late)
            try:
                # What `socket.accept` itself calls.
                handle, _ = self._listener._accept()  # type: ignore[attr-defined]  # typeshed's gap
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                # No more handles, say: the next ones wait in the kernel.
                self._rests = self._monotonic() + _REST
                return
            accepted = socket(fileno=handle)
            accepted.setblocking(False)
            self._open[handle] = Connection(accepted, self._monotonic())

    def _go_on(self, one: Connection, events: int) -> None:
        if one.phase == _WRITING:
            self._write(one)
        elif events & select.POLLIN:
            self._read(one)
        else:
            self._drop(one)  # it was broken off

    def _read(self, one: Connection) -> None:
        try:
            chunk = one.socket.recv(http.MOST_HEAD)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            chunk = b""
        if not chunk:
            self._drop(one)
        elif one.phase == _READING:
            one.received += chunk
            verdict = http.judge(one.received, self._host, self._token)
            if verdict is None:
                return
            one.received = b""
            if verdict:
                self._reply(one, waited=False)
            else:
                self._send(one, http.REFUSAL)

    def _reply(self, one: Connection, *, waited: bool) -> None:
        reply = self._answer(waited)
        if reply is not None:
            self._send(one, reply)
        elif one.phase != _WAITING:
            one.phase, one.since = _WAITING, self._monotonic()

    def _send(self, one: Connection, reply: bytes) -> None:
        one.phase, one.to_send = _WRITING, reply
        self._write(one)

    def _write(self, one: Connection) -> None:
        try:
            sent = one.socket.send(one.to_send)
            one.to_send = one.to_send[sent:]
            if not one.to_send:
                # To close before all that was sent is read would take the answer away again.
                one.socket.shutdown(SHUT_WR)
                one.phase = _DRAINING
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            self._drop(one)

    def _time_is_over(self, one: Connection) -> None:
        if one.phase == _WAITING:
            self._reply(one, waited=True)
            return
        if one.phase == _READING:
            try:
                one.socket.send(http.REFUSAL)
            except OSError:
                pass  # it is gone, or does not read
        self._drop(one)

    def _drop(self, one: Connection) -> None:
        del self._open[one.socket.fileno()]
        one.socket.close()
