"""Answer a tool's call, or hold its dialogue: read requests, ask the broker, write replies."""

from __future__ import annotations

import os

from credhelper import entry, protocols
from credhelper.broker import answer as answering
from credhelper.broker import trace
from credhelper.broker.context import Context
from credhelper.core import paths
from credhelper.core.flock import EarlyLocks
from credhelper.core.model import Call, Credential, Reply, Secret
from credhelper.core.text import complaint
from credhelper.edge.stops import stop_behind
from credhelper.errors import CacheError, CredhelperError, RequestError, reason, unexpected
from credhelper.storage import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from credhelper.protocols import Protocol


_MOST_GIVEN = 1000  # services whose last token a dialogue keeps, for a caller that retries


def serve(
    name: str,
    program: str,
    arguments: list[str],
    stdin: bytes,
    trouble: str,
    early: EarlyLocks,
) -> int:
    """Answer one call, or hold a dialogue until its end; return the exit status.

    Parameters: as in `main.main`; `early` is let go before anything is said to the tool.
    """
    protocol = protocols.load(name)
    if getattr(protocol, "QUIET", False):
        _hush()
    warnings: list[bytes] = []
    context = Context(
        os.environ,
        warn=lambda message, hint: warnings.append(complaint(message, hint, "warning")),
        trace=trace.tracer(os.environ.get("CREDHELPER_TRACE", "")),
        alarm=True,
        early=early,
        waiting=_shown if name == "get" else None,
    )
    if protocol.reads(arguments) == "lines":
        return _converse(protocol, context, program, arguments, warnings)
    if trouble:
        reply = protocol.refuse(RequestError(trouble), None)
    else:
        reply = _answer(protocol, context, Call(program, arguments, stdin, os.environ))
    early.release()
    write(2, b"".join(warnings) + reply.stderr)
    write(1, reply.stdout)
    return reply.status


def _shown(what: str, limit: float) -> AbstractContextManager[None]:
    from credhelper.cli.waiting import shown  # late: only who waits for the network needs it

    return shown(what, limit)


def _converse(
    protocol: Protocol,
    context: Context,
    program: str,
    arguments: list[str],
    warnings: list[bytes],
) -> int:
    write(1, getattr(protocol, "GREETING", b""))
    given: dict[str, Secret] = {}
    for line in _lines():
        context.begin()
        if line is None:
            error = RequestError(f"a line is longer than {entry.MOST_BYTES} bytes")
            reply = protocol.refuse(error, None)
        else:
            reply = _answer(protocol, context, Call(program, arguments, line, os.environ, given))
        write(2, b"".join(warnings) + reply.stderr)
        warnings.clear()
        write(1, reply.stdout)
        answering.tidy_up()
        if reply.last:
            break
    return 0


def _answer(protocol: Protocol, context: Context, call: Call) -> Reply:
    request = None
    try:
        request = protocol.parse(call)
        context.trace("request", action=request.action, service=request.service)
        answer = answering.answer(context, request)
        if isinstance(answer, Credential) and getattr(protocol, "RETRIES", False):
            call.given.pop(str(request.service), None)
            call.given[str(request.service)] = answer.token
            if len(call.given) > _MOST_GIVEN:
                del call.given[next(iter(call.given))]
        reply = protocol.render(request, answer)
        if reply.file:
            context.early.release()  # no lock is held while we write to a caller's file
            _leave_file(context, *reply.file, needed=not reply.stdout)
        return reply
    except CredhelperError as error:
        context.trace("refuse", code=error.code, message=error.message, hint=error.hint or "")
        return protocol.refuse(error, request)
    except Exception as error:  # noqa: BLE001  # the protocol reports it in its own way
        if stopped := stop_behind(error):
            raise stopped from None
        return protocol.refuse(unexpected(error), request)


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


def write(stream: int, data: bytes) -> None:
    """Write `data` to stdout or stderr; raise BrokenPipeError if stdout is closed."""
    try:
        entry.write(stream, data)
    except OSError:
        if stream == 1:
            raise BrokenPipeError from None  # a full disk or a closed pipe: the reply is lost


def _hush() -> None:
    # Not only what we say: libraries have their own ways to stderr, and Python has its warnings.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    paths.close(nowhere)


def _leave_file(context: Context, path: str, data: bytes, *, needed: bool) -> None:
    """Write a reply's file; if that fails, the caller has the reply on stdout.

    It replaces only a regular file of ours: no device, no symlink, no file of another user. Raises
    CacheError if that fails and the file is `needed`, because stdout is empty.
    """
    why = ""
    try:
        if not os.path.isabs(path):
            why = "not an absolute path"
        elif os.path.lexists(path) and not paths.ours(os.lstat(path)):
            why = "not a file of ours"
        else:
            files.replace(path, data)
            from credhelper.storage import leftovers  # for those who write alone

            leftovers.sweep(*os.path.split(path))
    except OSError as error:
        why = reason(error)
    context.trace("file", path=path, written=not why, why=why)
    if why and needed:
        raise CacheError(
            f"the answer was to be left in {path}, and cannot: {why}",
            hint="name a file in a folder of your own",
        )
