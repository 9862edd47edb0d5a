"""`credhelper status`: which tokens this machine has, whose they are, and how long they live."""

from __future__ import annotations

import os
import sys

import click

from credhelper.broker import key_notes, next_step, routing
from credhelper.broker.context import Context
from credhelper.cli import front, output, shadowing, status_table
from credhelper.cli.context import chosen, command_context, profile_option
from credhelper.cli.output import say
from credhelper.cli.standing import ProfileStatus, ask_api, profile_status
from credhelper.cli.state import BAD, LOGIN_NEEDED, NONE, State, state_of
from credhelper.cli.verbosity import json_option
from credhelper.config.profile import READY
from credhelper.core import paths
from credhelper.core.model import AWS, SESSION
from credhelper.core.record import EXPIRED, FRESH, STALE, Held, number
from credhelper.core.text import printable, rfc3339
from credhelper.errors import LoginRequiredError

_KINDS = {SESSION: "psToken", AWS: "temporary key"}


@click.command(short_help="Show each profile's token, and how long it lives.")
@profile_option("Show this profile only.")
@click.option("--verbose", "-v", is_flag=True, help="Show all that is known of each profile.")
@json_option
@click.option("--check", is_flag=True, help="Ask the API whether it still knows each token.")
@click.option(
    "--exit-status",
    is_flag=True,
    help="End with 4 if there is no profile, or one shown is key-missing or login-needed.",
)
def status(name: str | None, verbose: bool, as_json: bool, check: bool, exit_status: bool) -> int:
    """Show each profile: who, how long its token lives, and whether the next one comes by itself.

    The state is fresh or stale (a token is served), expired or none (the next get makes one),
    key-missing (the file or variable of the key is not there, or holds no key that can be used),
    login-needed (its session has ended, or never began) or unknown (a program or keyring has the
    key, which is not asked). Below the table stands the command that helps.

    It asks nobody but this machine (see --check), and shows no secret: a token is known by a
    fingerprint, the first 8 hex digits of its SHA-256. One profile alone is shown with all that is
    known of it.

    \b
    Examples:
      credhelper status
      credhelper status --profile work
      credhelper status --json | jq '.profiles[] | {profile, state, expires_at}'
      credhelper status --exit-status >/dev/null || echo "log in first"
    """
    context = command_context()
    config = routing.load_config(context)
    wanted = [chosen(context, name)] if name else list(config.profiles.values())
    found = routing.load_routes(context)
    context.notes = key_notes.listed(context)  # once, for all keys
    statuses = [
        profile_status(context, found, profile, profile.name == config.default_profile)
        for profile in wanted
    ]
    outcome = 0
    if check:
        for one in statuses:
            outcome = max(outcome, ask_api(context, one))
    states = [state_of(context, one) for one in statuses]
    if exit_status and (not states or any(state.name in BAD for state in states)):
        outcome = outcome or LoginRequiredError.exit_status
    warnings = shadowing.warnings(context, found, config.path, statuses)
    if as_json:
        import json

        click.echo(json.dumps(_document(context, config.path, statuses, states, warnings)))
        return outcome
    if verbose or check or len(statuses) == 1:
        for number, (one, state) in enumerate(zip(statuses, states, strict=True)):
            if number:
                say()
            _show(context, one, state)
        own = front.installed(sys.argv[0], sys.executable) if verbose else None
        if own:
            say()
            say(f"warm answers come from the {own[0]} front: {printable(own[1])}")
    elif statuses:
        status_table.show([*zip(statuses, states, strict=True)], context.clock())
    if not statuses:
        say("no profile is configured")
        say(f"  with an API key:  {next_step.log_in(context.environ)}")
        say("  without account:  credhelper demo")
    for message, hint in warnings:
        output.warn(message, hint)
    return outcome


def _show(context: Context, one: ProfileStatus, state: State) -> None:
    now = context.clock()
    profile = one.profile
    say(f"{profile.name}{' (default)' if one.default else ''}")
    rows = [
        ("state", f"{state.name}: {state.why}" if state.why else state.name),
        ("fix", state.fix),
        ("api", profile.url),
        ("who", output.who(one.who) or profile.user or ""),
        ("context", output.scope(profile)),
        ("token", _life(one.held, now, state, given=profile.auth == READY)),
        ("", _place(one.held, one.record)),
        ("fleet", _fleet(one, now)),
        ("aws", _aws(one, now, state)),
        ("", _place(one.aws, one.aws_record)),
        ("session", _session(context, one, state)),
        ("grant", output.grant_in_words(profile.grant)),
        ("services", ", ".join(map(str, profile.services)) or "none: no tool gets a token"),
        ("check", one.checked or ""),
    ]
    if one.skew:
        side = "ahead of" if one.skew > 0 else "behind"
        rows.append(("clock", f"the server's is {output.span(abs(one.skew))} {side} ours"))
    output.table(rows, commands=("fix",), colours={"state": status_table.colour_of(state.name)})


def _aws(one: ProfileStatus, now: float, state: State) -> str:
    resource = output.resource_in_words(one.profile.aws)
    return f"{resource}: {_life(one.aws, now, state, 'credhelper aws')}" if resource else ""


def _life(
    held: Held | None, now: float, state: State, verb: str = "get", *, given: bool = False
) -> str:
    by_itself = state.name in (FRESH, STALE) or (state.name in (NONE, EXPIRED) and not state.why)
    if held is None:
        then = f": the next {verb} {'reads it' if given else 'makes one'}"
        return f"none yet{then}" if by_itself else "none"
    kind = _KINDS.get(held.kind, "JWT")
    left = held.advertised - now
    if left <= 0:
        then = f": the next {verb} {'reads the grant again' if given else 'makes a new one'}"
        return f"{kind}, expired {output.span(-left)} ago{then if by_itself else ''}"
    whole = held.lifetime
    silent = "API" if held.kind == AWS else "token"
    guess = f", a guess: the {silent} does not tell" if held.fields.get("assumed") == "1" else ""
    bar = f"{output.bar(left, whole)} " if output.fancy() else ""
    return (
        f"{kind}, {bar}{output.span(left)} of {output.span(whole)}"
        f" left, until {output.moment(held.advertised)}{guess}"
    )


def _fleet(one: ProfileStatus, now: float) -> str:
    share, held = one.profile.share, one.held
    if share is None:
        return ""
    if held is None:
        return f"shares as {printable(share)}"
    age = output.span(max(0.0, now - held.issued_at))
    by = f"made {age} ago by {printable(held.fields.get('maker') or 'this host')}"
    if not number(held.fields, "generation"):
        by = f"but this token was made {age} ago without the fleet"
    looks = held.due - now
    again = f", looks again in {output.span(looks)}" if looks > 0 else ", looks again now"
    return f"shares as {printable(share)}, {by}{again if held.due else ''}"


def _place(held: Held | None, record: str | None) -> str:
    if held is None:
        return ""
    return f"fingerprint {output.fingerprint(held.secret)}, kept in {record}"


def _session(context: Context, one: ProfileStatus, state: State) -> str:
    if not one.session_ends:
        if one.profile.share_session:
            return "none here: the next get takes the one that hosts share"
        return "none" if state.name == LOGIN_NEEDED else ""
    left = one.session_ends - context.clock()
    if one.refused:
        return f"ended: the server refused it {output.span(-left)} ago"
    if left <= 0:
        return f"idle for too long, ended {output.span(-left)} ago"
    if not one.refreshed:
        return f"held, ends in {output.span(left)}: an API key made it, so it is not refreshed"
    shared = f", renewed by {printable(one.session_maker)} for all" if one.session_maker else ""
    return f"held, ends after {output.span(left)} without use{shared}"


def _document(
    context: Context,
    path: str | None,
    statuses: list[ProfileStatus],
    states: list[State],
    warnings: list[tuple[str, str | None]],
) -> dict[str, object]:
    own = front.installed(sys.argv[0], sys.executable)
    return {
        "version": 1,
        "config": path,
        "cache": paths.cache_dir(os.environ, sys.platform),
        "front": {"kind": own[0].lower(), "path": own[1]} if own else None,
        "profiles": [
            {
                **_entry(one, context.clock()),
                "state": state.name,
                "fix": state.fix or None,
                "why": state.why or None,
            }
            for one, state in zip(statuses, states, strict=True)
        ],
        "warnings": [message for message, _ in warnings],
    }


def _entry(one: ProfileStatus, now: float) -> dict[str, object]:
    profile, held = one.profile, one.held
    return {
        "profile": profile.name,
        "default": one.default,
        "api": profile.api,
        "url": profile.url,
        "auth": profile.auth,
        "grant": output.grant_in_words(profile.grant),
        "who": one.who,
        "domain": profile.domain,
        "cid": profile.cid,
        "cwid": profile.cwid,
        "project": profile.project,
        "scopes": list(profile.scopes),
        "services": [str(service) for service in profile.services],
        "kind": held.kind if held else profile.token,
        "record": one.record,
        **_life_entry(held, now),
        "aws": _aws_entry(one, now),
        "session_ends_at": rfc3339(one.session_ends) if one.session_ends else None,
        "clock_skew": one.skew,
        "share": profile.share,
        "share_session": profile.share_session,
        "session_maker": one.session_maker or None,
        "maker": held.fields.get("maker") if held else None,
        "looks_again_at": rfc3339(held.due) if held and profile.share and held.due else None,
        "checked": one.checked,
    }


def _aws_entry(one: ProfileStatus, now: float) -> dict[str, object] | None:
    resource = one.profile.aws
    if resource is None:
        return None
    return {
        "resource": resource.how,
        "id": list(resource.words),
        "read_only": resource.read_only,
        "record": one.aws_record,
        **_life_entry(one.aws, now),
    }


def _life_entry(held: Held | None, now: float) -> dict[str, object]:
    """Return what the JSON says of a token, or of AWS credentials."""
    return {
        "fingerprint": output.fingerprint(held.secret) if held else None,
        "issued_at": rfc3339(held.issued_at) if held else None,
        "expires_at": rfc3339(held.advertised) if held else None,
        "seconds_left": max(0, int(held.advertised - now)) if held else 0,
        "lifetime": held.lifetime if held else None,
        "assumed": held is not None and held.fields.get("assumed") == "1",
    }
