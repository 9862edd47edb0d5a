"""Logging out of a token that hosts share: for this host, or for all of them."""

from __future__ import annotations

from functools import partial

import click

from credhelper.broker import inventory, routing, session_sharing, sharing
from credhelper.broker.context import Context
from credhelper.broker.inventory import Kept
from credhelper.cli import prompt
from credhelper.cli.revocation import Leaving
from credhelper.config.profile import Profile
from credhelper.core import lookup
from credhelper.core.model import AWS, SESSION, Secret
from credhelper.core.text import command, printable
from credhelper.errors import CredhelperError, UnreachableError
from credhelper.fleet.payload import PREVIOUS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.core.model import Wants

_TOMBSTONE = 30 * 86400.0  # seconds


def for_all(context: Context, profile: Profile, fleet: bool | None) -> bool:
    """Tell whether a token that hosts share is to be revoked for all of them.

    Only a host that may make tokens can.

    Parameters:
    - fleet: what the person said; None to ask.
    """
    config = routing.load_config(context)
    if config.fleet is None or not config.fleet.lead:
        return False
    if fleet is None and prompt.on_terminal():
        name = printable(profile.name)
        what, it = ("token and the session", "them") if profile.share_session else ("token", "it")
        question = f"Other hosts share the {what} of profile {name}. Revoke {it} for all hosts?"
        return click.confirm(question, err=True)
    return bool(fleet)


def leave(leaving: Leaving, profile: Profile) -> None:
    """Take what hosts share out of the store, revoke it, and note how that went."""
    context = leaving.context
    wants: tuple[Wants, ...] = ("token", AWS) if profile.aws else ("token",)
    shared = [partial(_take, leaving, profile, each) for each in wants]
    if profile.share_session:
        shared.insert(0, partial(_take_session, leaving, profile))  # first: tokens come from it
    for take in shared:
        try:
            take()
        except CredhelperError as error:
            again = command("credhelper", "logout", "--profile", profile.name, "--fleet")
            leaving.failed("fleet", f"NOT removed: {error.message}; try again: {again}", error)
            return
    leaving.rows.append(
        ("fleet", "removed: other hosts serve their copy until it is refused or expires")
    )
    context.trace("logout", fleet=profile.share)


def _take_session(leaving: Leaving, profile: Profile) -> None:
    """Say in the store that all hosts were logged out, and revoke the session that was there.

    Raises CredhelperError.
    """
    from credhelper.fleet import session_end
    from credhelper.fleet.store import StoreError

    context = leaving.context
    record, stamp = inventory.record_of(context, profile)
    config = routing.load_config(context)
    slot = inventory.session_slot(context, profile, record)
    member = session_sharing.session_member(context, config, profile, stamp)
    store = sharing.store_of(context, sharing.fleet_of(config, profile))
    try:
        fields = session_end.end_for_all(
            member, store, slot.find() or {}, context.clock, lookup.host()
        )
    except StoreError as error:
        raise UnreachableError(f"{member.address}: {error.why}") from None
    finally:
        store.close()
    for key in (PREVIOUS, "token"):
        if fields.get(key):
            leaving.end_of(Kept(SESSION, slot, fields), Secret(fields[key]))


def _take(leaving: Leaving, profile: Profile, wants: Wants) -> None:
    """Leave a tombstone, and revoke what was there. Raises CredhelperError."""
    from credhelper.fleet import value
    from credhelper.fleet.store import StoreError

    context = leaving.context
    record, stamp = inventory.record_of(context, profile)
    config = routing.load_config(context)
    member = sharing.member_for(context, config, profile, record, wants, stamp)
    store = sharing.store_of(context, sharing.fleet_of(config, profile))
    try:
        for name in member.names:
            seen = store.look(name, 0, member.owner, 0.0)
            store.remove(name, _TOMBSTONE)
            delta = seen.now - context.clock()
            fields = value.opened(member, name, seen, delta, lookup.host()) if seen.value else None
            if fields:
                kept = Kept(wants, context.slot(record), fields)
                leaving.end_of(kept, Secret(fields["token"]))
    except StoreError as error:
        raise UnreachableError(f"{member.address}: {error.why}") from None
    finally:
        store.close()
