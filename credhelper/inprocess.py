"""Tokens for Python programs: what the machine door answers, without a process.

A warm call is a look into a dictionary and a `stat` of the record and of the config, so that what
somebody has renewed, rejected, revoked or reconfigured is noticed at once.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Mapping

from credhelper import edge, paths, service, wiring
from credhelper.model import Request

# (profile, service, least life) -> (chosen profile, fresh until, the files and their stamps, token)
_memo: dict[
    tuple[str | None, str | None, int],
    tuple[str | None, float, tuple[tuple[str, object], ...], str],
] = {}


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
    if (
        known
        and clock() < known[1]
        and known[0] == environ.get("CREDHELPER_PROFILE")
        and all(_stamp(path) == stamp for path, stamp in known[2])
    ):
        return known[3]
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
            environ.get("CREDHELPER_PROFILE"),
            credential.fresh_until,
            ((record, record_stamp), (config, config_stamp)),
            token,
        )
    return token


def _stamp(path: str) -> object:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _warn(message: str, hint: str | None) -> None:
    logging.getLogger("credhelper").warning("%s%s", message, f" ({hint})" if hint else "")
