"""The state of a profile: whether its next token comes by itself, and what helps if not."""

from __future__ import annotations

import os

from credhelper.broker import next_step
from credhelper.broker.context import Context
from credhelper.cli.standing import ProfileStatus
from credhelper.config.profile import LOGIN, Grant
from credhelper.core.record import EXPIRED, FRESH, STALE, judge
from credhelper.core.text import command, export

NONE, KEY_MISSING, LOGIN_NEEDED, UNKNOWN = "none", "key-missing", "login-needed", "unknown"
STATES = (FRESH, STALE, EXPIRED, NONE, KEY_MISSING, LOGIN_NEEDED, UNKNOWN)
BAD = (KEY_MISSING, LOGIN_NEEDED)
_MARGIN = 60  # seconds: what most callers like to see


def state_of(context: Context, one: ProfileStatus) -> tuple[str, str]:
    """Return the state of a profile, and the command that helps; "" where none is needed.

    - `fresh`, `stale`: its token is served; a stale one is renewed on the way.
    - `expired`, `none`: the next get makes a token.
    - `key-missing`: the file or variable of its grant is not there.
    - `login-needed`: its session has ended, was logged out, or never began.
    - `unknown`: a program or keyring has its grant, which is not asked here.
    """
    profile, now = one.profile, context.clock()
    margin = max(_MARGIN, profile.refresh_before)
    lives = judge(one.held, now, margin=margin, min_ttl=profile.min_ttl)
    if lives in (FRESH, STALE):
        return lives, ""
    get = command("credhelper", "get", "--profile", profile.name)
    over = EXPIRED if one.held else NONE
    if one.session_ends > now and one.refreshed:
        return over, get
    log_in = next_step.log_in(context.environ, profile.name, profile)
    if profile.grant is None and profile.auth != LOGIN:
        return over, get  # other hosts of the fleet make it
    if profile.grant is None:
        return LOGIN_NEEDED, log_in
    if profile.grant.how in ("command", "keyring"):
        return UNKNOWN, get
    if _there(context, profile.grant):
        return over, get
    if profile.grant.how == "env":
        return KEY_MISSING, export(profile.grant.words[0], "KEY")
    return KEY_MISSING, log_in


def _there(context: Context, grant: Grant) -> bool:
    """Tell whether the variable or file of a grant is there, and holds anything."""
    if grant.how == "env":
        return bool(context.environ.get(grant.words[0], "").strip())
    try:
        return os.stat(grant.words[0]).st_size > 0 and os.access(grant.words[0], os.R_OK)
    except OSError:
        return False
