"""Ask an agent: another credhelper, at a Unix socket, has the profiles, the grants and the cache.

A request is a line of the json protocol, version 2, and so is the answer (`protocols.jsonlines`
is the other side). Nothing is kept here.
"""

from __future__ import annotations

import time
from _socket import AF_UNIX, SOCK_STREAM, socket
from math import ceil

from credhelper.core import service as services
from credhelper.core import strict_json
from credhelper.core.model import AWS, JWT, SESSION, Credential, Request, Secret
from credhelper.core.text import json_object, json_string, printable
from credhelper.errors import (
    BusyError,
    CredhelperError,
    MalformedAnswerError,
    NotFoundError,
    RequestError,
    UnreachableError,
    of_code,
)
from credhelper.protocols.options import LONGEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.broker.context import Context
    from credhelper.core.model import Kind

# Errors that are put right on the agent's host.
_THERE = ("config", "login_required", "cache", "lock_timeout")
_LONGEST = 75.0  # seconds for an answer: what an agent waits for, and a little more
_PATIENCE = 10.0  # seconds for a place at the agent
_PAUSE = 0.05
_MOST_BYTES = 1024 * 1024  # of an answer
_KINDS: dict[str, Kind] = {JWT: JWT, SESSION: SESSION, AWS: AWS}


class _Closed(Exception):
    """The agent closed the connection without an answer."""


def get(context: Context, path: str, request: Request) -> Credential:
    """Return a credential for `request` from the agent at the socket `path`.

    Raises CredhelperError: the agent's, or UnreachableError when there is no agent.
    """
    if request.rejected is not None:
        reject(context, path, request)  # the caller wants a token other than this
    found = _ask_for(context, path, "get", request)
    try:
        return credential(found, context.clock())
    except (KeyError, TypeError, RequestError):
        pass  # raised out here, so that no exception carries the answer
    raise _malformed(path)


def reject(context: Context, path: str, request: Request) -> bool:
    """Have the agent forget the token that `request` says was refused, if it is the one it holds.

    Parameters, errors: as for `get`.
    """
    found = _ask_for(context, path, "reject", request)
    return found.get("rejected") is True


def line(action: str, request: Request, profile: str | None) -> bytes:
    """Return the line that asks an agent for what `request` asks for.

    Parameters: `action`, `get` or `reject`; `profile`, the name to ask for, or None.
    """
    members = {"version": "2", "action": json_string(action)}
    for name, text in (
        ("service", str(request.service) if request.service else None),
        ("profile", profile),
        ("username", request.username),
    ):
        if text is not None:
            members[name] = json_string(text)
    if request.echo.get("any_scheme"):
        members["any_scheme"] = "true"
    if action == "reject" and request.rejected is not None:
        members["token"] = json_string(request.rejected.reveal())
        if request.echo.get("sure"):
            members["sure"] = "true"
    else:
        members["wants"] = json_string(request.wants)
        for name, seconds in (
            ("min_ttl", request.min_ttl),
            ("margin", request.margin),
            ("timeout", request.timeout),
        ):
            # A caller in Python may name any number.
            members[name] = str(min(max(0, ceil(seconds)), LONGEST))
    return json_object(members).encode() + b"\n"


def credential(found: dict[str, object], now: float) -> Credential:
    """Return the credential in an answer. Raises KeyError, TypeError or RequestError."""
    kind = _KINDS[_text(found, "kind")]
    if kind == AWS:
        given = found["aws"]
        if not isinstance(given, dict) or not all(isinstance(one, str) for one in given.values()):
            raise TypeError
        token = json_object({name: json_string(value) for name, value in given.items()})
    else:
        token = _text(found, "token")
    return Credential(
        Secret(token),
        # By our own clock: the agent's may differ.
        int(now) + _seconds(found, "expires_in"),
        username=_text(found, "username"),
        profile=_text(found, "profile"),
        kind=kind,
        url=_text(found, "api"),
        service=services.parse(_text(found, "service")) if "service" in found else None,
        fresh_until=now + _seconds(found, "refresh_in"),
        variables=(_text(found, "variables"), _text(found, "project")),
    )


def _text(found: dict[str, object], name: str) -> str:
    value = found[name]
    if not isinstance(value, str):
        raise TypeError
    return value


def _seconds(found: dict[str, object], name: str) -> int:
    value = found[name]
    if type(value) is not int or value < 0:
        raise TypeError
    return value


def _ask_for(context: Context, path: str, action: str, request: Request) -> dict[str, object]:
    """Return the answer to `request`, for the profile that this terminal chose if that fits.

    As `core.lookup.match` has it: the choice counts among the profiles that may answer.
    """
    chosen = context.environ.get("CREDHELPER_PROFILE")
    if chosen and request.profile is None:
        try:
            return _ask(context, path, line(action, request, chosen))
        except NotFoundError:
            if request.service is None:
                raise
    return _ask(context, path, line(action, request, request.profile))


def _ask(context: Context, path: str, line: bytes) -> dict[str, object]:
    """Return the members of the agent's answer to `line`. Raises CredhelperError."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            answer = _exchange(path, line)
            found = _members(path, answer)
            break
        except (_Closed, BusyError, BlockingIOError) as why:
            # Its queue is full, or our turn came while we were not running.
            if time.monotonic() > until:
                if isinstance(why, BusyError):
                    raise
                raise _unreachable(path, "it does not accept requests") from None
            time.sleep(_PAUSE)
        except TimeoutError:
            raise _unreachable(path, f"no answer within {_LONGEST:.0f} s") from None
        except OSError as error:
            raise _unreachable(path, _why(error)) from None
    context.trace("agent", socket=path, answered=True)
    return found


def _members(path: str, answer: bytes) -> dict[str, object]:
    try:
        found = strict_json.read(answer, "answer")
    except RequestError:
        found = {}
    if "version" not in found:
        raise _malformed(path)
    error = found.get("error")
    if error is None:
        return found
    if not isinstance(error, dict):
        raise _malformed(path)
    code, hint = str(error.get("code")), error.get("hint")
    if not isinstance(hint, str):
        hint = None
    elif code in _THERE:
        hint = f"where the agent runs: {hint}"
    retryable = error.get("retryable") is True
    raise of_code(code, str(error.get("message")), hint, retryable=retryable)


def _exchange(path: str, line: bytes) -> bytes:
    """Send `line` to the socket `path`, and return the line that comes back.

    Raises _Closed, TimeoutError and other OSErrors.
    """
    connection = socket(AF_UNIX, SOCK_STREAM)
    try:
        connection.settimeout(_LONGEST)
        connection.connect(path)
        answer = b""
        try:
            connection.sendall(line)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it may have said why
        until = time.monotonic() + _LONGEST
        while b"\n" not in answer and len(answer) < _MOST_BYTES:
            connection.settimeout(max(0.001, until - time.monotonic()))
            try:
                chunk = connection.recv(65536)
            except ConnectionResetError:
                chunk = b""
            if not chunk:
                raise _Closed
            answer += chunk
        return answer.partition(b"\n")[0]
    finally:
        connection.close()


def _why(error: OSError) -> str:
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return "no agent listens there"
    import os

    # `_socket` raises without a number for a path that is too long.
    return os.strerror(error.errno).lower() if error.errno else str(error).lower()


def _unreachable(path: str, why: str) -> CredhelperError:
    where = f"{printable(path)} (CREDHELPER_SOCKET)"
    return UnreachableError(f"no answer from the agent at {where}: {why}")


def _malformed(path: str) -> CredhelperError:
    return MalformedAnswerError(
        f"what answers at {printable(path)} (CREDHELPER_SOCKET) is not an agent of credhelper,"
        " or of another version"
    )
