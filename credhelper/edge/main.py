"""The edge beyond a warm answer: dialogues, errors, warnings, signals, trace, people's door."""

from __future__ import annotations

import os
import sys

from credhelper import entry, protocols
from credhelper.broker import answer as answering
from credhelper.broker import trace
from credhelper.broker.context import Context
from credhelper.core import paths
from credhelper.core.flock import EarlyLocks
from credhelper.core.model import Call, Credential, Reply, Secret
from credhelper.core.text import complaint
from credhelper.errors import CacheError, CredhelperError, RequestError, reason
from credhelper.storage import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from typing import NoReturn

    from credhelper.protocols import Protocol


class Stopped(BaseException):
    """A signal asked us to end; locks and temporary files are let go on the way out."""

    def __init__(self, number: int) -> None:
        self.number = number


def stop_behind(error: BaseException) -> Stopped | None:
    """Return the stop that became `error`: while a class is made, Python wraps what is raised."""
    at: BaseException | None = error
    while at is not None and not isinstance(at, Stopped):
        at = at.__cause__ or at.__context__
    return at


def main(
    name: str | None,
    program: str,
    arguments: list[str],
    stdin: bytes,
    trouble: str,
    early: EarlyLocks | None = None,
) -> NoReturn:
    """Serve one call, and end the process. Takes what `entry.main` returns.

    Parameters:
    - name: the protocol; None if a person called.
    - program, arguments: the name and the words that we were called with.
    - stdin: what was read of it.
    - trouble: why stdin is not a whole request, or "".
    - early: the locks that the warm half took.
    """
    try:
        _fill_closed_streams()
        sys.unraisablehook = _met_where_nothing_can_be_raised
        _listen_for_stops()
        if name is None:
            from credhelper.broker import wiring

            wiring.admit_third_parties()
            from credhelper.cli.main import people

            status = people()
        else:
            status = _serve(name, program, arguments, stdin, trouble, early or EarlyLocks())
        entry.end_when_told()  # all is said: from here on there is nothing to let go
    except Stopped as stop:
        status = 128 + stop.number
    except BrokenPipeError:
        status = 1  # the caller has gone: there is nobody to tell
    except Exception as error:  # noqa: BLE001  # the last resort
        stopped = stop_behind(error)
        if stopped is None:
            failure = _unexpected(error)
            _write(2, complaint(failure.message, failure.hint))
            status = failure.exit_status
        else:
            status = 128 + stopped.number
    if "credhelper.client" in sys.modules or name is None:
        sys.exit(status)
    os._exit(status)  # as in `entry`: nothing heavy was loaded, nothing is open


def _serve(
    name: str,
    program: str,
    arguments: list[str],
    stdin: bytes,
    trouble: str,
    early: EarlyLocks,
) -> int:
    protocol = protocols.load(name)
    if getattr(protocol, "QUIET", False):
        _hush()
    warnings: list[bytes] = []
    context = Context(
        os.environ,
        warn=lambda message, hint: warnings.append(_warning(message, hint)),
        trace=trace.tracer(os.environ.get("CREDHELPER_TRACE", "")),
        alarm=True,
        early=early,
    )
    if protocol.reads(arguments) == "lines":
        return _converse(protocol, context, program, arguments, warnings)
    if trouble:
        reply = protocol.refuse(RequestError(trouble), None)
    else:
        reply = _answer(protocol, context, Call(program, arguments, stdin, os.environ))
    early.release()
    _write(2, b"".join(warnings) + reply.stderr)
    _write(1, reply.stdout)
    return reply.status


def _converse(
    protocol: Protocol,
    context: Context,
    program: str,
    arguments: list[str],
    warnings: list[bytes],
) -> int:
    _write(1, getattr(protocol, "GREETING", b""))
    given: dict[str, Secret] = {}
    for line in _lines():
        if line is None:
            error = RequestError(f"a line is longer than {entry.MOST_BYTES} bytes")
            reply = protocol.refuse(error, None)
        else:
            reply = _answer(protocol, context, Call(program, arguments, line, os.environ, given))
        _write(2, b"".join(warnings) + reply.stderr)
        warnings.clear()
        _write(1, reply.stdout)
        if reply.last:
            break
    return 0


def _answer(protocol: Protocol, context: Context, call: Call) -> Reply:
    request = None
    try:
        request = protocol.parse(call)
        context.trace("request", action=request.action, service=request.service)
        answer = answering.answer(context, request)
        if isinstance(answer, Credential):
            call.given[str(request.service)] = answer.token
        reply = protocol.render(request, answer)
        if reply.file:
            context.early.release()  # nobody waits for a disk that is not ours
            _leave_file(context, *reply.file, needed=not reply.stdout)
        return reply
    except CredhelperError as error:
        context.trace("refuse", code=error.code, message=error.message)
        return protocol.refuse(error, request)
    except Exception as error:  # noqa: BLE001  # the protocol tells it in its own way
        if stopped := stop_behind(error):
            raise stopped from None
        return protocol.refuse(_unexpected(error), request)


def _unexpected(error: Exception) -> CredhelperError:
    """Return what to say of an error that nobody expected: the last resort of both doors.

    Its class and place alone: its message might hold a secret.
    """
    return CredhelperError(
        f"an unexpected {type(error).__name__} at {_place(error)}: this is a bug in credhelper",
        hint="please report this line",
    )


def _place(error: BaseException) -> str:
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    if at is None:
        return "nowhere"
    return f"{os.path.basename(at.tb_frame.f_code.co_filename)}:{at.tb_lineno}"


# --- streams and signals --------------------------------------------------------------------------


def _lines() -> Iterator[bytes | None]:
    """Yield the lines of stdin without their LF; None for one that is too long."""
    pending = b""
    skipping = False
    while True:
        try:
            chunk = entry.read()
        except OSError:
            chunk = b""
        *whole, pending = (pending + chunk).split(b"\n")
        for line in whole:
            yield None if skipping or len(line) > entry.MOST_BYTES else line
            skipping = False
        if len(pending) > entry.MOST_BYTES:
            pending, skipping = b"", True
        if not chunk:
            if pending or skipping:
                yield None if skipping else pending
            return


def _write(stream: int, data: bytes) -> None:
    try:
        entry.write(stream, data)
    except OSError:
        if stream == 1:
            raise BrokenPipeError from None  # a full disk or a closed pipe: nobody got the reply


def _hush() -> None:
    # Not only what we say: libraries have their own ways to stderr, and Python has its warnings.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _leave_file(context: Context, path: str, data: bytes, *, needed: bool) -> None:
    """Put a reply's file in its place; where that cannot be, the reply on stdout will have to do.

    Replaced is a file of ours and nothing else: no device, no symlink, no file of somebody else.
    Raises CacheError if that fails and the file is `needed`: nothing is said on stdout.
    """
    why = ""
    try:
        if not os.path.isabs(path):
            why = "not an absolute path"
        elif os.path.lexists(path) and not _ours(os.lstat(path)):
            why = "not a file of ours"
        else:
            files.replace(path, data)
    except OSError as error:
        why = reason(error)
    context.trace("file", path=path, written=not why, why=why)
    if why and needed:
        raise CacheError(
            f"the answer was to be left in {path}, and cannot: {why}",
            hint="name a file in a folder of your own",
        )


def _ours(found: os.stat_result) -> bool:
    return paths.regular(found) and found.st_uid == os.geteuid()


def _fill_closed_streams() -> None:
    # Or a lock, or the connection to the API, would take the number of a stream that was closed,
    # and what is meant for the caller would go there.
    for stream in (0, 1, 2):
        try:
            os.fstat(stream)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # the lowest free number; a write still fails


def _met_where_nothing_can_be_raised(what: sys.UnraisableHookArgs) -> None:
    # In a destructor Python would print the stop and go on. Any other error there harms nobody, and
    # what it would print might hold a secret.
    if isinstance(what.exc_value, Stopped):
        os._exit(128 + what.exc_value.number)


def _listen_for_stops() -> None:
    import _signal

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped(number)

    for number in entry.STOPS:
        # A caller's nohup stays: what is ignored is left ignored.
        if _signal.getsignal(number) is not _signal.SIG_IGN:
            _signal.signal(number, stop)


# --- what a person is told ------------------------------------------------------------------------


def _warning(message: str, hint: str | None) -> bytes:
    return complaint(message, hint).replace(b"credhelper: error:", b"credhelper: warning:", 1)
