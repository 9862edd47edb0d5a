"""Tokens for Python programs: what the machine door answers, without a process.

`memo` answers warm calls. Otherwise the cache and the token source are asked, as for a tool.

The only lock of our own is the one around imports, and a thread waits for another one only at the
kernel's lock: a fork may come at any moment.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping

import credhelper
from credhelper.broker import answer, wiring
from credhelper.broker.context import Context
from credhelper.core import lookup, paths, service
from credhelper.core.model import Credential, Request, Secret
from credhelper.core.record import decode
from credhelper.core.service import Service, parse
from credhelper.core.text import without_numbers
from credhelper.errors import NotFoundError
from credhelper.inprocess import allowed_hosts, memo, memory_cache
from credhelper.inprocess.allowed_hosts import decoded
from credhelper.inprocess.environ import ENVIRON
from credhelper.inprocess.memo import remembered
from credhelper.storage import locks

_MARGIN = 60  # seconds: a program asks each time, and holds what it got for one request
_TIMEOUT = 5  # seconds for a new token, while the old one lives: a request of somebody's waits
_SILENCE = 60.0  # seconds before the same warning is given again
_MOST_WARNED = 100

# A child that kept a copy of a lock's handle would hold it after the thread that has it.
os.register_at_fork(after_in_child=locks.let_go_in_child)


_warned: dict[str, float] = {}


def get_token(
    profile: str | None = None,
    service: str | None = None,
    min_ttl: int = 0,
    refresh_before: int = 0,
    *,
    environ: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.time,
) -> str:
    """Return a token that is good for `service`, or the token of `profile`.

    Parameters:
    - profile: a name in the config, by default the one that `CREDHELPER_PROFILE` or
      `default_profile` names.
    - service: the URL that will receive the token, which a profile must name.
    - min_ttl: seconds of life that the token must have left.
    - refresh_before: seconds of life with less of which it is renewed, if a new one can be had. At
      most half of its life counts, and never less than a minute.
    - environ: its `CREDHELPER_*` variables count; by default `os.environ`.
    - clock: Unix seconds.

    Raises `credhelper.errors.CredhelperError`, and TypeError for an argument of another type. Safe
    in threads and after a fork; uses no signals.
    """
    # Not a default argument: `help` and editors would show what is in it, keys too.
    if environ is None:
        environ = ENVIRON
    try:
        known = remembered(profile, service, min_ttl, refresh_before, environ, clock, False)
    except TypeError:
        hold_to_types(profile, service, min_ttl, refresh_before)
        raise
    return known or _look(profile, service, min_ttl, refresh_before, environ, clock)


def reject(
    refused: str,
    profile: str | None = None,
    service: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.time,
) -> bool:
    """Forget the token `refused`, which a service answered with 401, if it is the one we hold.

    Returns whether it was forgotten. Not revoked; and rejects lead to one new token in ten seconds
    at most, so the next token may be the same one. Parameters and errors: as for `get_token`.
    """
    hold_to_text("refused", refused)
    hold_to_types(profile, service)
    preload()
    context = Context(
        ENVIRON if environ is None else environ, warn=warn, clock=clock, decoded=decoded
    )
    done = answer.refused(context, _request(profile, service), Secret(refused))
    done = done or memory_cache.reject(refused, clock())
    memo.drop(refused)
    return done


def api_of(
    profile: str | None,
    service: str | None,
    *,
    environ: Mapping[str, str],
    clock: Callable[[], float] = time.time,
) -> str:
    """Return the origin of the API that a token would come from. Raises CredhelperError."""
    context = Context(environ, warn=warn, clock=clock, decoded=decoded)
    request = _request(profile, service)
    if context.agent:
        return parse(answer.get(context, request).url).origin
    return answer.profile_of(context, request)[1].url


def served(
    target: Service,
    profile: str | None,
    *,
    environ: Mapping[str, str],
    clock: Callable[[], float] = time.time,
) -> bool:
    """Tell whether the agent that is asked has a token for `target`. Raises CredhelperError.

    Parameters: `profile`, a name, or None; the others as for `get_token`.
    """
    context = Context(environ, warn=warn, clock=clock, decoded=decoded)
    try:
        answer.get(context, _request(profile, str(target)))
    except NotFoundError:
        return False
    return True


def forget() -> None:
    """Forget all that is remembered, in this process only."""
    memo.forget()
    _warned.clear()
    allowed_hosts.forget()
    memory_cache.forget()


def preload() -> None:
    """Import all that a renewal may need, while no fork can get in between."""
    if not wiring.loaded():
        with credhelper.importing():
            wiring.load()


def hold_to_types(
    profile: object, service: object = None, min_ttl: object = 0, refresh_before: object = 0
) -> None:
    """Raise TypeError, with the parameter's name, for what is no profile, service or time."""
    for name, value in (("profile", profile), ("service", service)):
        if value is not None:
            hold_to_text(name, value)
    for name, value in (("min_ttl", min_ttl), ("refresh_before", refresh_before)):
        if not isinstance(value, int | float):
            raise TypeError(f"{name} is a number of seconds, not {type(value).__name__}")


def hold_to_text(name: str, value: object) -> None:
    """Raise TypeError for a `value` of the parameter `name` that is no string."""
    if not isinstance(value, str):
        raise TypeError(f"{name} is a string, not {type(value).__name__}")


def _look(
    profile: str | None,
    wanted: str | None,
    min_ttl: int,
    refresh_before: int,
    environ: Mapping[str, str],
    clock: Callable[[], float],
) -> str:
    hold_to_types(profile, wanted, min_ttl, refresh_before)
    known = memo.Known(environ)
    request = _request(profile, wanted, min_ttl, refresh_before)
    context = Context(environ, warn=warn, clock=clock, decoded=decoded)
    if context.agent:
        return answer.get(context, request).token.reveal()
    if not wiring.loaded() and not isinstance(lookup.answer(environ, request, clock), Credential):
        preload()
    diskless = memory_cache.applies(context)
    if diskless:
        credential, record = memory_cache.get(context, request), ""
    else:
        credential, record = answer.get_with_record(context, request)
        answer.tidy_up()
    known.take(credential.token.reveal(), record)
    now = clock()
    # A stale token that was given all the same will do for a moment: a renewal replaces the record,
    # and that is noticed.
    fresh = now < credential.fresh_until
    known.lives = credential.expires_at - min_ttl
    good = credential.fresh_until if fresh else known.lives
    if now < good and (diskless or _holds(record, known.token)):
        memo.keep((profile, wanted, min_ttl, refresh_before), known, good, now)
    return known.token


def _holds(record: str, token: str) -> bool:
    # Asked after the record was stamped: the stamp might be that of its next content.
    data = paths.read_private(record)
    return ((data and decode(data)) or {}).get("token") == token


def _request(
    profile: str | None, wanted: str | None, min_ttl: int = 0, refresh_before: int = 0
) -> Request:
    return Request(
        "get",
        service=None if wanted is None else service.parse(wanted),
        profile=profile,
        min_ttl=min_ttl,
        margin=max(_MARGIN, refresh_before),
        timeout=_TIMEOUT,
    )


def warn(message: str, hint: str | None) -> None:
    """Tell a program's log what went wrong, though the call went on; once a minute at most."""
    now, same = time.monotonic(), without_numbers(message)
    if now < _warned.get(same, 0.0):
        return
    if len(_warned) > _MOST_WARNED:
        _warned.clear()
    _warned[same] = now + _SILENCE
    logging.getLogger("credhelper").warning("%s%s", message, f" ({hint})" if hint else "")
