"""Tokens for Python programs: what the machine door answers, without a process.

A warm call is a look into a dictionary, and once a millisecond a `stat` of the record: no program
can be started, and end, in less, so what somebody has renewed, rejected or revoked is noticed by
whoever saw it happen. Once a second the whole way is gone again, so that a changed config,
environment or grant is noticed then; another `environ` and another `CREDHELPER_PROFILE` are noticed
at once.

There are no locks of our own but one around imports, and nothing here waits for another thread but
at the kernel's lock: a fork may come at any moment.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from os import stat as _stat

import credhelper
from credhelper.broker import answer, wiring
from credhelper.broker.context import Context
from credhelper.core import lookup, paths, service
from credhelper.core import record as records
from credhelper.core.model import Credential, Request, Secret
from credhelper.inprocess import allowed_hosts, memory_cache
from credhelper.inprocess.environ import ENVIRON
from credhelper.storage import files

_TRUSTED = 1.0  # seconds between two looks at config, environment and grant
_UNSEEN = 0.001  # seconds between two looks at the record
_TIMEOUT = 5  # seconds for a new token, while the old one lives: a request of somebody's waits
_SILENCE = 60.0  # seconds before the same warning is given again
_MOST_WARNED = 100
_MOST_KNOWN = 1000
_CHOICE = "CREDHELPER_PROFILE"

if hasattr(os, "register_at_fork"):
    # A child that kept a copy of a lock's handle would hold it after the thread that has it.
    os.register_at_fork(after_in_child=files.let_go_in_child)


class _Known:
    """A token, and how long to believe it.

    Attributes: `token`; `until`, Unix seconds, when to go the whole way again; `unseen`, until when
    not even to look at the record; `lives`, until when it is good for this caller; `record` and its
    `stamp`; `environ`; `choice`, `variable` and `chosen`: how to look up the terminal's choice, and
    what it was.
    """

    __slots__ = (
        "choice",
        "chosen",
        "environ",
        "lives",
        "record",
        "stamp",
        "token",
        "unseen",
        "until",
        "variable",
    )

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.choice, self.variable = _peephole(environ)
        self.chosen = self.choice(self.variable)
        self.token = ""
        self.record = ""
        self.stamp: tuple[int, int] | None = None
        self.until = self.unseen = self.lives = 0.0


_warned: dict[str, float] = {}

# (profile, service, least life) -> what is known. Reading and writing one entry needs no lock.
_memo: dict[tuple[str | None, str | None, int], _Known] = {}


def get_token(
    profile: str | None = None,
    service: str | None = None,
    min_ttl: int = 0,
    *,
    environ: Mapping[str, str] = ENVIRON,
    clock: Callable[[], float] = time.time,
) -> str:
    """Return a token that is good for `service`, or the token of `profile`.

    Parameters: `profile`, a name in the config, by default the one that `CREDHELPER_PROFILE` or
    `default_profile` names; `service`, the URL that will receive the token, which a profile must
    name; `min_ttl`, seconds of life that the token must have left; `environ`, whose `CREDHELPER_*`
    variables count; `clock`, Unix seconds. Raises `credhelper.errors.CredhelperError`, and
    TypeError for an argument of another type. Safe in threads and after a fork; uses no signals.
    """
    try:
        known = remembered(profile, service, min_ttl, environ, clock)
    except TypeError:
        hold_to_types(profile, service, min_ttl)
        raise
    return known or _look(profile, service, min_ttl, environ, clock)


def remembered(
    profile: str | None,
    service: str | None,
    min_ttl: int,
    environ: Mapping[str, str],
    clock: Callable[[], float] = time.time,
) -> str | None:
    """Return what `get_token` would, from memory; None where it would have to look further."""
    known = _memo.get((profile, service, min_ttl))
    if (
        known is None
        or environ is not known.environ
        or known.choice(known.variable) != known.chosen
    ):
        return None
    now = clock()
    # The lower bounds are for a clock that was set back.
    if known.unseen - _UNSEEN <= now < known.unseen:
        return known.token
    if not known.until - _TRUSTED <= now < known.until or _stamp(known.record) != known.stamp:
        return None
    known.unseen = min(known.until, now + _UNSEEN)
    return known.token


def living(
    profile: str | None,
    service: str | None,
    min_ttl: int,
    environ: Mapping[str, str],
    clock: Callable[[], float] = time.time,
) -> str | None:
    """Return a token from memory that it is time to renew, but that is still good; or None.

    For whoever would only wait for a renewal that is going on.
    """
    known = _memo.get((profile, service, min_ttl))
    if (
        known is None
        or environ is not known.environ
        or known.choice(known.variable) != known.chosen
        or not known.until - _TRUSTED <= clock() < known.lives
        or _stamp(known.record) != known.stamp
    ):
        return None
    return known.token


def reject(
    refused: str,
    profile: str | None = None,
    service: str | None = None,
    *,
    environ: Mapping[str, str] = ENVIRON,
    clock: Callable[[], float] = time.time,
) -> bool:
    """Forget the token `refused`, which a service answered with 401, if it is the one we hold.

    Returns whether it was forgotten. Not revoked; and rejects lead to one new token in ten seconds
    at most, so the next token may be the same one. Parameters and errors: as for `get_token`.
    """
    hold_to_text("refused", refused)
    hold_to_types(profile, service)
    preload()
    context = Context(environ, warn=warn, clock=clock)
    done = answer.refused(context, _request(profile, service), Secret(refused))
    done = done or memory_cache.reject(refused, clock())
    for key, known in list(_memo.items()):
        if known.token == refused:
            _memo.pop(key, None)
    return done


def api_of(
    profile: str | None,
    service: str | None,
    *,
    environ: Mapping[str, str],
    clock: Callable[[], float] = time.time,
) -> str:
    """Return the origin of the API that a token would come from. Raises CredhelperError."""
    context = Context(environ, warn=warn, clock=clock)
    return answer.profile_of(context, _request(profile, service))[1].url


def forget() -> None:
    """Forget all that is remembered, in this process only."""
    _memo.clear()
    _warned.clear()
    allowed_hosts.forget()
    memory_cache.forget()


def preload() -> None:
    """Import all that a renewal may need, while no fork can get in between."""
    if not wiring.loaded():
        with credhelper.importing():
            wiring.load()


def hold_to_types(profile: object, service: object = None, min_ttl: object = 0) -> None:
    """Raise TypeError, with the parameter's name, for what is no profile, service or least life."""
    for name, value in (("profile", profile), ("service", service)):
        if value is not None:
            hold_to_text(name, value)
    if not isinstance(min_ttl, int | float):
        raise TypeError(f"min_ttl is a number of seconds, not {type(min_ttl).__name__}")


def hold_to_text(name: str, value: object) -> None:
    """Raise TypeError for a `value` of the parameter `name` that is no string."""
    if not isinstance(value, str):
        raise TypeError(f"{name} is a string, not {type(value).__name__}")


def _look(
    profile: str | None,
    wanted: str | None,
    min_ttl: int,
    environ: Mapping[str, str],
    clock: Callable[[], float],
) -> str:
    hold_to_types(profile, wanted, min_ttl)
    known = _Known(environ)
    request = _request(profile, wanted, min_ttl)
    if not wiring.loaded() and not isinstance(lookup.answer(environ, request, clock), Credential):
        preload()
    context = Context(environ, warn=warn, clock=clock)
    key = (profile, wanted, min_ttl)
    diskless = memory_cache.applies(context)
    if diskless:
        credential, record = memory_cache.get(context, request), ""
    else:
        credential, record = answer.get_with_record(context, request)
    known.token = credential.token.reveal()
    known.record = record
    known.stamp = _stamp(record)
    now = clock()
    # What is stale and was given all the same will do for a moment: whoever renews it replaces the
    # record, and that is noticed.
    fresh = now < credential.fresh_until
    known.lives = credential.expires_at - min_ttl
    good = credential.fresh_until if fresh else known.lives
    if now < good and (diskless or _holds(record, known.token)):
        known.until = min(good, now + _TRUSTED)
        known.unseen = min(known.until, now + _UNSEEN)
        if len(_memo) >= _MOST_KNOWN:
            _memo.clear()  # a program that asks for each URL anew; who is asked for often is back
        _memo[key] = known
    return known.token


def _holds(record: str, token: str) -> bool:
    # Asked after the record was stamped: the stamp might be that of its next content.
    data = paths.read_private(record)
    return ((data and records.decode(data)) or {}).get("token") == token


def _request(profile: str | None, wanted: str | None, min_ttl: int = 0) -> Request:
    return Request(
        "get",
        service=None if wanted is None else service.parse(wanted),
        profile=profile,
        min_ttl=min_ttl,
        timeout=_TIMEOUT,
    )


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        found = _stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def _peephole(environ: Mapping[str, str]) -> tuple[Callable[[object], object], object]:
    # `os.environ` encodes and decodes at each look; the plain dictionary below it does not.
    plain, encode = getattr(environ, "_data", None), getattr(environ, "encodekey", None)
    if isinstance(plain, dict) and encode is not None:
        return plain.get, encode(_CHOICE)
    return environ.get, _CHOICE  # type: ignore[return-value]  # it is asked for this key only


def warn(message: str, hint: str | None) -> None:
    """Tell a program's log what went wrong and was mended all the same; once a minute at most."""
    now = time.monotonic()
    if now < _warned.get(message, 0.0):
        return
    if len(_warned) > _MOST_WARNED:
        _warned.clear()
    _warned[message] = now + _SILENCE
    logging.getLogger("credhelper").warning("%s%s", message, f" ({hint})" if hint else "")
