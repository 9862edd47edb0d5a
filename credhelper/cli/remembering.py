"""What a login that the API agreed to leaves behind: the key, the config, the token, a report."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from credhelper.broker import (
    answer,
    inventory,
    next_step,
    routing,
    session_sharing,
    source,
    typed_keys,
    wiring,
)
from credhelper.cli import login_report, options, projects
from credhelper.cli.joining import SET_BY_NAME
from credhelper.cli.verification import Verified, discard, still, verify
from credhelper.client.authorization import Authorization
from credhelper.config.profile import Profile
from credhelper.core.model import SESSION, Request, Secret
from credhelper.core.text import command
from credhelper.errors import ConfigError, CredhelperError

if TYPE_CHECKING:
    from credhelper.broker.context import Context
    from credhelper.cli.keeping import Keeper
    from credhelper.client.api import Client


def remember(
    context: Context,
    profile: Profile,
    old: dict[str, Any],
    values: dict[str, Any],
    authorization: Authorization,
    typed: str | None,
    key: Secret | None,
    *,
    make_default: bool,
    keyring: Keeper | None = None,
) -> None:
    """Verify a login with the API, write down what the next `get` needs, and print a report.

    Parameters:
    - old: the profile's keys when the login began; what it does not change stays as it is now.
    - values: the profile's keys, as the config spells them.
    - authorization: what proves who logs in.
    - typed: the file that will hold `key`, or None.
    - key: the API key that a person typed, or None.
    - make_default: make it the default profile.
    - keyring: the entry that will hold `key`, or None.

    Raises CredhelperError; it writes nothing then, and revokes what it made.
    """
    client = wiring.client_for(context, profile)
    verified = verify(client, profile, authorization, context.clock)
    try:
        with typed_keys.changing(context, profile, key if typed else None) as put:

            def ready(now: Profile) -> None:
                _require_same_login(context, profile, now)
                put()
                if keyring and key:
                    keyring.put(key)

            path, now = options.write(
                context, profile.name, old, values, make_default=make_default, ready=ready
            )
    except CredhelperError:
        discard(client, *verified.made)
        raise
    kept = _adopt(context, client, profile, now, verified, authorization)
    profile = now
    key_place = keyring.place if keyring else typed
    wrote = [path, key_place and f"{key_place} (the API key)", kept and f"{kept} (the session)"]
    choices: dict[str, str] = {}
    if not any(getattr(profile, key) for key in SET_BY_NAME):
        session = verified.session.value if verified.session else None
        again = command("credhelper", "login", *login_report.choosing(context, profile))
        choices = projects.listed(client, verified.token.value, session, again)
    login_report.print_report(context, profile, verified, [one for one in wrote if one], choices)


def _require_same_login(context: Context, verified: Profile, now: Profile) -> None:
    """Raise ConfigError if who logs in, or where, was changed after the login began."""
    if inventory.bases(verified)[SESSION] == inventory.bases(now)[SESSION]:
        return
    keys = ("api", "url", "auth", "grant", "user", "domain", "client_id", "data")
    changed = [key for key in keys if getattr(verified, key) != getattr(now, key)]
    raise ConfigError(
        f"{' and '.join(changed)} of profile {now.name} changed during the login, in "
        f"{options.files(context)[0]}: the login is not written",
        hint=next_step.log_in(context.environ, now.name, now),
    )


def _adopt(
    context: Context,
    client: Client,
    profile: Profile,
    now: Profile,
    verified: Verified,
    authorization: Authorization,
) -> str | None:
    """Move the former token aside, store the verified one, and return the path of the session.

    Where hosts share the profile's tokens, the verified one is for all, unless they have one.
    Nothing is stored if the grant has changed: the token would count as one of the new grant. Nor
    is a token for another project, or the like, than the profile says `now`.
    """
    inventory.set_aside(context, now)
    seen = inventory.record_of(context, profile)
    if not still(context, profile, authorization, seen[1]):
        return None
    due, kept = 0, None
    token = verified.token
    if verified.session is not None:
        renewal = session_sharing.renewal_for(context, profile, seen=seen)
        due = renewal.adopt(verified.session)
        kept = renewal.record.slot.path
        token = verified.session if profile.token == SESSION else token
    if inventory.bases(profile)[inventory.TOKEN] != inventory.bases(now)[inventory.TOKEN]:
        return kept
    found, route = routing.load_routes(context), routing.route_to(profile)
    token_source = answer.source_for(context, found, route, stamp=seen[1])
    fleet = routing.load_config(context).fleet if profile.share else None
    if fleet is None or not fleet.lead:
        # It is for this host alone, if others make what hosts share.
        token_source.slot = context.slot(token_source.slot.name)
    token_source.slot.owner = inventory.owner(context, profile)
    token_source.renew = lambda _: (token, due)
    with suppress(CredhelperError):
        # `get` will report a token that starts late or is too short for the profile.
        served = source.get(token_source, Request("get", profile=profile.name), route, None)
        if verified.session is None and served.token != token.value:
            discard(client, token.value)  # the hosts of the fleet have one
    return kept
