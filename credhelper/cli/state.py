"""The state of a profile: whether its next token comes by itself, and what helps if not."""

from __future__ import annotations

from typing import NamedTuple

from credhelper.broker import grants, next_step
from credhelper.broker.context import Context
from credhelper.cli.standing import ProfileStatus
from credhelper.config.grant import put_there
from credhelper.config.profile import LOGIN, READY, Grant
from credhelper.core.record import EXPIRED, FRESH, STALE, judge
from credhelper.core.text import command, export
from credhelper.errors import CredhelperError

NONE, KEY_MISSING, LOGIN_NEEDED, UNKNOWN = "none", "key-missing", "login-needed", "unknown"
STATES = (FRESH, STALE, EXPIRED, NONE, KEY_MISSING, LOGIN_NEEDED, UNKNOWN)
BAD = (KEY_MISSING, LOGIN_NEEDED)
_MARGIN = 60  # seconds: what most callers like to see
_PROGRAMS = ("command", "keyring")


class State(NamedTuple):
    """How a profile stands.

    Parameters: `name`, one of `STATES`; `fix`, the command that helps; `why`, what is wrong. Both
    are "" where there is nothing to say.
    """

    name: str
    fix: str = ""
    why: str = ""


def state_of(context: Context, one: ProfileStatus) -> State:
    """Return the state of a profile. No server, program or keyring is asked.

    - `fresh`, `stale`: its token is served; a stale one is renewed on the way.
    - `expired`, `none`: the next get makes a token.
    - `key-missing`: the variable or file of its grant is not there, or cannot be used.
    - `login-needed`: its session has ended, was logged out, or never began.
    - `unknown`: a program or keyring has its grant, which is not asked here.
    """
    profile, now, held = one.profile, context.clock(), one.held
    margin = max(_MARGIN, profile.refresh_before)
    lives = judge(held, now, margin=margin, min_ttl=profile.min_ttl)
    if lives in (FRESH, STALE):
        return State(lives)
    over = _over(one)
    if one.session_ends > now and one.refreshed:
        return over
    if profile.grant is None and profile.auth != LOGIN:
        return over  # other hosts of the fleet make it
    if profile.grant is None and profile.share and not one.session_ends:
        return over  # other hosts of the fleet make it, or share their session
    if profile.grant is None:
        log_in = next_step.log_in(context.environ, profile.name, profile)
        return State(LOGIN_NEEDED, log_in, _why_no_session(one))
    if profile.grant.how in _PROGRAMS:
        return State(UNKNOWN, over.fix, over.why)
    if one.refused and profile.auth == LOGIN:
        how = _other_secret(profile.grant, put_there(profile.grant, profile.name))[0]
        return State(LOGIN_NEEDED, how, "the server refused the psToken of its grant")
    return _without_key(context, one, profile.grant) or over


def _over(one: ProfileStatus) -> State:
    """Return the state of a profile whose next token comes by itself, if one can be had at all."""
    profile, held = one.profile, one.held
    get = command("credhelper", "get", "--profile", profile.name)
    if held is None:
        return State(NONE, get)
    if held.advertised - held.issued_at < profile.min_ttl and profile.auth != READY:
        shorten = command("credhelper", "profile", "set", profile.name, "--unset", "min_ttl")
        return State(EXPIRED, shorten, "no new token lives as long as min_ttl says")
    return State(EXPIRED, get)


def _why_no_session(one: ProfileStatus) -> str:
    if one.refused:
        return "the server ended its session"
    return "its session expired when idle" if one.session_ends else "it has no session"


def _without_key(context: Context, one: ProfileStatus, grant: Grant) -> State | None:
    """Return the state of a profile whose key cannot be used; None where it can.

    The key is read as a renewal reads it, and dropped at once.
    """
    profile = one.profile
    try:
        secret = grants.read(context, profile, grant)
        if profile.auth == READY:
            from credhelper.renewal import ready_token  # late: few profiles need it

            ready_token.token_in(secret, profile, grant, context.clock())
    except CredhelperError as error:
        fix, what = _other_secret(grant, error.hint or "")
        return State(KEY_MISSING, fix, f"{error.message}; {what}" if what else error.message)
    return None


def _other_secret(grant: Grant, hint: str) -> tuple[str, str]:
    """Return the command of a hint about the secret of `grant`, and the words before it."""
    if grant.how == "env":
        return export(grant.words[0], "KEY"), ""
    what, colon, how = hint.partition(": ")
    return (how, what) if colon and "'" not in what else (hint, "")
