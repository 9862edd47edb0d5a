"""Tokens for Python programs: what the machine door answers, without a process.

A warm call is a look into a dictionary and a `stat` of the record, so that what somebody has
renewed, rejected or revoked is noticed at once; a changed config is noticed within a second.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Mapping
from os import stat as _stat

from credhelper import edge, paths, service, wiring
from credhelper.model import Request

_CONFIG_CHECK = 1.0  # seconds between two looks at the config

# (profile, service, least life) -> (token, fresh until, chosen profile, record and its stamp,
# config and its stamp, when to look at the config again)
_Known = tuple[str, float, str | None, str, tuple[int, int], str, object, float]
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
        token, until, chosen, record, stamp, config, config_stamp, check = known
        now = clock()
        try:
            found = _stat(record)
        except OSError:
            now = until  # it has gone: rejected, or logged out
        else:
            if (found.st_mtime_ns, found.st_ino) != stamp:
                now = until
        if now < until and environ.get("CREDHELPER_PROFILE") == chosen:
            if now < check:
                return token
            if _stamp(config) == config_stamp:
                _memo[profile, service, min_ttl] = (*known[:7], now + _CONFIG_CHECK)
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
    config = paths.config_file(environ, sys.platform) or ""
    config_stamp = _stamp(config)
    credential, record = wiring.get_with_record(context, request)
    token = credential.token.reveal()
    record_stamp = _stamp(record)
    if record_stamp is not None:
        _memo[profile, wanted, min_ttl] = (
            token,
            credential.fresh_until,
            environ.get("CREDHELPER_PROFILE"),
            record,
            record_stamp,
            config,
            config_stamp,
            clock() + _CONFIG_CHECK,
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
