"""A renewal: grant to session to token, by the shortest road that the profile allows.

A grant is the long-lived secret, a session is what the API refreshes, a token is what tools
receive. A session hangs on an identity of its own, so several tokens share one; it has its own
record and lock, always taken after the token's. It is written down before it is used, and the old
one is kept until the new one has worked.

What a session is the client says: a psToken, from which tokens are minted, or a JWT. That one is
the token itself, says when it ends, and stays good beside the one that it was exchanged for.
"""

from __future__ import annotations

import time

from credhelper.config.profile import API_KEY, LOGIN
from credhelper.core.model import JWT, SESSION, Secret, Token
from credhelper.core.record import number
from credhelper.errors import CacheError, LoginRequiredError, RejectedError, TokenAPIError
from credhelper.storage import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from credhelper.client.api import Client
    from credhelper.client.authorization import Authorization
    from credhelper.config.parse import Profile
    from credhelper.core.record import Held
    from credhelper.storage.slot import Slot

SESSION_WAIT = 30.0
_AGAIN = 60  # seconds, after a refresh that came to nothing
_JUST_MADE = 10  # seconds


class Renewal:
    """Makes new tokens for one profile.

    Parameters: `profile`; `client`, of the profile's API; `authorize`, reads the grant and returns
    how it authorises a create, or None for a profile that has no grant; `sessions`, the slot of the
    session's record; `stamp`, what can be seen of the grant now, since a session from another one
    is not ours; `host`, this host's name; `trace`; `clock`, Unix seconds.
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
        self.profile = profile
        self.client = client
        self.authorize = authorize
        self.sessions = sessions
        self.stamp = stamp
        self.host = host
        self.trace = trace
        self.clock = clock

    @property
    def holds_session(self) -> bool:
        """Whether tokens of this profile come from a session that we keep."""
        profile = self.profile
        if not self.mints:
            return profile.auth != API_KEY  # a JWT that a key made is not refreshed
        return profile.keep_session or profile.auth == LOGIN or profile.token == SESSION

    @property
    def mints(self) -> bool:
        """Whether the API makes tokens from a session; otherwise the session is the token."""
        return self.client.refreshes == SESSION

    def renew(self, held: Held | None) -> tuple[Token, int]:
        """Return a new token, and when its session is due for refresh (0: it has none).

        Parameters: `held`, the token in the cache, if any. Raises LoginRequiredError when only a
        person can continue, and TokenAPIError.
        """
        if not self.holds_session:
            return self._create_from_grant(session=False), 0
        session, due = self._session(held)
        if self.profile.token == SESSION or not self.mints:
            return session, due
        now = self.clock()
        if (
            held is not None
            and held.kind == JWT
            and held.due <= now < held.advertised - held.lifetime / 2
        ):
            # Only the session was due: the token itself has more than half of its life left.
            return _as_token(held), due
        return self._mint(session, due)

    def adopt(self, session: Token) -> int:
        """Hold `session` from now on, and return when it is due for refresh, in Unix seconds.

        Raises CacheError when it cannot be kept, and nothing could make another.
        """
        lock = self._lock()
        try:
            self._keep(session, None)
        finally:
            if lock:
                lock.release()
        return self._due(session)

    # --- sessions ---------------------------------------------------------------------------------

    def _session(self, held: Held | None) -> tuple[Token, int]:
        lock = self._lock()
        try:
            found = self._found()
            now = self.clock()
            over = found is not None and now >= found.expires_at - found.skew
            if found is None or (over and self.authorize is not None):
                return self._new_session(found)
            # Without a grant: its idle life is our guess, and only the server knows it is over.
            if now < self._due(found) and not self._worn(found, held):
                return found, self._due(found)
            if lock is None and self.mints:
                # Unlocked, two of us could refresh at once and one answer would be lost.
                return found, self._due(found)
            return self._refreshed(found)
        finally:
            if lock:
                lock.release()

    def _worn(self, found: Token, held: Held | None) -> bool:
        """Whether a session that is not due is the very token that shall be replaced."""
        if self.mints:
            return False
        if held is not None:
            return found.value == held.secret
        # It was refused, or its caller wants more life: nobody tells us. Or we know nothing yet,
        # together with whoever made it a moment ago.
        return self.clock() >= found.issued_at - found.skew + _JUST_MADE

    def _refreshed(self, old: Token) -> tuple[Token, int]:
        self.trace("session", refresh=self.profile.name)
        now = self.clock()
        left = old.expires_at - old.skew - now
        try:
            new = self.client.refresh(old.value)
        except RejectedError as error:
            self.trace("session", refresh=self.profile.name, failed=error.code)
            if self.authorize is not None or self.profile.token == SESSION:
                return self._new_session(old, error)
            if self.mints:
                # Perhaps only the refresh is refused. A mint tells, before a person is troubled.
                return old, int(now) + _AGAIN
            if left > 0:
                return old, int(now + max(_AGAIN, left / 2))
            raise self._ended(old, error) from error
        except TokenAPIError as error:
            self.trace("session", refresh=self.profile.name, failed=error.code)
            if left <= 0 and not self.mints:
                raise
            # It is due, not dead: go on with it as long as the server lets us.
            return old, int(now) + _AGAIN
        previous = old.value if self.mints and new.value != old.value else None
        try:
            self._keep(new, previous)
        except CacheError:
            if self.mints:
                raise
            self.trace("session", kept=False)  # what lies there stays good until it expires
        return new, self._due(new)

    def _new_session(
        self, dead: Token | None, refused: RejectedError | None = None
    ) -> tuple[Token, int]:
        if self.authorize is None:
            if dead is None:
                raise self._nobody()
            raise self._ended(dead, refused)
        if self.profile.auth == LOGIN and self.mints:
            new = self._given(self.authorize())
            if refused and dead is not None and new.value == dead.value:
                raise self._ended(dead, refused)
        else:
            try:
                new = self._create_from_grant(session=self.mints)
            except RejectedError as error:
                if self.profile.auth != LOGIN or error.status != 401:
                    raise
                raise self._ended(dead, error) from error  # of a psToken there is no other
        self._keep(new, None)
        return new, self._due(new)

    def _mint(self, session: Token, due: int) -> tuple[Token, int]:
        try:
            token = self._create_from_session(session.value)
        except RejectedError as error:
            if error.status != 401:
                raise
            return self._mint_otherwise(session, error)
        if self._previous():
            self._forget_previous(session)
        return token, due

    def _forget_previous(self, proven: Token) -> None:
        lock = self._lock()
        if lock is None:
            return  # somebody may be writing down its successor
        try:
            found = self._found()
            if found is not None and found.value == proven.value:
                self._keep(proven, None)
        finally:
            lock.release()

    def _mint_otherwise(self, refused: Token, error: RejectedError) -> tuple[Token, int]:
        """Mint though the server refused the session: from its successor or predecessor."""
        lock = self._lock()
        try:
            found = self._found()
            if found is not None and found.value != refused.value:
                return self._create_from_session(found.value), self._due(found)
            previous = self._previous()
            if previous is not None:
                self.trace("session", previous=self.profile.name)
                try:
                    token = self._create_from_session(previous)
                except RejectedError:
                    self.trace("session", previous=self.profile.name, failed="rejected")
                else:
                    older = Token(
                        previous,
                        kind=SESSION,
                        issued_at=refused.issued_at,
                        expires_at=refused.expires_at,
                        skew=refused.skew,
                        assumed=True,
                    )
                    self._keep(older, None)
                    return token, self._due(older)
            session, due = self._new_session(refused, error)
            return self._create_from_session(session.value), due
        finally:
            if lock:
                lock.release()

    # --- the record of the session --------------------------------------------------------------

    def _lock(self) -> files.Lock | None:
        try:
            return self.sessions.lock(SESSION_WAIT)
        except files.Unlockable as error:
            self.trace("session", unlocked=str(error))
            return None

    def _found(self) -> Token | None:
        fields = self._fields()
        if not fields.get("token"):
            return None
        return Token(
            Secret(fields["token"]),
            kind=self.client.refreshes,
            issued_at=number(fields, "issued"),
            expires_at=number(fields, "expires"),
            not_before=number(fields, "not_before"),
            # A skew is a fact about the clock that measured it; homes are shared between hosts.
            skew=number(fields, "skew") if fields.get("host") == self.host else 0,
            assumed=fields.get("assumed") != "0",
        )

    def _given(self, grant: Authorization) -> Token:
        """Return the psToken that is the grant itself, as a session that begins now."""
        from credhelper.client.authorization import Bearer

        assert isinstance(grant, Bearer)  # noqa: S101  # what `wiring.authorizer` makes of a psToken
        now = int(self.clock())
        return Token(
            grant.token,
            kind=SESSION,
            issued_at=now,
            expires_at=now + self.profile.session_lifetime,
            assumed=True,
        )

    def _fields(self) -> dict[str, str]:
        fields = self.sessions.find() or {}
        return fields if fields.get("grant", "") == self.stamp else {}

    def _previous(self) -> Secret | None:
        fields = self._fields()
        return Secret(fields["previous"]) if fields.get("previous") else None

    def _keep(self, session: Token, previous: Secret | None) -> None:
        fields = {
            "profile": self.profile.name,
            "kind": session.kind,
            "grant": self.stamp,
            "host": self.host,
            "issued": str(session.issued_at),
            "not_before": str(session.not_before),
            "expires": str(session.expires_at),
            "assumed": str(int(session.assumed)),
            "skew": str(session.skew),
            "token": session.value.reveal(),
        }
        if previous is not None:
            fields["previous"] = previous.reveal()
        try:
            self.sessions.save(fields)
        except CacheError:
            if self.authorize is None:
                raise  # it cannot be made again: better to stop than to lose it
            self.trace("session", kept=False)

    def _due(self, session: Token) -> int:
        # Half of the idle life leaves as much time again for the next caller to come by.
        return session.issued_at - session.skew + (session.expires_at - session.issued_at) // 2

    # --- calls ------------------------------------------------------------------------------------

    def _create_from_grant(self, *, session: bool) -> Token:
        if self.authorize is None:
            raise self._nobody()
        profile = self.profile
        self.trace("api", create=profile.name, session=session)
        if session:
            return open_session(self.client, self.authorize(), profile)
        return make_token(self.client, self.authorize(), profile)

    def _create_from_session(self, session: Secret) -> Token:
        from credhelper.client.authorization import Bearer

        profile = self.profile
        self.trace("api", mint=profile.name)
        return make_token(self.client, Bearer(session), profile)

    # --- what only a person can mend ------------------------------------------------------------

    def _nobody(self) -> LoginRequiredError:
        name = self.profile.name
        return LoginRequiredError(
            f"nobody is logged in to profile {name}", hint=f"credhelper login --profile {name}"
        )

    def _ended(self, dead: Token | None, error: RejectedError | None) -> LoginRequiredError:
        name = self.profile.name
        idle = dead is not None and self.clock() >= dead.expires_at - dead.skew
        told = (" while idle" if idle else "") + (f": {error.message}" if error else "")
        return LoginRequiredError(
            f"the session of profile {name} has ended{told}",
            hint=f"credhelper login --profile {name}",
        )


def open_session(client: Client, authorization: Authorization, profile: Profile) -> Token:
    """Return a new psToken for `profile`: several tokens hang on it, so it knows no project."""
    return client.create(
        authorization,
        client_id=profile.client_id,
        domain=profile.domain,
        data=profile.data,
        return_session_token=True,
    )


def make_token(client: Client, authorization: Authorization, profile: Profile) -> Token:
    """Return a new JWT for `profile`, created from its grant or minted from its session."""
    return client.create(
        authorization,
        client_id=profile.client_id,
        domain=profile.domain,
        data=profile.data,
        scopes=profile.scopes,
        cwid=profile.cwid,
        cid=profile.cid,
    )


def _as_token(held: Held) -> Token:
    fields = held.fields
    return Token(
        held.secret,
        kind=held.kind,
        issued_at=number(fields, "issued"),
        expires_at=number(fields, "expires"),
        not_before=number(fields, "not_before"),
        skew=number(fields, "skew"),
        assumed=fields.get("assumed") == "1",
    )
