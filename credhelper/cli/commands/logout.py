"""`credhelper logout`: revoke tokens and sessions upstream, forget them here, and report both."""

from __future__ import annotations

import click

from credhelper.broker import inventory, routing, typed_keys, wiring
from credhelper.broker.context import Context
from credhelper.cli import output
from credhelper.cli.context import chosen, context, profile_option
from credhelper.cli.output import say
from credhelper.config.profile import Profile
from credhelper.core import lookup
from credhelper.core.model import Secret
from credhelper.core.record import Held, number
from credhelper.errors import CacheError, CredhelperError, TokenAPIError, UsageError, reason


@click.command(short_help="Revoke the token and session, and forget them.")
@profile_option("Log out of this profile; without it, of the one that `get` would use.")
@click.option("--all", "everywhere", is_flag=True, help="Log out of every profile.")
def logout(name: str | None, everywhere: bool) -> int:
    """Revoke a profile's token and session upstream, and forget them here.

    The profile itself stays; `credhelper profile remove` takes that away, too. An API key that was
    typed at login is removed; one that lives elsewhere stays there. Whatever the server says, it
    is forgotten here. The exit status is 0 only if the server confirmed, or does not know it; the
    v2 API cannot revoke, so there it is 5 while a token lives.

    \b
    Examples:
      credhelper logout
      credhelper logout --profile dev
    """
    world = context()
    if everywhere and name:
        raise UsageError("--all and --profile exclude each other")
    if everywhere:
        profiles = list(routing.load_config(world).profiles.values())
        if not profiles:
            say("no profile is configured: nothing to do")
    else:
        profiles = [chosen(world, name)]
    return max((leave(world, profile) for profile in profiles), default=0)


def leave(world: Context, profile: Profile) -> int:
    """Log out of `profile`, print how it went, and return the exit status."""
    outcome = 0
    rows = []
    session_slots = inventory.session_slots(world, profile)
    sessions = [one for slot in session_slots for one in _sessions(slot.find() or {})]
    tokens = _tokens(world, profile)
    # Where a session is a JWT, it is the token as well.
    sessions = [one for one in sessions if one[1] not in [token[1] for token in tokens]]
    for what, secret, until, certain in (*tokens, *sessions):
        status, text = _revoke(world, profile, secret, until, certain=certain)
        outcome = max(outcome, status)
        rows.append((what, text))
    rows += [("aws", text) for text in _aws(world, profile)]
    try:
        inventory.forget_tokens(world, profile)
        for slot in session_slots:
            slot.remove()
        rows.append(("here", "forgotten" if rows else "there was nothing to forget"))
    except CacheError as error:
        outcome = max(outcome, error.exit_status)
        rows.append(("here", f"NOT forgotten: {error.message}"))
    path = typed_key(world, profile)
    if path:
        try:
            if typed_keys.remove(world, path):
                rows.append(("key", f"removed {path}"))
        except OSError as error:
            outcome = max(outcome, CacheError.exit_status)
            why = reason(error)
            rows.append(("key", f"NOT removed: {path}: {why}"))
    elif profile.grant is not None:
        where = output.grant_in_words(profile.grant)
        rows.append(("note", f"the next get will log in again with {where}"))
    say(f"logged out of profile {profile.name}")
    output.table(rows)
    return outcome


def typed_key(world: Context, profile: Profile) -> str | None:
    """Return the file in which `login` keeps the key that was typed; None for other grants."""
    grant = profile.grant
    own = typed_keys.path_of(world, profile.name)
    return own if grant is not None and grant.how == "file" and grant.words == (own,) else None


_Revocable = tuple[str, Secret, int, bool]


def _tokens(world: Context, profile: Profile) -> list[_Revocable]:
    found = []
    for slot in inventory.token_slots(world, profile):
        fields = slot.find()
        if fields and fields.get("token"):
            held = Held(fields, lookup.host())
            found.append(("token", held.secret, held.expires_at, fields.get("assumed") != "1"))
    return found


def _aws(world: Context, profile: Profile) -> list[str]:
    """Return a sentence for each AWS key that still lives: nobody can revoke it."""
    sentences = []
    for slot in inventory.aws_slots(world, profile):
        fields = slot.find()
        if fields and fields.get("token"):
            held = Held(fields, lookup.host())
            if held.expires_at > world.clock():
                end = output.moment(held.expires_at)
                sentences.append(
                    f"cannot be revoked: who has a copy of the key may use it until {end}"
                )
    return sentences


def _sessions(fields: dict[str, str]) -> list[_Revocable]:
    ends = number(fields, "expires") - number(fields, "skew")
    names = [key for key in ("previous", "token") if fields.get(key)]
    certain = fields.get("assumed") == "0"
    return [("session", Secret(fields[key]), ends, certain) for key in names]


def _revoke(
    world: Context, profile: Profile, secret: Secret, until: int, *, certain: bool
) -> tuple[int, str]:
    """Revoke one secret; return the exit status and how it went.

    Parameters:
    - until: when it ends, in Unix seconds.
    - certain: that end is no guess.
    """
    if certain and until <= world.clock():
        return 0, "had expired already"
    end = f"until {output.moment(until)}{'' if certain else ' (a guess)'}"
    try:
        client = wiring.client_for(world, profile)
        if not client.revokes:
            return TokenAPIError.exit_status, f"NOT revoked: this API cannot, it lives {end}"
        answer = client.revoke(secret)
    except CredhelperError as error:
        return error.exit_status, f"NOT confirmed, it may live {end}: {error.message}"
    if answer == "revoked":
        return 0, "revoked: the server confirmed"
    return 0, "the server does not know it (any more)"
