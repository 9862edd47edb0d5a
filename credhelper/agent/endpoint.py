"""The endpoint: a small process that hands AWS keys to one command, and to nobody else.

`exec --aws-endpoint` starts it beside its command. It keeps the keys in memory, and answers from
there alone. A child renews them ahead of their end: it loads what that takes, hands them over and
ends. The endpoint ends with its line, whose other end `exec` holds, and the keeper that `exec`
becomes.
"""

import _signal  # `signal` builds enums that are never used here
import posix as os  # all that is needed, without what `os` brings along
import select
import sys
import time
from _socket import socket

from credhelper.agent import http
from credhelper.agent.connections import Connections
from credhelper.agent.serving import Serving, receive, unpack
from credhelper.core import ending
from credhelper.core.text import complaint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

_LONGEST_SLEEP = 10.0  # also a laptop that was shut, and a token's file that is gone, are noticed
_SHORTEST_PAUSE, _LONGEST_PAUSE = 2.0, 60.0


def main() -> "NoReturn":
    """Read the keys from the line, and serve them at the listener. Does not return."""
    listener, line = socket(fileno=int(sys.argv[1])), int(sys.argv[2])
    for handle in (listener.fileno(), line):
        os.set_inheritable(handle, False)
    serving = receive(line)
    if serving is None:
        os._exit(1)
    endpoint = Endpoint(serving, listener, line)
    os.write(line, b"\n")
    endpoint.run()
    os._exit(0)


class Endpoint:
    """An endpoint that listens.

    Parameters:
    - serving: the keys, and what it takes to renew them.
    - listener: a socket that listens on loopback.
    - line: a handle; when its other end is closed, `run` returns.
    - clock: Unix seconds.
    - monotonic: seconds.
    """

    def __init__(
        self,
        serving: Serving,
        listener: socket,
        line: int,
        clock: "Callable[[], float]" = time.time,
        monotonic: "Callable[[], float]" = time.monotonic,
    ) -> None:
        self._serving = serving
        self._line = line
        self._clock = clock
        self._monotonic = monotonic
        self._apart = monotonic() - clock()
        self._renewer = 0
        self._pipe = -1
        self._handed = b""
        self._rest = 0.0  # until when nothing is tried, after something came to nothing
        self._pause = _SHORTEST_PAUSE
        host = f"{http.HOST}:{listener.getsockname()[1]}"
        self._connections = Connections(
            listener, host, serving.token, self._answer, monotonic=monotonic
        )

    def run(self) -> None:
        """Serve until the line ends."""
        while True:
            now = self._now()
            if not self._renewer and self._wants_renewal(now):
                self._start_renewer(now)
            poll = select.poll()
            poll.register(self._line, select.POLLIN)
            if self._renewer:
                poll.register(self._pipe, select.POLLIN)
            for handle, events in self._connections.watched():
                poll.register(handle, events)
            ready = dict(poll.poll(1000 * self._sleep(now)))
            if self._line in ready:
                break
            if self._renewer and self._pipe in ready:
                self._take()
            self._connections.serve(ready)
        self._connections.close()
        if self._renewer:
            # It may hold a new session of which nobody else knows yet: it ends when that is saved.
            os.kill(self._renewer, _signal.SIGTERM)
            os.waitpid(self._renewer, 0)

    def _behind(self) -> float:
        """Return the seconds that the clock was set back since the keys came."""
        return max(0.0, self._monotonic() - self._clock() - self._apart)

    def _now(self) -> float:
        # By both clocks: one may be set back, the other one rests while a laptop sleeps.
        return self._clock() + self._behind()

    def _resting(self, now: float) -> bool:
        return now < self._rest <= now + _LONGEST_PAUSE

    def _wants_renewal(self, now: float) -> bool:
        if self._resting(now):
            return False
        return now >= self._serving.due or _gone(self._serving.path)

    def _sleep(self, now: float) -> float:
        """Return the seconds for which nothing is to be done, if nothing comes."""
        until = [now + _LONGEST_SLEEP, now + self._connections.soonest()]
        if not self._renewer:
            until.append(max(self._serving.due, self._rest if self._resting(now) else 0.0))
        # Rounded up: to wake too early would be to wake again and again.
        return max(0.0, min(until) - now) + 0.001

    def _answer(self, waited: bool) -> bytes | None:
        """Return the answer to a request that is served; None while a renewal may bring one."""
        now = self._now()
        if now < self._serving.expires:
            return http.reply("200 OK", self._serving.keys.reveal())
        if not waited and (self._renewer or not self._resting(now)):
            return None
        why = f"the AWS keys of {self._serving.profile} have ended"
        if self._serving.trouble:
            why += f", and could not be renewed: {self._serving.trouble}"
        return http.failure("503 Service Unavailable", "CredentialsUnavailable", why)

    def _start_renewer(self, now: float) -> None:
        """Start a child that renews the keys; where no process is to be had, try again later."""
        pipe: tuple[int, ...] = ()
        try:
            pipe = reader, writer = os.pipe()
            child = os.fork()
        except OSError as error:
            for handle in pipe:
                os.close(handle)
            self._failed(now, os.strerror(error.errno or 0).lower())
            return
        if not child:
            os.close(reader)
            self._renew(writer)
        os.close(writer)
        self._renewer, self._pipe, self._handed = child, reader, b""

    def _renew(self, writer: int) -> "NoReturn":
        """Renew the keys, hand them to the endpoint, and end this process, a child of it."""
        try:
            self._connections.close()
            os.close(self._line)
            ending.listen()  # a refresh comes to its end
            _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
            # Not `posix.environ`: the renewal reads names and values as text.
            from os import environ

            from credhelper.agent import keys

            say = None if self._serving.trouble else _say  # of trouble that lasts, once
            data = keys.renew(self._serving, environ, say, self._behind())
            while data:
                data = data[os.write(writer, data) :]
        except BaseException as error:  # noqa: BLE001  # as at the edge: its class alone
            if not isinstance(error, ending.Ended) and not self._serving.trouble:
                why = f"could not renew the AWS keys of {self._serving.profile}:"
                hint = "was credhelper upgraded or removed since this was started? start it again"
                _say(complaint(f"{why} {type(error).__name__}", hint, "warning"))
            os._exit(1)
        os._exit(0)

    def _take(self) -> None:
        """Take what the renewer hands over, and the keys when that is whole."""
        chunk = os.read(self._pipe, 65536)
        self._handed += chunk
        if chunk:
            return
        os.close(self._pipe)
        os.waitpid(self._renewer, 0)
        found, self._handed = unpack(self._handed), b""
        self._renewer, self._pipe = 0, -1
        now = self._now()
        if found is None:
            self._failed(now, "the renewal did not come to its end")
        else:
            self._serving.warned = found.warned
            if found.keys:
                self._serving.keys, self._serving.trouble = found.keys, ""
                self._serving.expires, self._serving.due = found.expires, found.due
                self._apart = self._monotonic() - self._clock()
                now = self._now()
            if not found.keys or found.due <= now or _gone(self._serving.path):
                self._failed(now, found.trouble)
            else:
                self._pause, self._rest = _SHORTEST_PAUSE, 0.0
        self._connections.look_again()

    def _failed(self, now: float, trouble: str) -> None:
        self._serving.trouble = trouble
        self._rest = now + self._pause
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)


def _gone(path: str) -> bool:
    try:
        os.stat(path)
    except FileNotFoundError:
        return True
    except OSError:
        pass  # not to be seen, which a renewal would not change
    return False


def _say(lines: bytes) -> None:
    try:
        os.write(2, lines)
    except OSError:
        pass  # the terminal is gone: no reason to let the keys go as well
