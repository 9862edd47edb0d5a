"""Tokens for Python programs: what the machine door answers, without a process.

A warm call is a look into a dictionary and a `stat` of the record, so that what somebody has
renewed, rejected or revoked is noticed at once. Once a second the whole way is gone again, so that
a changed config, environment or grant is noticed then; another `environ` is noticed at once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from os import stat as _stat

from credhelper import edge, service, wiring
from credhelper.model import Request

_TRUSTED = 1.0  # seconds between two looks at config, environment and grant

# (profile, service, least life) -> (token, until when to believe it, environment, chosen profile,
# record and its stamp)
_Known = tuple[str, float, Mapping[str, str], str | None, str, tuple[int, int]]
_memo: dict[tuple[str | None, str | None, int], _Known] = {}


def get_token(
    profile: str | None = None,
    service: str | None = None,
    min_ttl: int = 0,
    *,
    environ: Mapping[str, str] = edge.ENVIRON,
    clock: Callable[[], float] = time.time,
) -> str:
    """Return a token that is good for `service`, or the token of `profile`.

    Parameters: `profile`, a name in the config, by default the one that `CREDHELPER_PROFILE` or
    `default_profile` names; `service`, the URL that will receive the token, which a profile must
    name; `min_ttl`, seconds of life that the token must have left; `environ`, whose `CREDHELPER_*`
    variables count; `clock`, Unix seconds. Raises `credhelper.errors.CredhelperError`. Safe in
    threads and after a fork; uses no signals.
    """
    known = _memo.get((profile, service, min_ttl))
    if known is not None:
        token, until, surroundings, chosen, record, stamp = known
        if (
            until - _TRUSTED <= clock() < until
            and environ is surroundings
            and environ.get("CREDHELPER_PROFILE") == chosen
        ):
            try:
                found = _stat(record)
            except OSError:
                pass  # it has gone: rejected, or logged out
            else:
                if (found.st_mtime_ns, found.st_ino) == stamp:
                    return token
    return _look(profile, service, min_ttl, environ, clock)


def _look(
    profile: str | None,
    wanted: str | None,
    min_ttl: int,
    environ: Mapping[str, str],
    clock: Callable[[], float],
) -> str:
    context = wiring.Context(environ, warn=_warn, clock=clock)
    request = Request(
        "get",
        service=None if wanted is None else service.parse(wanted),
        profile=profile,
        min_ttl=min_ttl,
    )
    credential, record = wiring.get_with_record(context, request)
    token = credential.token.reveal()
    stamp = _stamp(record)
    now = clock()
    if stamp is not None and now < credential.fresh_until:
        _memo[profile, wanted, min_ttl] = (
            token,
            min(credential.fresh_until, now + _TRUSTED),
            environ,
            environ.get("CREDHELPER_PROFILE"),
            record,
            stamp,
        )
    return token


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        found = _stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def _warn(message: str, hint: str | None) -> None:
    logging.getLogger("credhelper").warning("%s%s", message, f" ({hint})" if hint else "")
