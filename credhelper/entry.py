"""Start of the program: read argv, environment and stdin, and answer from the cache if it can.

The program's name, or else the first word, shows whether a tool or a person called. This module
loads only what a warm answer needs. `edge` serves every other call, with what `main` returns. A
reply is written whole or not at all.
"""

import _signal  # `signal` costs an enum
import posix as os  # see `paths`
import sys

from credhelper import protocols
from credhelper.core import lookup
from credhelper.core.model import Call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType
    from typing import NoReturn

    from credhelper.core.flock import EarlyLocks
    from credhelper.core.model import Reply, Request
    from credhelper.protocols import Protocol

    # Protocol (None: a person called), program, arguments, stdin, why stdin is no whole request (or
    # ""), and the locks that are held already.
    Unserved = tuple[str | None, str, list[str], bytes, str, EarlyLocks | None]

STOPS = (_signal.SIGHUP, _signal.SIGINT, _signal.SIGTERM)
MOST_BYTES = 1024 * 1024

_SILENCE = 15.0
_UNTOLD = 0.5  # seconds that a person at a terminal waits before the rest of the program tells why
_CHUNK = 65536
_FROM_A_TERMINAL = b"credhelper: hint: reading a request from the terminal; end it with Ctrl-D\n"


def main() -> "Unserved":
    """Answer from the cache and end the process; otherwise return what was read of the call.

    The caller passes that to `edge.main`, which serves it.
    """
    program = sys.argv[0].rpartition("/")[2]
    end_on_signals()
    try:
        name, arguments = _called_for(program, sys.argv[1:])
        stdin, trouble = b"", ""
        early = None
        if name is not None:
            environ = _environment()
            protocol = protocols.load(name)
            mode = protocol.reads(arguments)
            if mode == "paragraph" or mode == "document":
                stdin, trouble = _read(mode)
            if mode != "lines" and not trouble and not environ.get("CREDHELPER_TRACE"):
                reply, early = _warm(protocol, Call(program, arguments, stdin, environ))
                if reply is not None:
                    _leave(reply)
        return name, program, arguments, stdin, trouble, early
    except KeyboardInterrupt:
        os._exit(130)


def end_on_signals() -> None:
    """End at once on a signal that asks for it, with the status that a shell gives: 128 + n.

    A signal that the caller ignores (nohup) stays ignored.
    """

    def end(number: int, frame: "FrameType | None") -> None:
        os._exit(128 + number)

    for number in STOPS:
        if _signal.getsignal(number) != _signal.SIG_IGN:
            _signal.signal(number, end)


def read() -> bytes:
    """Return some bytes from stdin, b'' at its end. Raises OSError if it is closed."""
    while True:
        try:
            return os.read(0, _CHUNK)
        except BlockingIOError:
            _wait(0)


def write(stream: int, data: bytes) -> None:
    """Write all of `data` to `stream`. Raises OSError for a closed pipe or a full disk."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(stream, view) :]
        except BlockingIOError:
            _wait(stream)


def _wait(stream: int) -> None:
    # Another process that shares the stream may have made it non-blocking: no end, and no error.
    import select

    reading, writing = ([stream], []) if stream == 0 else ([], [stream])
    select.select(reading, writing, [])


def _called_for(program: str, arguments: list[str]) -> tuple[str | None, list[str]]:
    name = protocols.by_program(program)
    if name:
        return name, arguments
    if arguments and arguments[0] in protocols.PROTOCOLS and not _peoples(arguments):
        return arguments[0], arguments[1:]
    return None, arguments


def _peoples(arguments: list[str]) -> bool:
    if "--help" in arguments or "-h" in arguments:
        return True
    return len(arguments) > 1 and arguments[1] in protocols.PEOPLES.get(arguments[0], ())


def _warm(protocol: "Protocol", call: Call) -> "tuple[Reply | None, EarlyLocks | None]":
    """Return the reply from the cache, if need be after another process has filled it; or None.

    And the locks that this process took, because no other process is renewing.
    """
    early = None
    try:
        request = protocol.parse(call)
        if request.action != "get" or request.rejected is not None:
            return None, None
        # If a grant's command calls us, we must not wait for the process that runs the command.
        asking = "CREDHELPER_ASKING" in call.environ
        found = lookup.answer(call.environ, request)
        waited: set[str] = set()
        while found and isinstance(found, str):
            from credhelper.core import flock

            early = early or flock.EarlyLocks()
            told = protocol.__name__[-4:] == ".get" and os.isatty(2)
            wait = _UNTOLD if told else flock.LEADER_WAIT
            if asking or found in waited or not flock.enter(early, found, wait=wait):
                if told:
                    early.over.discard(found)  # it may go on
                return None, early
            waited.add(found)
            found = lookup.answer(call.environ, request)
        if isinstance(found, tuple):
            from credhelper.core import flock

            found, lock = found
            early = early or flock.EarlyLocks()
            flock.enter(early, lock, wait=0.0)
            if asking or lock not in early.over:
                return None, early  # nobody renews it
        if not found:
            return None if found is None else _nothing(protocol, request), early
        reply = protocol.render(request, found)
        return None if reply.file else reply, early
    except Exception:  # noqa: BLE001  # the cold half meets it again, and reports it
        return None, early


def _nothing(protocol: "Protocol", request: "Request") -> "Reply | None":
    """Return the reply for a service that no profile names, if it needs no words from the rest."""
    if not getattr(protocol, "NOTHING", False):
        return None
    from credhelper.errors import UnknownServiceError

    return protocol.refuse(UnknownServiceError(""), request)


def _leave(reply: "Reply") -> "NoReturn":
    # All is written: to tear the interpreter down would only cost time.
    try:
        write(1, reply.stdout)
    except OSError:
        os._exit(1)  # a closed pipe or a full disk: there is nowhere to report it
    os._exit(reply.status)


def _environment() -> "Mapping[str, str]":
    how = sys.getfilesystemencoding(), "surrogateescape"
    return {name.decode(*how): value.decode(*how) for name, value in os.environ.items()}


def _read(mode: str) -> tuple[bytes, str]:
    """Return stdin (for a paragraph up to the first blank line), and what is wrong with it."""
    if os.isatty(0):
        try:
            write(2, _FROM_A_TERMINAL)
        except OSError:
            pass  # the caller has closed stderr

    def ring(number: int, frame: "FrameType | None") -> None:
        raise TimeoutError

    data = b""
    try:
        _signal.signal(_signal.SIGALRM, ring)
        _signal.pthread_sigmask(_signal.SIG_UNBLOCK, {_signal.SIGALRM})  # see `flock.sleep_at`
        _signal.setitimer(_signal.ITIMER_REAL, _SILENCE)
        while True:
            chunk = read()
            data += chunk
            if len(data) > MOST_BYTES:
                return b"", f"the request is longer than {MOST_BYTES} bytes"
            if not chunk or (mode == "paragraph" and (data[:1] == b"\n" or b"\n\n" in data)):
                return data, ""
    except TimeoutError:
        return b"", f"no whole request came on stdin within {_SILENCE:.0f} s"
    except OSError:
        return data, ""  # stdin is closed: nothing was sent
    finally:
        _signal.setitimer(_signal.ITIMER_REAL, 0)
        _signal.signal(_signal.SIGALRM, _signal.SIG_DFL)
