"""A new token by the shortest way that the profile allows: from its grant, or from a session.

A grant is the long-lived secret, a session is what the API refreshes, a token is what tools
receive. The client says what a session is: a psToken or a JWT.
"""

from __future__ import annotations

import time

from credhelper.config.profile import API_KEY, LOGIN, READY
from credhelper.core.model import JWT, SESSION
from credhelper.renewal.create import RETRY_AFTER, Calls, Withheld, withheld
from credhelper.renewal.jwt_session import JwtSession
from credhelper.renewal.pstoken_session import PsTokenSession
from credhelper.renewal.session import SessionRecord, due
from credhelper.renewal.whole import whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from credhelper.client.api import Client
    from credhelper.client.authorization import Authorization
    from credhelper.config.profile import Profile
    from credhelper.core.model import Token
    from credhelper.core.record import Held
    from credhelper.storage.slot import Slot


class Renewal:
    """Makes new tokens for one profile.

    Parameters:
    - profile: whose tokens they are.
    - client: of the profile's API.
    - authorize: reads the grant and returns how it authorises a create; None without a grant.
    - sessions: the slot of the session's record.
    - stamp: what can be seen of the grant now.
    - host: this host's name.
    - trace: takes one decision.
    - clock: Unix seconds.
    """

    def __init__(
        self,
        profile: Profile,
        client: Client,
        authorize: Callable[[], Authorization] | None,
        sessions: Slot,
        *,
        stamp: str,
        host: str,
        trace: Callable[..., None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.calls = Calls(profile, client, authorize, trace)
        self.record = SessionRecord(
            sessions,
            profile.name,
            kind=client.refreshes,
            stamp=stamp,
            host=host,
            trace=trace,
            revoke=self.calls.revoke,
            clock=clock,
        )
        self.clock = clock

    def renew(self, held: Held | None) -> tuple[Token, int]:
        """Return a new token, and when its session is due for refresh (0: it has none).

        Parameters:
        - held: the token in the cache, if any.

        Raises LoginRequiredError when only a person can continue, and TokenAPIError.
        """
        if not keeps_session(self.calls.profile, self.calls.client):
            return self.calls.create(), 0
        session = JwtSession if self.record.kind == JWT else PsTokenSession
        try:
            return session(self.calls, self.record, self.clock).renew(held)
        except Withheld as why:
            if self.calls.authorize is None:
                raise withheld(self.calls.profile, why) from None
            # From the grant itself: the session stays as it is.
            self.calls.trace("session", withheld=why.why)
            return self.calls.create(), int(self.clock()) + RETRY_AFTER

    def adopt(self, session: Token) -> int:
        """Hold `session` from now on, and return when it is due for refresh (0: never).

        The one before it is kept under another name, for a logout to revoke.

        Raises CacheError when it cannot be kept, and nothing could make another.
        """
        lock = self.record.lock()
        try:
            self.record.slot.set_aside()
            whole(lambda: self.record.write(session, must=self.calls.authorize is None))
        finally:
            if lock:
                lock.release()
        return due(session)


def keeps_session(profile: Profile, client: Client) -> bool:
    """Tell whether tokens of this profile come from a session that we keep."""
    if client.refreshes == JWT:
        return profile.auth not in (API_KEY, READY)  # a JWT that a key made is not refreshed
    return profile.keep_session or profile.auth == LOGIN or profile.token == SESSION
