"""The session's record: one session on disk, the one before it, and its lock.

A session hangs on an identity of its own, and several tokens share it. So it has its own record and
its own lock, which is always taken after the token's.
"""

from __future__ import annotations

from contextlib import suppress

from credhelper.client import claims
from credhelper.core import flock
from credhelper.core.login import logged_out
from credhelper.core.model import JWT, Secret, Token
from credhelper.core.record import fields_of, held_in
from credhelper.errors import CacheError
from credhelper.storage import locks
from credhelper.storage.slot import REFUSED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from credhelper.core.model import Kind
    from credhelper.storage.files import Room
    from credhelper.storage.slot import Slot

_AHEAD = 10.0  # seconds


class SessionRecord:
    """One session on disk.

    Parameters:
    - slot: where it lies.
    - profile: the profile's name, for people who read the record.
    - kind: of the session, `session` (a psToken) or `jwt`.
    - stamp: what can be seen of the grant now. A session from another grant is not ours.
    - host: this host's name.
    - trace: takes one decision.
    - revoke: ends a session that somebody logged out of while it was being made.
    - clock: Unix seconds.
    """

    def __init__(
        self,
        slot: Slot,
        profile: str,
        *,
        kind: Kind,
        stamp: str,
        host: str,
        trace: Callable[..., None],
        revoke: Callable[[Token], None],
        clock: Callable[[], float],
    ) -> None:
        self.slot = slot
        self.profile = profile
        self.kind = kind
        self.stamp = stamp
        self.host = host
        self.trace = trace
        self.revoke = revoke
        self.clock = clock
        self.started = clock()

    def lock(self, *, wait: bool = True, refused: Secret | None = None) -> locks.Lock | None:
        """Return the session's lock, held; None where there can be none, or not in time.

        Parameters:
        - wait: whether to wait for a process that uses the session.
        - refused: a session that is not to be used as it is.
        """

        def enough(fields: Mapping[str, str]) -> bool:
            held, now = held_in(fields, self.stamp, self.host), self.clock()
            found = held.token() if held else None
            fit = found is not None and found.value != refused
            return fit and found is not None and not is_due(found, now) and not over(found, now)

        try:
            holder = f"uses the session of profile {self.profile}"
            return self.slot.lock(flock.WAIT if wait else 0, holder=holder, enough=enough)
        except locks.Unlockable as error:
            self.trace("session", unlocked=str(error))
            return None

    def withheld(self) -> str:
        """Return why the next session may not be made now, as hosts share it; "" where it may."""
        return self.slot.withheld()

    def read(self) -> Token | None:
        """Return the session, or None if there is none from this grant."""
        held = held_in(self.slot.find(), self.stamp, self.host)
        return held.token() if held else None

    def previous(self) -> Secret | None:
        """Return the psToken before this one, while this one has not worked yet."""
        held = held_in(self.slot.find(), self.stamp, self.host)
        previous = held and held.fields.get("previous")
        return Secret(previous) if previous else None

    def unproven(self) -> bool:
        """Tell whether the record says something that a session that works makes untrue."""
        held = held_in(self.slot.find(), self.stamp, self.host)
        return held is not None and not {"previous", REFUSED}.isdisjoint(held.fields)

    def refuse(self, session: Token) -> None:
        """Note that the server refused `session`: what looks at it without a network can tell."""
        held = held_in(self.slot.find(), self.stamp, self.host)
        if held is not None and held.secret == session.value and self.slot.writable():
            with suppress(CacheError):
                self.slot.save({**held.fields, REFUSED: str(int(self.clock()))})

    def room(self) -> Room | None:
        """Return room on the disk for the next session; None, after a warning, if there is none."""
        return self.slot.room()

    def write(
        self,
        session: Token,
        previous: Secret | None = None,
        *,
        room: Room | None = None,
        must: bool = False,
    ) -> None:
        """Put `session` on disk.

        Parameters:
        - previous: the psToken before it, kept until this one has worked.
        - room: what `room` returned.
        - must: whether a session that cannot be kept is an error, because no token has come
          from it yet. Otherwise it is a warning, and its token is still served.

        Raises CacheError, if it must be kept and the disk says no, and LoginRequiredError when
        somebody has logged out since this renewal began.
        """
        if not self.slot.outlives:
            self._hold_to_login(session)
        fields = fields_of(
            session,
            profile=self.profile,
            grant=self.stamp,
            host=self.host,
            before=self.slot.find(),
        )
        if previous is not None:
            fields["previous"] = previous.reveal()
        if must:
            self.slot.save(fields)
        elif not self.slot.keep(fields, room):
            self.trace("session", kept=False)
        # Once more, for a logout that could not wait for our lock.
        self._hold_to_login(session)

    def _hold_to_login(self, session: Token) -> None:
        if self.slot.gone_since(self.started, self.clock()):
            self.slot.remove()
            self.trace("session", dropped="logged out meanwhile")
            if not self.slot.outlives:
                self.revoke(session)
            raise logged_out(self.profile)


def refreshable(session: Token) -> bool:
    """Tell whether the API refreshes `session`: no JWT that an API key made."""
    return session.kind != JWT or not claims.made_by_key(session.value.reveal())


def due(session: Token) -> int:
    """Return when `session` must be refreshed, in Unix seconds on our clock; 0 for never."""
    if not refreshable(session):
        return 0
    # Half of the idle life leaves as much time again for the next caller to come by.
    return session.issued_at - session.skew + (session.expires_at - session.issued_at) // 2


def is_due(session: Token, now: float) -> bool:
    """Tell whether `session` must be refreshed: also one that a clock ahead dated to the future."""
    if not refreshable(session):
        return False
    return now >= due(session) or session.issued_at - session.skew - now > _AHEAD


def over(session: Token, now: float) -> bool:
    """Tell whether `session` has reached its end. Of a psToken that is only our guess."""
    return now >= session.expires_at - session.skew
