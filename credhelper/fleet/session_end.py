"""The end of a session that hosts share: all of them are logged out, and each finds that out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from credhelper.core.digest import sha256
from credhelper.core.record import number
from credhelper.fleet import value
from credhelper.fleet.member import Member
from credhelper.fleet.payload import ENDED, GENERATION, MAKER, PREVIOUS
from credhelper.fleet.session_store import LIFE
from credhelper.fleet.store import Store, StoreError

_MOST_TRIES = 8  # while other hosts write there


def digest(secret: str) -> str:
    """Return what tells a session from another one, in a sealed value."""
    return sha256(secret.encode("utf-8", "surrogatepass"))[:32]


def end_for_all(
    member: Member, store: Store, also: Mapping[str, str], clock: Callable[[], float], host: str
) -> dict[str, str]:
    """Say in the store that all hosts were logged out; return the session that was there.

    Parameters:
    - also: this host's record, which may be later than the store's.
    - clock: Unix seconds.
    - host: this host's name.

    Raises StoreError.
    """
    for _ in range(_MOST_TRIES):
        seen = store.look(member.names[0], 0, "", 0.0)
        delta = seen.now - clock()
        there = value.opened_session(member, member.names[0], seen, delta, host) or {}
        secrets = [one.get(key, "") for one in (there, also) for key in ("token", PREVIOUS)]
        later = max(seen.generation, number(also, GENERATION)) + 1
        told = {
            "kind": "session",
            GENERATION: str(max(later, int(seen.now * 1000))),
            MAKER: host,
            ENDED: ",".join(sorted({digest(one) for one in secrets if one})),
        }
        sealed = value.sealed_session(member, told, delta)
        generation = number(told, GENERATION)
        if store.publish(member.names[0], seen.generation, generation, sealed, LIFE, ""):
            return there
    raise StoreError("other hosts write there again and again")


def unrevoked(theirs: Mapping[str, str], ours: Mapping[str, str]) -> set[str]:
    """Return the secrets in `ours` that the host that ended the session did not revoke.

    Parameters:
    - theirs: what the store says of the end.
    - ours: this host's record.
    """
    revoked = theirs[ENDED].split(",")
    secrets = {ours.get(key, "") for key in ("token", PREVIOUS)} - {""}
    return {one for one in secrets if digest(one) not in revoked}
