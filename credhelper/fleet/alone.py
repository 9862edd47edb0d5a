"""How a host goes on without others: with what lives, or with a token that it makes itself."""

from __future__ import annotations

from collections.abc import Callable

from credhelper.errors import UnreachableError
from credhelper.fleet.member import Member, Said

CHECK = "credhelper fleet check"


def without_the_store(
    member: Member,
    why: str,
    warn: Callable[[str, str | None], None],
    *,
    serves: bool,
    waits: bool,
) -> Said:
    """Return how to go on while the store is in trouble.

    Parameters:
    - why: what its trouble is.
    - warn: takes a warning and a hint.
    - serves: whether something lives here that is not near its end.
    - waits: whether the caller has nothing that lives, and so would wait for others.

    Raises UnreachableError on a host that may not make a token, and has none.
    """
    if not member.leads:
        if not waits:
            return Said(False)
        raise UnreachableError(
            f"the fleet's store {member.address} gave no token, and this host makes none: {why}",
            CHECK,
        )
    if serves and not waits:
        return Said(False)  # it was only to look for the next one
    warn(f"continuing without the fleet's store {member.address}: {why}", CHECK)
    return Said(True)


def after_waiting(member: Member, seconds: float) -> Said:
    """Return how to go on when others have made nothing in time.

    Raises UnreachableError on a host that may not make a token.
    """
    if member.leads:
        return Said(True)
    raise UnreachableError(
        f"no other host has made a token within {seconds:.0f} s, and this host makes none",
        "see on a host of the fleet that has a key whether it shares its token: credhelper status",
    )
