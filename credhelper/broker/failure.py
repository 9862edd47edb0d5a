"""What follows a failed renewal: serve the stale token, or raise the error; remember it."""

from __future__ import annotations

from credhelper.core.record import FRESH, GIVEN, held_in, judge
from credhelper.errors import LifetimeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from credhelper.broker.source import TokenSource, Wanted
    from credhelper.core.record import Held
    from credhelper.errors import CredhelperError
    from credhelper.storage.slot import Enough

DEFINITE_NO = 5.0
TROUBLE = 2.0
MOST_TROUBLE = 60.0


def remember(source: TokenSource, error: CredhelperError) -> None:
    """Keep `error` for other processes, for a few seconds or as long as the server asked."""
    if error.private:
        return
    seconds = DEFINITE_NO
    if error.retryable:
        asked = getattr(error, "retry_after", None) or TROUBLE
        seconds = min(max(asked, TROUBLE), MOST_TROUBLE)
    source.slot.remember(error, source.stamp, source.clock(), seconds)


def known(
    source: TokenSource, wanted: Wanted, held: Held | None, stale: Held | None
) -> Held | None:
    """Return the stale token where a renewal has just failed; None where one may succeed.

    Raises the failure that is remembered where nothing is stale, and LifetimeError.
    """
    now = source.clock()
    if held is not None and _hopeless(held, now, wanted.min_ttl):
        raise too_short(source, held, wanted)
    failed = source.slot.failure(source.stamp, now, wanted.since)
    return instead(source, failed, stale, wanted.profile) if failed else None


def enough(source: TokenSource, wanted: Wanted) -> Enough:
    """Return a function that tells whether a record is the best that the caller can have now."""

    def tell(fields: Mapping[str, str]) -> bool:
        held, now = held_in(fields, source.stamp, source.host), source.clock()
        state = judge(held, now, margin=wanted.margin, min_ttl=wanted.min_ttl)
        return held is not None and (state == FRESH or _hopeless(held, now, wanted.min_ttl))

    return tell


def _hopeless(held: Held, now: float, min_ttl: int) -> bool:
    # A token that was just made and lives too short shows how long the next one would live.
    return held.advertised - held.issued_at <= min_ttl and now - held.issued_at < held.lifetime / 2


def instead(source: TokenSource, error: CredhelperError, stale: Held | None, profile: str) -> Held:
    """Return the stale token after a warning; raise `error` where there is none."""
    if stale is None:
        raise error
    left = stale.expires_at - source.clock()
    source.trace("renew", record=source.slot.name, failed=error.code, served="stale")
    source.warn(
        f"could not renew profile {profile},"
        f" its {source.what} still lives {left:.0f} s: {error.message}",
        error.hint,
    )
    return stale


def too_short(source: TokenSource, held: Held, wanted: Wanted) -> LifetimeError:
    """Return the error for a life that no token which can be had now has left."""
    min_ttl = wanted.min_ttl
    if held.fields.get(GIVEN):
        left = held.advertised - source.clock()
        return LifetimeError(
            f"a token that lives another {min_ttl} s was asked for, but the one that the grant of"
            f" profile {wanted.profile} gives lives only another {left:.0f} s",
            hint="ask for less with --min-ttl (or min_ttl in the config), or have its maker give"
            " the next one earlier",
        )
    return LifetimeError(
        f"a {source.what} that lives another {min_ttl} s was asked for,"
        f" but new ones live only {held.lifetime} s,"
        f" and the last {held.expires_at - held.advertised} s are not counted on",
        hint="ask for less with --min-ttl"
        + (" (or min_ttl in the config)" if source.what == "token" else "")
        + f", or have the administrator raise the {source.what}s' lifetime",
    )
