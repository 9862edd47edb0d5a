"""A session that is a JWT, as v2 has it: it is the token itself.

It says when it ends, and a refresh gives another one, beside which the old one stays good. So
nothing is lost with an answer or a record: a refresh may happen without the lock. The API refreshes
none that an API key made. Such a JWT says so, and nobody is asked.
"""

from __future__ import annotations

from credhelper.config.profile import LOGIN
from credhelper.errors import RejectedError, TokenAPIError
from credhelper.renewal.create import RETRY_AFTER, Withheld, ended, not_refreshed
from credhelper.renewal.session import due, is_due, over, refreshable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from credhelper.core.model import Token
    from credhelper.core.record import Held
    from credhelper.renewal.create import Calls
    from credhelper.renewal.session import SessionRecord

_JUST_MADE = 10  # seconds


class JwtSession:
    """The JWT of one profile, which is session and token.

    Parameters: as for `PsTokenSession`.
    """

    def __init__(self, calls: Calls, record: SessionRecord, clock: Callable[[], float]) -> None:
        self.calls = calls
        self.profile = calls.profile
        self.record = record
        self.clock = clock

    def renew(self, held: Held | None) -> tuple[Token, int]:
        """Return a new token, and when it is due for refresh (0: never).

        Parameters:
        - held: the old token.
        """
        lock = self.record.lock(wait=held is None)
        try:
            found = self.record.read()
            now = self.clock()
            # Without a grant the server decides whether it is over.
            if found is None or (over(found, now) and self.calls.authorize is not None):
                return self._new(found)
            if not is_due(found, now) and not self._is_the_old_one(found, held):
                return found, due(found)
            return self._refreshed(found)
        finally:
            if lock:
                lock.release()

    def _is_the_old_one(self, found: Token, held: Held | None) -> bool:
        """Tell whether the session on disk is the very token that shall be replaced."""
        if held is not None:
            return found.value == held.secret
        # No token is held: it was refused, or its caller wants more life, or this process has just
        # begun, together with the one that made the session a moment ago.
        return self.clock() >= found.issued_at - found.skew + _JUST_MADE

    def _refreshed(self, old: Token) -> tuple[Token, int]:
        now = self.clock()
        left = old.expires_at - old.skew - now
        if not refreshable(old):
            self.calls.trace("session", refresh=self.profile.name, skipped="an API key made it")
            if self.calls.authorize is not None:
                return self._new(old)
            if left <= 0:
                raise not_refreshed(self.profile)
            return old, 0
        if why := self.record.withheld():
            if left <= 0:
                raise Withheld(why)
            return self.record.read() or old, int(now) + RETRY_AFTER
        try:
            new = self.calls.refresh(old)
        except RejectedError as error:
            if self.calls.authorize is not None:
                return self._new(old)
            if left <= 0:
                raise ended(self.profile, old, error, self.clock()) from error
            return old, int(now + max(RETRY_AFTER, left / 2))
        except TokenAPIError:
            if left <= 0:
                raise
            return old, int(now) + RETRY_AFTER
        self.record.write(new)
        return new, due(new)

    def _new(self, dead: Token | None) -> tuple[Token, int]:
        if why := self.record.withheld():
            raise Withheld(why)
        try:
            new = self.calls.create()
        except RejectedError as error:
            if self.profile.auth != LOGIN or error.status != 401:
                raise
            # The grant is a psToken, and no other can be had with it.
            if dead is not None:
                self.record.refuse(dead)
            raise ended(self.profile, dead, error, self.clock()) from error
        self.record.write(new)
        return new, due(new)
