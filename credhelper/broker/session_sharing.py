"""Puts the slot of a session together that hosts share, and the renewal that works on it."""

from __future__ import annotations

from contextlib import suppress

from credhelper.broker import sharing
from credhelper.core import lookup
from credhelper.core.text import command
from credhelper.errors import CredhelperError, LoginRequiredError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.broker.context import Context
    from credhelper.config.parse import Config
    from credhelper.config.profile import Profile
    from credhelper.core.model import Token
    from credhelper.core.record import Held
    from credhelper.fleet.member import Member
    from credhelper.renewal.renewal import Renewal
    from credhelper.storage.slot import Slot


def session_slot(context: Context, profile: Profile, record: str, stamp: str) -> Slot:
    """Return the slot of the session of `profile`, which hosts share if it says so.

    Parameters:
    - record: the name of the token's record.
    - stamp: what can be seen of the grant now.
    """
    from credhelper.broker import inventory

    alone = inventory.session_slot(context, profile, record)
    if not profile.share_session:
        return alone
    from credhelper.broker import routing, wiring
    from credhelper.core.model import Secret
    from credhelper.fleet.session import SharedSession

    def revoke(secret: str) -> None:
        client = wiring.client_for(context, profile)
        with suppress(CredhelperError):
            client.revoke(Secret(secret))

    return SharedSession(
        alone,
        options=context.slot_options(),
        cache=context.cache_folder(),
        join=lambda: session_member(context, routing.load_config(context), profile, stamp),
        revoke=revoke,
        stamp=stamp,
        host=lookup.host(),
        trace=context.trace,
        clock=context.clock,
    )


def session_member(context: Context, config: Config, profile: Profile, stamp: str) -> Member:
    """Return what this host brings to the shared session of `profile`. Asks no store yet.

    Parameters: as for `session_slot`. Raises as `member_for`.
    """
    fleet = sharing.fleet_of(config, profile)
    ring = sharing.ring_of(context, fleet)
    from credhelper.broker import inventory
    from credhelper.config import identity
    from credhelper.fleet.member import Member
    from credhelper.renewal import whose

    return Member(
        connect=lambda: sharing.connected(context, fleet),
        address=str(fleet.store),
        ring=ring,
        names=ring.names(identity.shared_session(profile)),
        owner="",
        leads=fleet.lead,
        prepare=lambda: "",
        whose=lambda fields: "",
        wrong=lambda fields: whose.wrong_session(fields, profile),
        owned={**inventory.owner(context, profile), "profile": profile.name, "grant": stamp},
    )


def renewal_for(
    context: Context, profile: Profile, timeout: float = 0, seen: tuple[str, str] | None = None
) -> Renewal:
    """Return what makes new tokens for `profile`, whether hosts share its session or not.

    Parameters: as for `wiring.renewal_for`.
    """
    from credhelper.broker import inventory, wiring

    seen = seen or inventory.record_of(context, profile)
    sessions = session_slot(context, profile, *seen)
    return wiring.renewal_for(context, profile, timeout, seen, sessions)


def renew(
    context: Context,
    profile: Profile,
    timeout: float,
    seen: tuple[str, str],
    slot: Slot,
    held: Held | None,
) -> tuple[Token, int]:
    """Return a new token of a profile whose session hosts share, and when that is due.

    Parameters:
    - timeout, seen: as for `wiring.renewal_for`.
    - slot: of the token.
    - held: the old token.

    Raises LoginRequiredError for a session that turns out to be somebody else's, and what a renewal
    raises.
    """
    token, due = renewal_for(context, profile, timeout, seen).renew(held)
    from credhelper.fleet.payload import WHOSE
    from credhelper.renewal import whose

    fields = {"token": token.value.reveal(), "kind": token.kind}
    before = (slot.find() or {}).get(WHOSE)
    why = whose.wrong(fields, profile)
    if before and whose.whose(fields) != before:
        why = "is another account's than the one before it"
    if why:
        raise LoginRequiredError(
            f"not using the session that hosts share as {profile.share}: its token {why}",
            hint=command("credhelper", "logout", "--profile", profile.name),
        )
    return token, due
