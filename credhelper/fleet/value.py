"""Values and failures as they lie in the store: sealed, and bound to their name and generation."""

from __future__ import annotations

from collections.abc import Mapping

from credhelper.core.record import number
from credhelper.errors import TokenAPIError
from credhelper.fleet import payload
from credhelper.fleet.member import Member
from credhelper.fleet.payload import GENERATION, WHOSE
from credhelper.fleet.store import Look

_SET = 60  # seconds: two measurements of one clock do not differ by that


def sealed(member: Member, fields: Mapping[str, str], delta: float) -> bytes:
    """Return the record `fields`, sealed for other hosts.

    Parameters:
    - delta: seconds that the store's clock is ahead of ours.
    """
    bound = ["value", member.names[0], str(number(fields, GENERATION))]
    return member.ring.seal(payload.pack(fields, delta), bound)


def opened(member: Member, name: str, seen: Look, delta: float, host: str) -> dict[str, str] | None:
    """Return the record that the store has, as one of this host; None for what no key opens.

    Parameters:
    - name: under which it lies.
    - delta: seconds that the store's clock is ahead of ours.
    - host: this host's name.
    """
    text = member.ring.open(seen.value, ["value", name, str(seen.generation)])
    fields = payload.unpack(text, delta, host) if text is not None else None
    if fields is None:
        return None
    if not member.sessions:
        fields.pop(payload.SESSION_DUE, None)
    whose = member.whose(fields)
    return {**fields, **member.owned, GENERATION: str(seen.generation), WHOSE: whose}


def sealed_session(member: Member, fields: Mapping[str, str], delta: float) -> bytes:
    """Return a session, or that it was logged out of, sealed. Parameters: as for `sealed`."""
    bound = ["session", member.names[0], str(number(fields, GENERATION))]
    return member.ring.seal(payload.pack(fields, delta, payload.SESSION), bound)


def opened_session(
    member: Member, name: str, seen: Look, delta: float, host: str
) -> dict[str, str] | None:
    """Return the session that the store has, or that it was logged out of; None for neither.

    Parameters: as for `opened`.
    """
    text = member.ring.open(seen.value, ["session", name, str(seen.generation)])
    fields = payload.unpack(text, delta, host, payload.SESSION) if text is not None else None
    return fields and {**fields, **member.owned, GENERATION: str(seen.generation)}


def wrong(member: Member, fields: Mapping[str, str], held: Mapping[str, str]) -> str:
    """Return why the token in `fields` is not one for this host's profile; "" if it is.

    Parameters:
    - held: this host's record before it.
    """
    before = held.get(WHOSE) or member.whose(held)  # it may have been made without the fleet
    if before and fields[WHOSE] != before:
        return "is another account's than the one before it"
    return member.wrong(fields)


def sealed_failure(
    member: Member, error: TokenAPIError, now: float, seconds: float, fingerprint: str
) -> bytes:
    """Return a failure, sealed for other hosts. Parameters: as for `payload.pack_failure`."""
    text = payload.pack_failure(error, now, seconds, fingerprint)
    return member.ring.seal(text, ["fail", member.names[0]])


def to_take_again(
    member: Member, fields: Mapping[str, str] | None, held: Mapping[str, str]
) -> bool:
    """Tell whether this host must take a value again: its clock was set since, or its key is gone.

    Parameters: `fields`, the value as it is now, if it is good enough; `held`, as it was taken.
    """
    if fields is None:
        return False
    if abs(number(fields, "skew") - number(held, "skew")) > _SET:
        return True
    return not member.leads and fields["grant"] != held.get("grant")


def opened_failure(
    member: Member, seen: Look, waited: float
) -> tuple[TokenAPIError, str, float, int] | None:
    """Return the failure that the store has, as `payload.unpack_failure`; None for none."""
    text = member.ring.open(seen.failure, ["fail", member.names[0]])
    return payload.unpack_failure(text, seen.now, waited) if text is not None else None
