"""The edge: argv, environment, streams and exit status. Picks the door, and is the only exit.

A name alone chooses the door: the program's, or else the first word. Tools come in by the machine
door, which loads neither click nor anything else that a warm answer can do without; people by the
other. A reply is written whole or not at all.
"""

from __future__ import annotations

import os
import sys

from credhelper import protocols, wiring
from credhelper.encode import complaint, printable
from credhelper.errors import CredhelperError, RequestError
from credhelper.model import Call, Reply, Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType, ModuleType
    from typing import NoReturn

ENVIRON = os.environ

_MOST_BYTES = 1024 * 1024
_SILENCE = 15.0
_CHUNK = 65536
_STOPS = (1, 2, 15)  # SIGHUP, SIGINT, SIGTERM: `signal` costs an enum


class Stopped(BaseException):
    """A signal asked us to end; locks and temporary files are let go on the way out."""

    def __init__(self, number: int) -> None:
        self.number = number


def main() -> NoReturn:
    """Serve one call as the program that we were called as. Does not return."""
    program = os.path.basename(sys.argv[0])
    name, arguments = _door(program, sys.argv[1:])
    try:
        _listen_for_stops()
        if name is None:
            from credhelper.cli import people

            status = people()
        else:
            status = _serve(name, program, arguments)
    except Stopped as stop:
        status = 128 + stop.number
    except KeyboardInterrupt:
        status = 130
    except BrokenPipeError:
        status = 1  # the caller has gone: there is nobody to tell
    if "credhelper.client" in sys.modules or name is None:
        sys.exit(status)
    # Everything is written and nothing is open: tearing the interpreter down would only cost time.
    os._exit(status)


def _door(program: str, arguments: list[str]) -> tuple[str | None, list[str]]:
    name = protocols.by_program(program)
    if name:
        return name, arguments
    if arguments and arguments[0] in protocols.PROTOCOLS and not _asks_for_help(arguments):
        return arguments[0], arguments[1:]
    return None, arguments


def _asks_for_help(arguments: list[str]) -> bool:
    return "--help" in arguments or "-h" in arguments


def _serve(name: str, program: str, arguments: list[str]) -> int:
    protocol = protocols.load(name)
    warnings: list[bytes] = []
    context = wiring.Context(
        os.environ,
        warn=lambda message, hint: warnings.append(_warning(message, hint)),
        trace=_tracer(os.environ.get("CREDHELPER_TRACE", "")),
        alarm=True,
    )
    mode = protocol.reads(arguments)
    if mode == "lines":
        return _converse(protocol, context, program, arguments, warnings)
    try:
        stdin = b"" if mode == "nothing" else _read(mode)
    except RequestError as error:
        reply = protocol.refuse(error, None)
    else:
        reply = _answer(protocol, context, Call(program, arguments, stdin, os.environ))
    _write(2, b"".join(warnings) + reply.stderr)
    _write(1, reply.stdout)
    return reply.status


def _converse(
    protocol: ModuleType,
    context: wiring.Context,
    program: str,
    arguments: list[str],
    warnings: list[bytes],
) -> int:
    for line in _lines():
        if line is None:
            error = RequestError(f"a line is longer than {_MOST_BYTES} bytes")
            reply = protocol.refuse(error, None)
        else:
            reply = _answer(protocol, context, Call(program, arguments, line, os.environ))
        _write(2, b"".join(warnings) + reply.stderr)
        warnings.clear()
        _write(1, reply.stdout)
    return 0


def _answer(protocol: ModuleType, context: wiring.Context, call: Call) -> Reply:
    request = None
    try:
        request = protocol.parse(call)
        context.trace("request", action=request.action, service=request.service)
        reply: Reply = protocol.render(request, wiring.answer(context, request))
        return reply
    except CredhelperError as error:
        context.trace("refuse", code=error.code, message=error.message)
        refusal: Reply = protocol.refuse(error, request)
        return refusal
    except Exception as error:  # noqa: BLE001  # the last resort: its message might hold a secret
        unexpected = CredhelperError(
            f"an unexpected {type(error).__name__} at {_place(error)}: this is a bug in credhelper",
            hint="please report this line",
        )
        crash: Reply = protocol.refuse(unexpected, request)
        return crash


def _place(error: BaseException) -> str:
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    if at is None:
        return "nowhere"
    return f"{os.path.basename(at.tb_frame.f_code.co_filename)}:{at.tb_lineno}"


# --- streams --------------------------------------------------------------------------------------


def _read(mode: str) -> bytes:
    """Return what stdin holds: to its end, or for a paragraph to the first blank line."""
    if os.isatty(0):
        _write(2, b"credhelper: hint: reading a request from the terminal; end it with Ctrl-D\n")
    data = b""
    with _Deadline(_SILENCE):
        while True:
            try:
                chunk = os.read(0, _CHUNK)
            except OSError:
                return data  # stdin is closed: nothing was sent
            data += chunk
            if len(data) > _MOST_BYTES:
                raise RequestError(f"the request is longer than {_MOST_BYTES} bytes")
            if not chunk or (mode == "paragraph" and (data[:1] == b"\n" or b"\n\n" in data)):
                return data


def _lines() -> Iterator[bytes | None]:
    """Yield the lines of stdin without their LF; None for one that is too long."""
    pending = b""
    skipping = False
    while True:
        try:
            chunk = os.read(0, _CHUNK)
        except OSError:
            chunk = b""
        *whole, pending = (pending + chunk).split(b"\n")
        for line in whole:
            yield None if skipping or len(line) > _MOST_BYTES else line
            skipping = False
        if len(pending) > _MOST_BYTES:
            pending, skipping = b"", True
        if not chunk:
            if pending or skipping:
                yield None if skipping else pending
            return


def _write(stream: int, data: bytes) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(stream, view) :]
    except OSError:
        if stream == 1:
            raise BrokenPipeError from None  # a full disk or a closed pipe: nobody got the reply


class _Deadline:
    """A wall-clock limit on reading: a tool that sends nothing must not hang for ever."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        import _signal

        def ring(number: int, frame: FrameType | None) -> None:
            raise RequestError(f"no whole request came on stdin within {self._seconds:.0f} s")

        _signal.signal(_signal.SIGALRM, ring)
        _signal.setitimer(_signal.ITIMER_REAL, self._seconds)

    def __exit__(self, *exception: object) -> None:
        import _signal

        _signal.setitimer(_signal.ITIMER_REAL, 0)
        _signal.signal(_signal.SIGALRM, _signal.SIG_DFL)


def _listen_for_stops() -> None:
    import _signal

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped(number)

    for number in _STOPS:
        # A caller's nohup stays: what is ignored is left ignored.
        if _signal.getsignal(number) is not _signal.SIG_IGN:
            _signal.signal(number, stop)


# --- what a person is told ------------------------------------------------------------------------


def _warning(message: str, hint: str | None) -> bytes:
    return complaint(message, hint).replace(b"credhelper: error:", b"credhelper: warning:", 1)


def _tracer(where: str) -> Callable[..., None]:
    """Return what tells each decision: on stderr for `1`, in a file for an absolute path."""
    if not where or where == "0":
        return wiring.silent
    path = where if where.startswith("/") else ""

    def trace(event: str, **facts: object) -> None:
        told = " ".join(f"{name}={_told(value)}" for name, value in facts.items())
        line = f"credhelper: trace: {os.getpid()} {event} {told}\n".encode()
        if not path:
            _write(2, line)
            return
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            handle = os.open(path, flags | os.O_NONBLOCK, 0o600)
        except OSError:
            return  # a trace is no reason to fail
        try:
            os.fchmod(handle, 0o600)
            os.write(handle, line)
        except OSError:
            return
        finally:
            os.close(handle)

    return trace


def _told(value: object) -> str:
    if isinstance(value, Secret):
        return "***"
    text = printable(str(value))
    return repr(text) if " " in text else text
