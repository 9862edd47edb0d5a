"""Checks of each profile: its grant, its session, its token and its AWS credentials."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from credhelper.broker import answer, grants, key_notes, next_step, routing, typed_keys
from credhelper.broker.context import Context
from credhelper.cli import output
from credhelper.cli.doctor import network
from credhelper.cli.doctor.result import Check, Outcome, SkippedError, passed, warned
from credhelper.cli.standing import ask_api, profile_status
from credhelper.cli.state import LOGIN_NEEDED, state_of
from credhelper.client.http import failures
from credhelper.config.grant import put_there
from credhelper.config.profile import READY, Profile
from credhelper.core.model import AWS, Request
from credhelper.core.record import FRESH, Held
from credhelper.core.text import command
from credhelper.errors import (
    CredhelperError,
    LoginRequiredError,
    MalformedAnswerError,
    RateLimitedError,
    RejectedError,
    TokenAPIError,
)

TOKEN = "token"  # noqa: S105  # the name of a check
_ASKED = ("command", "keyring")


def checks(
    context: Context, profiles: list[Profile], *, offline: bool, ask_grants: bool
) -> list[Check]:
    """Return the checks of `profiles`.

    Parameters: `offline`, ask no server; `ask_grants`, run commands and ask keyrings for grants.
    """
    found = []
    for profile in profiles:
        name = profile.name
        source = "grant" if profile.grant else "session"
        look = partial(_grant, context, profile, ask=ask_grants)
        if not profile.grant:
            look = partial(_session, context, profile)
        found.append(Check(source, name, partial(_hinted, look, context, profile), alike=True))
        unasked = profile.grant is not None and profile.grant.how in _ASKED and not ask_grants
        # A token that lives needs no grant.
        needs = [("folder", "cache"), *([] if unasked else [(source, name)])]
        needs += [] if offline else [(network.SERVER, network.about(profile))]
        look = partial(_token, context, profile, offline=offline, unasked=unasked)
        found.append(Check(TOKEN, name, partial(_hinted, look, context, profile), tuple(needs)))
        if profile.aws:
            look = partial(_aws, context, profile, offline=offline)
            look = partial(_hinted, look, context, profile, exchanged=True)
            found.append(Check("aws", name, look, ((TOKEN, name),)))
    return found


def _hinted(
    look: Callable[[], Outcome], context: Context, profile: Profile, *, exchanged: bool = False
) -> Outcome:
    """Return what `look` found; an error without a hint gets one for its class.

    Parameters: `exchanged`, for what is had for a token: then the grant is good.
    """
    try:
        return look()
    except CredhelperError as error:
        error.hint = error.hint or _cure(error, context, profile, exchanged)
        raise


def _cure(error: CredhelperError, context: Context, profile: Profile, exchanged: bool) -> str:
    show = command("credhelper", "profile", "show", profile.name)
    match error:
        case RateLimitedError():
            wait = f", in {output.span(error.retry_after)}" if error.retry_after else ""
            return f"try again later{wait}: the server takes no more requests now"
        case TokenAPIError(status=407):
            return failures.PROXY_LOGIN_HINT
        case RejectedError(status=401 | 403) if not exchanged:
            return _renew(context, profile)
        case RejectedError():
            return f"compare what the profile asks for with what the API has: {show}"
        case MalformedAnswerError():
            return f"does something else answer there? look at the url: {show}"
        case TokenAPIError(retryable=True):
            return "try again later"
        case TokenAPIError():
            return f"look at what the profile asks for: {show}"
    if exchanged:
        return f"look at what the profile asks for: {show}"
    return _renew(context, profile)


def _renew(context: Context, profile: Profile) -> str:
    """Return what puts the grant of a profile right."""
    grant = profile.grant
    if grant is None or key_notes.file_of(context, profile):
        return next_step.log_in(context.environ, profile.name, profile)
    what = "password" if profile.auth == "password" else "key"
    if profile.auth == READY:
        what = "token"
    if grant.how == "file":
        return put_there(grant, profile.name)
    if grant.how == "env":
        return f"put a valid {what}, and nothing else, into variable {grant.words[0]}"
    place = "command" if grant.how == "command" else "keyring entry"
    show = command("credhelper", "profile", "show", profile.name)
    return f"see that the {place} gives a valid {what}, in one line: {show} names it"


def _grant(context: Context, profile: Profile, *, ask: bool) -> Outcome:
    grant = profile.grant
    assert grant is not None  # noqa: S101  # for mypy: the caller has looked
    if grant.how in _ASKED and not ask:
        raise SkippedError(f"a {grant.how} has it: --ask-grants asks it")
    grants.read(context, profile, grant)
    kind = {"env": "environment variable", "file": "file"}.get(grant.how, grant.how)
    words = f" {grant.words[0]}" if grant.how in ("env", "file") else ""
    return passed(f"{kind}{words} holds it")


def _session(context: Context, profile: Profile) -> Outcome:
    one = profile_status(context, routing.load_routes(context), profile, False)
    state, fix, _ = state_of(context, one)
    if state == LOGIN_NEEDED:
        why = "has ended" if one.session_ends else "none is held"
        raise LoginRequiredError(f"the session: {why}", fix)
    left = one.session_ends - context.clock()
    return passed(f"ends after {output.span(left)} without use" if left > 0 else "the token lives")


def _token(context: Context, profile: Profile, *, offline: bool, unasked: bool) -> Outcome:
    found = routing.load_routes(context)
    one = profile_status(context, found, profile, False)
    if offline:
        return _life(context, one.held, profile, "token")
    if unasked and state_of(context, one).name != FRESH:
        raise SkippedError("its grant is not asked: see --ask-grants")
    answer.get(context, Request("get", profile=profile.name))
    one = profile_status(context, found, profile, False)
    if ask_api(context, one):
        raise RejectedError(f"the API: {one.checked}", _anew(context, profile))
    return _life(context, one.held, profile, "token")


def _anew(context: Context, profile: Profile) -> str:
    """Return the command that makes another token in place of one that lives."""
    typed = typed_keys.path_of(context, profile.name)
    if profile.grant is None or typed in profile.grant.words:
        return next_step.log_in(context.environ, profile.name, profile)
    logout, get = (
        command("credhelper", word, "--profile", profile.name) for word in ("logout", "get")
    )
    return f"{logout} && {get} >/dev/null"


def _aws(context: Context, profile: Profile, *, offline: bool) -> Outcome:
    if not offline:
        answer.get(context, Request("get", profile=profile.name, wants=AWS))
    one = profile_status(context, routing.load_routes(context), profile, False)
    return _life(context, one.aws, profile, "aws")


def _life(context: Context, held: Held | None, profile: Profile, kind: str) -> Outcome:
    verb = "aws" if kind == "aws" else "get"
    if held is None:
        return passed(f"none yet: the next `credhelper {verb}` makes one")
    left = held.advertised - context.clock()
    if left <= 0:
        return passed(f"ended {output.span(-left)} ago: the next `credhelper {verb}` makes one")
    if held.lifetime and profile.min_ttl > held.lifetime:
        raise TokenAPIError(
            f"min_ttl of the profile is {output.span(profile.min_ttl)}, but a new one lives"
            f" {output.span(held.lifetime)}",
            command("credhelper", "profile", "set", profile.name, "--unset", "min_ttl"),
        )
    if left < 60:
        return warned(f"ends in {output.span(left)}: it is renewed on the way")
    return passed(f"{output.span(left)} of {output.span(held.lifetime)} left")
