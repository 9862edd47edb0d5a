"""`credhelper status`: what we hold, for whom, and for how long. Offline, and safe to paste."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from credhelper.broker import inventory, routing, wiring
from credhelper.broker.context import Context
from credhelper.cli import output
from credhelper.cli.context import chosen, context, profile_option
from credhelper.cli.other_tools import TOKEN_VARIABLES
from credhelper.cli.output import say
from credhelper.client import claims
from credhelper.config.origin import origin
from credhelper.config.profile import Profile
from credhelper.core import lookup, paths, routes
from credhelper.core.model import AWS, SESSION, Secret
from credhelper.core.record import Held, held_in, number
from credhelper.core.text import printable, rfc3339
from credhelper.errors import CredhelperError

if TYPE_CHECKING:
    from credhelper.core.routes import Routes

_KINDS = {SESSION: "psToken", AWS: "temporary key"}


@dataclass
class Standing:
    """What is known of one profile.

    Parameters: `profile`; `default`, whether it is the default; `held`, its token, or None;
    `record`, the path where that lies; `session_ends`, Unix seconds, 0 for none; `skew`, seconds;
    `who`, from the token's claims or the API; `checked`, what the API said, if it was asked; `aws`,
    its AWS credentials, or None, and `aws_record`, the path where those lie.
    """

    profile: Profile
    default: bool
    held: Held | None
    record: str
    session_ends: int
    skew: int
    who: dict[str, str] = field(default_factory=dict)
    checked: str | None = None
    aws: Held | None = None
    aws_record: str | None = None


@click.command(short_help="Show what is held, for whom, and for how long.")
@profile_option("Show this profile only.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
@click.option("--check", is_flag=True, help="Ask the API whether it still knows each token.")
def status(name: str | None, as_json: bool, check: bool) -> int:
    """Show each profile: who, where, and how much life its token has left.

    It asks nobody but this machine (see --check), and shows no secret: a token is known by a
    fingerprint, the first 8 hex digits of its SHA-256.

    \b
    Examples:
      credhelper status
      credhelper status --json | jq '.profiles[] | {profile, expires_at}'
    """
    world = context()
    config = routing.load_config(world)
    wanted = [chosen(world, name)] if name else list(config.profiles.values())
    found = routing.load_routes(world)
    standings = [
        _standing(world, found, profile, profile.name == config.default_profile)
        for profile in wanted
    ]
    outcome = 0
    if check:
        for one in standings:
            outcome = max(outcome, _check(world, one))
    warnings = _warnings(world, found, config.path, standings)
    if as_json:
        click.echo(json.dumps(_document(world, config.path, standings, warnings)))
        return outcome
    for one in standings:
        _show(one, world.clock())
        say()
    if not standings:
        say("no profile is configured")
        say("  with an API key:  credhelper login")
        say("  without account:  credhelper demo")
    for message, hint in warnings:
        output.warn(message, hint)
    return outcome


def _standing(world: Context, found: Routes, profile: Profile, default: bool) -> Standing:
    route = found.by_profile[profile.name]
    record, stamp = routes.record_of(found, route, world.environ)
    slot = world.slot(record)
    host = lookup.host()
    held = held_in(slot.find(), stamp, host)
    session = inventory.session_slot(world, profile).find() or {}
    skew = 0
    if held is not None and held.fields.get("host") == host:
        skew = number(held.fields, "skew")
    ends = number(session, "expires") - number(session, "skew") if session.get("token") else 0
    told = claims.payload(held.secret.reveal()) if held is not None else None
    one = Standing(
        profile, default, held, slot.path, ends, skew, claims.identity(told) if told else {}
    )
    if route.aws:
        record, stamp = routes.record_of(found, route, world.environ, AWS)
        slot = world.slot(record)
        one.aws, one.aws_record = held_in(slot.find(), stamp, host), slot.path
    return one


def _check(world: Context, one: Standing) -> int:
    if one.held is None:
        one.checked = "no token to ask about"
        return 0
    client = wiring.client_for(world, one.profile)
    if not client.tells:
        one.checked = "not possible: this API has no call that tells of a token"
        return 0
    try:
        details = client.details(one.held.secret)
    except CredhelperError as error:
        one.checked = f"refused or not reached: {error.message}"
        return error.exit_status
    one.who = claims.identity(details) | {
        name: text for name, text in one.who.items() if name not in details
    }
    one.checked = "the API knows this token"
    return 0


def _warnings(
    world: Context, found: Routes, path: str | None, standings: list[Standing]
) -> list[tuple[str, str | None]]:
    environ = world.environ
    told: list[tuple[str, str | None]] = []
    name = environ.get("CREDHELPER_PROFILE")
    if name and name not in found.by_profile:
        told.append(
            (f"CREDHELPER_PROFILE names no profile: {printable(name)}", "unset CREDHELPER_PROFILE")
        )
    ours = _told_by_exec(environ, found)
    for variable, reader in TOKEN_VARIABLES:
        value = environ.get(variable)
        if value and value not in ours:
            whose = _whose(Secret(value), standings, world.clock())
            why = f"{variable} is set: {reader} will use that token, {whose}"
            told.append((why, f"unset {variable}"))
    for variable, reader in _overrides(environ, found):
        why = f"{variable} is set: {reader} will use that, and not ask credhelper"
        told.append((why, f"unset {variable}"))
    for variable in _other_servers(environ, found):
        why = f"{variable} is set: tools send their token to another server than your profiles name"
        told.append((why, f"unset {variable}"))
    if path is not None and found.by_profile and environ.get("CREDHELPER_API_KEY"):
        used = any(route.grant == "env:CREDHELPER_API_KEY" for route in found.by_profile.values())
        if not used:
            told.append((f"CREDHELPER_API_KEY is set, but does not count beside {path}", None))
    return told


def _told_by_exec(environ: Mapping[str, str], found: Routes) -> tuple[str, ...]:
    """Return the token that `exec` gave this process; nothing for who is not a child of it."""
    route = found.by_profile.get(environ.get("CREDHELPER_RECORD", "").partition(":")[0])
    token = environ.get(route.variables[0]) if route else None
    return (token,) if token else ()


def _whose(token: Secret, standings: list[Standing], now: float) -> str:
    """Return in words whose token stands in a variable, and whether it still lives."""
    for one in standings:
        if one.held is not None and one.held.secret == token:
            left = one.held.advertised - now
            life = f"which ends in {output.span(left)}" if left > 0 else "which has expired"
            return f"a copy of the one of profile {one.profile.name}, {life}"
    expires = (claims.payload(token.reveal()) or {}).get("exp")
    over = isinstance(expires, int) and expires <= now
    return f"not one of these{', and it has expired' if over else ''}"


def _overrides(environ: Mapping[str, str], found: Routes) -> list[tuple[str, str]]:
    """Return the variables that a tool uses instead of asking us, and which tool does."""
    readers = {}
    if any(route.aws for route in found.by_profile.values()):
        readers["AWS_ACCESS_KEY_ID"] = "every AWS SDK and the aws CLI"
    keys = {route.grant for route in found.by_profile.values()}
    if "ICAV2_ACCESS_TOKEN" in _variables(found, 0) and "env:ICAV2_X_API_KEY" not in keys:
        readers["ICAV2_X_API_KEY"] = "the icav2 program"
    if found.by_service:
        readers["DOCKER_AUTH_CONFIG"] = "the docker CLI"
    for service in sorted(found.by_service):
        host = service.partition("://")[2].partition("/")[0]
        # Its rule: dots become underscores, and hyphens two of them.
        readers[f"TF_TOKEN_{host.replace('-', '__').replace('.', '_')}"] = f"Terraform ({host})"
    return [(variable, who) for variable, who in readers.items() if environ.get(variable)]


# --- for people -----------------------------------------------------------------------------------


def _show(one: Standing, now: float) -> None:
    profile = one.profile
    say(f"{profile.name}{' (default)' if one.default else ''}")
    rows = [
        ("api", profile.url),
        ("who", who(one.who) or profile.user or ""),
        ("context", scope(profile)),
        ("token", _life(one.held, now)),
        ("", _kept(one.held, one.record)),
        ("aws", _aws(one, now)),
        ("", _kept(one.aws, one.aws_record)),
        ("session", _session(one, now)),
        ("grant", output.grant_in_words(profile.grant)),
        ("services", ", ".join(map(str, profile.services)) or "none: only `get` by profile"),
        ("check", one.checked or ""),
    ]
    if one.skew:
        side = "ahead of" if one.skew > 0 else "behind"
        rows.append(("clock", f"the server's is {output.span(abs(one.skew))} {side} ours"))
    output.table(rows)


def who(told: dict[str, str]) -> str:
    """Return a person as `name (login name)`, from claims or details."""
    name, login = told.get("name", ""), told.get("username", "")
    if name and login:
        return f"{name} ({login})"
    return name or login or told.get("uid", "") or told.get("sub", "")


def scope(profile: Profile) -> str:
    """Return what a profile's tokens are limited to."""
    parts = (
        ("domain", profile.domain),
        ("workgroup", profile.cwid),
        ("project", profile.cid),
        ("scopes", ",".join(profile.scopes)),
    )
    return ", ".join(f"{name} {text}" for name, text in parts if text)


def _aws(one: Standing, now: float) -> str:
    resource = output.resource_in_words(one.profile.aws)
    return f"{resource}: {_life(one.aws, now, 'credhelper aws')}" if resource else ""


def _life(held: Held | None, now: float, verb: str = "get") -> str:
    if held is None:
        return f"none yet: the next {verb} makes one"
    kind = _KINDS.get(held.kind, "JWT")
    left = held.advertised - now
    if left <= 0:
        return f"{kind}, expired {output.span(-left)} ago: the next {verb} makes a new one"
    whole = held.lifetime
    silent = "API" if held.kind == AWS else "token"
    guess = f", a guess: the {silent} does not tell" if held.fields.get("assumed") == "1" else ""
    return (
        f"{kind}, {output.bar(left, whole)} {output.span(left)} of {output.span(whole)}"
        f" left, until {output.moment(held.advertised)}{guess}"
    )


def _kept(held: Held | None, record: str | None) -> str:
    if held is None:
        return ""
    return f"fingerprint {output.fingerprint(held.secret)}, kept in {record}"


def _session(one: Standing, now: float) -> str:
    if not one.session_ends:
        kept = one.profile.auth == "session" and one.profile.grant is None
        return f"none: credhelper login --profile {one.profile.name}" if kept else ""
    left = one.session_ends - now
    if left <= 0:
        return f"idle for too long, ended {output.span(-left)} ago"
    return f"held, ends after {output.span(left)} without use"


def _other_servers(environ: Mapping[str, str], found: Routes) -> list[str]:
    """Return the variables that lead an API's tools to a server that no profile of it names."""
    told = []
    for variable in sorted(_variables(found, 1)):
        named = {one.url for one in found.by_profile.values() if one.variables[1] == variable}
        value = environ.get(variable)
        try:
            other = bool(value) and origin(value or "") not in named
        except ValueError:
            other = True
        if other:
            told.append(variable)
    return told


def _variables(found: Routes, which: int) -> set[str]:
    """Return the variables for tokens (0) or URLs (1) that tools of the profiles' APIs read."""
    return {route.variables[which] for route in found.by_profile.values()}


# --- for programs ---------------------------------------------------------------------------------


def _document(
    world: Context,
    path: str | None,
    standings: list[Standing],
    warnings: list[tuple[str, str | None]],
) -> dict[str, object]:
    return {
        "version": 1,
        "config": path,
        "cache": paths.cache_dir(os.environ, sys.platform),
        "profiles": [_entry(one, world.clock()) for one in standings],
        "warnings": [message for message, _ in warnings],
    }


def _entry(one: Standing, now: float) -> dict[str, object]:
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
        "scopes": list(profile.scopes),
        "services": [str(service) for service in profile.services],
        "kind": held.kind if held else profile.token,
        "record": one.record,
        "fingerprint": output.fingerprint(held.secret) if held else None,
        "issued_at": rfc3339(held.issued_at) if held else None,
        "expires_at": rfc3339(held.advertised) if held else None,
        "seconds_left": max(0, int(held.advertised - now)) if held else 0,
        "lifetime": held.lifetime if held else None,
        "assumed": held is not None and held.fields.get("assumed") == "1",
        "aws": _aws_entry(one, now),
        "session_ends_at": rfc3339(one.session_ends) if one.session_ends else None,
        "clock_skew": one.skew,
        "checked": one.checked,
    }


def _aws_entry(one: Standing, now: float) -> dict[str, object] | None:
    resource, held = one.profile.aws, one.aws
    if resource is None:
        return None
    return {
        "resource": resource.how,
        "id": list(resource.words),
        "read_only": resource.read_only,
        "record": one.aws_record,
        "fingerprint": output.fingerprint(held.secret) if held else None,
        "issued_at": rfc3339(held.issued_at) if held else None,
        "expires_at": rfc3339(held.advertised) if held else None,
        "seconds_left": max(0, int(held.advertised - now)) if held else 0,
        "lifetime": held.lifetime if held else None,
        "assumed": held is not None and held.fields.get("assumed") == "1",
    }
