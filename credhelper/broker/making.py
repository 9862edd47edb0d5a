"""One renewal: a token is made, looked at, and kept, unless somebody logged out meanwhile."""

from __future__ import annotations

from credhelper.core.record import NOT_YET_WAIT, Held, fields_of
from credhelper.errors import LoginRequiredError, MalformedAnswerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.broker.source import TokenSource
    from credhelper.core.model import Token


def make(source: TokenSource, held: Held | None, locked: bool, profile: str) -> Held:
    """Return a new token that is in the slot, if it can be.

    Parameters:
    - held: the token that it replaces, or None.
    - locked: whether the slot's lock is held, for the trace.
    - profile: the name of the profile that it is for.

    Raises LoginRequiredError where somebody logged out meanwhile, MalformedAnswerError for a token
    that is not valid for a long time yet, and what the renewal raises.
    """
    source.trace("renew", record=source.slot.name, locked=locked)
    started = source.clock()
    token, due = source.renew(held)
    now = source.clock()
    if source.slot.gone_since(started, now):
        raise _logged_out(source, token, profile)
    wait = token.not_before - token.skew - now
    if wait > NOT_YET_WAIT:
        raise MalformedAnswerError(
            f"the new {source.what} of profile {profile} is not valid for another {wait:.0f} s",
            hint="compare the clocks: this host's and the server's differ, or its nbf is wrong",
        )
    before = source.slot.find() or {}
    fields = fields_of(token, profile=profile, grant=source.stamp, host=source.host, before=before)
    fields |= {"due": str(due), "rejected_at": before.get("rejected_at", "0")}
    source.slot.keep(fields)
    # Once more, for a logout that could not wait for our lock.
    if source.slot.gone_since(started, source.clock()):
        source.slot.remove()
        raise _logged_out(source, token, profile)
    source.trace("renew", record=source.slot.name, expires=token.expires_at, skew=token.skew)
    # With whose it is, as everybody after us reads it.
    return Held({**fields, **source.slot.owner}, source.host)


def wait_until_valid(source: TokenSource, held: Held) -> None:
    """Sleep until a token is valid, where it is not yet."""
    wait = held.not_before - source.clock()
    if wait > 0:
        source.trace("wait", seconds=wait, reason="nbf")
        source.sleep(wait)


def _logged_out(source: TokenSource, token: Token, profile: str) -> LoginRequiredError:
    source.trace("renew", record=source.slot.name, dropped="logged out meanwhile")
    source.revoke(token)
    from credhelper.core.login import logged_out

    return logged_out(profile)
