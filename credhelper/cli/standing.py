"""The status of a profile: its token, AWS credentials and session, as this machine has them."""

from __future__ import annotations

from dataclasses import dataclass, field

from credhelper.broker import inventory, routing, wiring
from credhelper.broker.context import Context
from credhelper.client import claims
from credhelper.config.profile import Profile
from credhelper.core import lookup
from credhelper.core.model import AWS, JWT
from credhelper.core.record import Held, held_in, number
from credhelper.core.routes import Routes
from credhelper.errors import CredhelperError
from credhelper.fleet.payload import GENERATION, MAKER
from credhelper.storage.slot import REFUSED


@dataclass
class ProfileStatus:
    """What is known of one profile.

    Parameters:
    - profile: as the config has it.
    - default: it is the default profile.
    - held: its token, or None.
    - record: the path of the token's record.
    - session_ends: Unix seconds; 0 for no session.
    - refreshed: its session can be; a JWT that an API key made cannot.
    - refused: the server refused its session when it was last used.
    - skew: seconds that the server's clock is ahead of ours.
    - who: whose the token is, from its claims or the API.
    - checked: what the API said, None if it was not asked.
    - session_maker: the host that renewed its session last, where hosts share it; else "".
    - aws: its AWS credentials, or None.
    - aws_record: the path of their record, None where the profile has no AWS resource.
    """

    profile: Profile
    default: bool
    held: Held | None
    record: str
    session_ends: int
    refreshed: bool
    refused: bool
    skew: int
    who: dict[str, str] = field(default_factory=dict)
    checked: str | None = None
    session_maker: str = ""
    aws: Held | None = None
    aws_record: str | None = None


def profile_status(
    context: Context, found: Routes, profile: Profile, default: bool
) -> ProfileStatus:
    """Return what the disk says of `profile`. Makes no call."""
    route = routing.route_to(profile)
    record, stamp = lookup.record_of(found, route, context.environ)
    slot = context.slot(record)
    host = lookup.host()
    held = held_in(slot.find(), stamp, host)
    session = context.state_slot(inventory.session_record(profile, record)).find() or {}
    skew = 0
    if held is not None and held.fields.get("host") == host:
        skew = number(held.fields, "skew")
    ends = number(session, "expires") - number(session, "skew") if session.get("token") else 0
    refused_at = number(session, REFUSED) if session.get("grant") == stamp else 0
    ends = min(ends, refused_at or ends)
    payload = claims.payload(held.secret.reveal()) if held is not None else None
    by_key = session.get("kind") == JWT and claims.made_by_key(session["token"])
    who = claims.identity(payload) if payload else {}
    one = ProfileStatus(
        profile, default, held, slot.path, ends, not by_key, bool(refused_at), skew, who
    )
    if profile.share_session and GENERATION in session:
        one.session_maker = session.get(MAKER, "")
    if route.aws:
        record, stamp = lookup.record_of(found, route, context.environ, AWS)
        slot = context.slot(record)
        one.aws, one.aws_record = held_in(slot.find(), stamp, host), slot.path
    return one


def ask_api(context: Context, one: ProfileStatus) -> int:
    """Ask the API about a profile's token, note the answer in `one`, and return the exit status."""
    if one.held is None:
        one.checked = "no token to ask about"
        return 0
    client = wiring.client_for(context, one.profile)
    if not client.has_details:
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
