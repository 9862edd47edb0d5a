"""A session that is a psToken, as v1 has it: tokens are minted from it.

A refresh may give another psToken. That one is on disk before it is used, and the old one is kept
until the new one has worked: an answer that is lost would lose the session.
"""

from __future__ import annotations

from credhelper.config.profile import LOGIN
from credhelper.core.model import JWT, SESSION, Secret, Token
from credhelper.errors import LoginRequiredError, RejectedError, TokenAPIError
from credhelper.renewal.create import RETRY_AFTER, Withheld, ended, not_logged_in
from credhelper.renewal.session import due, is_due, over
from credhelper.renewal.whole import whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from credhelper.core.record import Held
    from credhelper.renewal.create import Calls
    from credhelper.renewal.session import SessionRecord
    from credhelper.storage.files import Room


class PsTokenSession:
    """The psToken of one profile.

    Parameters:
    - calls: of the profile's API.
    - record: of the session.
    - clock: Unix seconds.
    """

    def __init__(self, calls: Calls, record: SessionRecord, clock: Callable[[], float]) -> None:
        self.calls = calls
        self.profile = calls.profile
        self.record = record
        self.clock = clock

    def renew(self, held: Held | None) -> tuple[Token, int]:
        """Return a new token, and when its session is due.

        Parameters:
        - held: the old token.
        """
        session, session_due = self._current(wait=held is None)
        if self.profile.token == SESSION:
            return session, session_due
        if held is not None and held.kind == JWT:
            half = held.advertised - held.lifetime / 2
            if held.due <= self.clock() < half:
                return held.token(), session_due  # only the session was due
        try:
            token = self.calls.mint(session.value)
        except RejectedError as error:
            if error.status != 401:
                raise
            return self._mint_otherwise(session, error, held)
        if self.record.unproven():
            self._note_proven(session)
        return token, session_due

    def _current(self, *, wait: bool) -> tuple[Token, int]:
        """Return the session, refreshed or made anew if it is time, and when it is due.

        Parameters:
        - wait: whether to wait for a process that uses it: not while a token lives.
        """
        lock = self.record.lock(wait=wait)
        try:
            found = self.record.read()
            now = self.clock()
            # Its end is our guess. Without a grant only the server can say that it is over.
            if found is None or (over(found, now) and self.calls.authorize is not None):
                return self._new(found)
            if not is_due(found, now):
                return found, due(found)
            # Without a lock two processes could refresh at once, and one answer would be lost.
            if lock is None or self.record.withheld():
                return self.record.read() or found, int(now) + RETRY_AFTER
            return self._refreshed(found)
        finally:
            if lock:
                lock.release()

    def _refreshed(self, old: Token) -> tuple[Token, int]:
        room = self.record.room()
        if room is None:
            # The new session could not be kept, and the old one might be dead.
            return old, int(self.clock()) + RETRY_AFTER
        try:
            new = whole(lambda: self._exchanged(old, room))
        except RejectedError as error:
            if self.calls.authorize is not None or self.profile.token == SESSION:
                return self._new(old, error)
            # Perhaps only the refresh is refused. A mint tells, before a person is troubled.
            return old, int(self.clock()) + RETRY_AFTER
        except TokenAPIError:
            # It is due, not dead: go on with it as long as the server lets us.
            return old, int(self.clock()) + RETRY_AFTER
        finally:
            room.give_back()
        return new, due(new)

    def _exchanged(self, old: Token, room: Room) -> Token:
        new = self.calls.refresh(old)
        previous = old.value if new.value != old.value else None
        self.record.write(new, previous, room=room)
        return new

    def _new(self, dead: Token | None, refused: RejectedError | None = None) -> tuple[Token, int]:
        if why := self.record.withheld():
            raise Withheld(why)
        if self.calls.authorize is None:
            if dead is None:
                raise not_logged_in(self.profile)
            raise self._ended(dead, refused)
        if self.profile.auth == LOGIN:
            new = self._given()
            if refused and dead is not None and new.value == dead.value:
                raise self._ended(dead, refused)
        else:
            new = self.calls.open_session()
        self.record.write(new)
        return new, due(new)

    def _ended(self, dead: Token, refused: RejectedError | None) -> LoginRequiredError:
        if refused is not None:
            self.record.refuse(dead)
        return ended(self.profile, dead, refused, self.clock())

    def _given(self) -> Token:
        """Return the psToken that is the grant itself, as a session that begins now."""
        from credhelper.client.authorization import Bearer

        grant = self.calls.authorize and self.calls.authorize()
        assert isinstance(grant, Bearer)  # noqa: S101  # what `wiring.authorizer` makes of a psToken
        now = int(self.clock())
        return Token(
            grant.token,
            kind=SESSION,
            issued_at=now,
            expires_at=now + self.profile.session_lifetime,
            assumed=True,
        )

    def _note_proven(self, proven: Token) -> None:
        lock = self.record.lock(wait=False)
        if lock is None:
            return  # somebody may be writing down its successor
        try:
            found = self.record.read()
            if found is not None and found.value == proven.value:
                self.record.write(proven)
        finally:
            lock.release()

    def _mint_otherwise(
        self, refused: Token, error: RejectedError, held: Held | None
    ) -> tuple[Token, int]:
        """Mint though the server refused the session: from another one.

        Parameters:
        - refused: the session that the server refused, with `error`.
        - held: the old token. While it lives, another process may take its time with the session.
        """
        lock = self.record.lock(wait=held is None, refused=refused.value)
        try:
            if lock is None and held is not None:
                return held.token(), int(self.clock()) + RETRY_AFTER
            found = self.record.read()
            if found is not None and found.value != refused.value:
                return self.calls.mint(found.value), due(found)  # its successor
            previous = self.record.previous()
            minted = self._mint_from_previous(previous, refused) if previous is not None else None
            if minted is not None:
                return minted
            session, session_due = self._new(refused, error)
            return self.calls.mint(session.value), session_due
        finally:
            if lock:
                lock.release()

    def _mint_from_previous(self, previous: Secret, refused: Token) -> tuple[Token, int] | None:
        trace, name = self.calls.trace, self.profile.name
        trace("session", previous=name)
        try:
            token = self.calls.mint(previous)
        except RejectedError:
            trace("session", previous=name, failed="rejected")
            return None
        older = Token(
            previous,
            kind=SESSION,
            issued_at=refused.issued_at,
            expires_at=refused.expires_at,
            skew=refused.skew,
            assumed=True,
        )
        if not self.record.withheld():
            self.record.write(older)
        return token, due(older)
