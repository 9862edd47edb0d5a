"""A session that hosts share: on this host's disk, and sealed in a store that other hosts see.

The API may answer a refresh with another session, and the one before it is worth nothing then. So
nobody refreshes without the lease, who does writes its own disk first, and of two sessions the one
of the later generation counts. A host whose session is later than the store's puts it back: the
store may have forgotten it, or the host was stopped before it could share it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress

from credhelper.core.record import number
from credhelper.errors import CredhelperError
from credhelper.fleet import session_end
from credhelper.fleet.member import Member, UnsharedError
from credhelper.fleet.payload import ENDED, GENERATION, MAKER, PREVIOUS
from credhelper.fleet.session_store import BUSY, SessionStore
from credhelper.fleet.store import Look, StoreError
from credhelper.fleet.turn import CALL, WAIT
from credhelper.storage import locks
from credhelper.storage.slot import REFUSED, Slot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from credhelper.core.flock import EarlyLocks
    from credhelper.storage.files import Room
    from credhelper.storage.slot import Enough

_HERE = "another process of this host is using it"


class SharedSession(Slot):
    """The slot of a session that hosts share.

    Parameters:
    - alone: its slot on this host.
    - options: what all slots of this call have in common: parameters of `Slot`.
    - cache: the folder that remembers when the store is left alone, or None.
    - join: returns what this host brings. Raises CredhelperError, or UnsharedError.
    - revoke: ends a session that whoever logged all hosts out did not know.
    - stamp: of the grant, as records of this host have it.
    - host: this host's name.
    - trace, clock: take one decision; Unix seconds.
    """

    __slots__ = (
        *("_cache", "_clock", "_ended", "_host", "_join", "_kept", "_locked", "_revoke", "_stamp"),
        *("_store", "_trace", "_waits", "_why"),
    )

    def __init__(
        self,
        alone: Slot,
        *,
        options: Mapping[str, Any],
        cache: str | None,
        join: Callable[[], Member],
        revoke: Callable[[str], None],
        stamp: str,
        host: str,
        trace: Callable[..., None],
        clock: Callable[[], float],
    ) -> None:
        super().__init__(alone.folder, alone.name, durable=True, **options)
        self.owner = alone.owner
        self._waits: EarlyLocks = options["early"]
        self._cache, self._stamp, self._host = cache, stamp, host
        self._join, self._revoke, self._trace, self._clock = join, revoke, trace, clock
        self._store: SessionStore | None = None
        self._locked = self._ended = False
        self.outlives = True
        self._why = ""  # why nobody here may renew the session
        self._kept: dict[str, str] | None = None  # what the disk does not take

    def find(self) -> dict[str, str] | None:
        """Return the record's fields, as `Slot.find`."""
        return self._kept or super().find()

    def lock(
        self,
        wait: float,
        *,
        second: bool = False,
        holder: str = "uses what is wanted here",
        enough: Enough | None = None,
    ) -> locks.Lock | None:
        """Return the lock of this record, as `Slot.lock`, once the store was asked.

        What is here then is the latest session that the store knew. Unless it is good enough, the
        lease was asked for: `withheld` tells whether it is ours.

        Parameters:
        - enough: tells whether a session is to be used as it is; None to ask nobody.
        """
        if enough is None:
            return super().lock(wait, second=second, holder=holder)
        began = time.monotonic()
        try:
            lock = super().lock(wait, second=second, holder=holder)
        except locks.Unlockable:
            self._ask(0.0, enough, 0.0)  # to use what others have
            self._why = self._why or "its record cannot be locked on this host"
            self._let_go(None)
            raise
        if lock is None:
            return None
        self._locked = True
        try:
            left = max(0.0, min(wait, WAIT) - (time.monotonic() - began))
            self._ask(left, enough, CALL)
        except BaseException:
            self._let_go(lock)
            raise
        return locks.Lock(lambda: self._let_go(lock))

    def withheld(self) -> str:
        """Return why the next session may not be made here, in words; "" where the lease is ours.

        Its caller goes on at once: the lease has just been taken, or extended.
        """
        store = self._store
        if not self._locked or self._why or store is None:
            return self._why or _HERE
        try:
            changed = self._settle(store, store.look(CALL))
        except StoreError as error:
            self._why = store.trouble(error)
            return self._why
        return "" if store.leading and not changed else BUSY

    def save(self, fields: Mapping[str, str]) -> None:
        """Replace the record, as `Slot.save`, then let other hosts have it."""
        told, new = self._next(fields)
        super().save(told)
        self._kept = None
        if new:
            self._publish(told)

    def keep(self, fields: Mapping[str, str], room: Room | None = None) -> bool:
        """Replace the record, as `Slot.keep`, then let other hosts have it."""
        told, new = self._next(fields)
        kept = super().keep(told, room)
        self._kept = None if kept else {**told, **self.owner}
        if new:
            self._publish(told)
        return kept

    def remove(self, *aside: str) -> None:
        """Forget the record on this host, as `Slot.remove`."""
        self._kept = None
        super().remove(*aside)

    def gone_since(self, started: float, now: float) -> bool:
        """Tell whether this was logged out of, as `Slot.gone_since`, or on all hosts."""
        return self._ended or super().gone_since(started, now)

    def _ask(self, wait: float, enough: Enough, lease: float) -> None:
        """Ask the store until what is here is good enough, the lease is ours, or time is over."""
        try:
            store = self._store = self._store or SessionStore(
                self._join(),
                self.name,
                self._host,
                self._cache,
                lambda: number(self.find() or {}, GENERATION),
                self._trace,
                self._warn,
                self._clock,
            )
        except (CredhelperError, UnsharedError) as error:
            self._why = error.why.message if isinstance(error, UnsharedError) else error.message
            return
        self._why = store.rests()
        if self._why:
            return
        most = min(wait, self._waits.left)
        began = time.monotonic()
        shows = self._waiting if most else None
        try:
            with shows("other hosts of the fleet", most) if shows else nullcontext():
                self._why = store.ask(
                    began + most if most else 0.0,
                    lease,
                    lambda: enough(self.find() or {}),
                    lambda seen: self._settle(store, seen),
                )
        except StoreError as error:
            self._why = store.trouble(error)
        finally:
            self._ended = False  # that was before: who has a grant may begin again
            self._waits.left = max(0.0, self._waits.left - (time.monotonic() - began))

    def _settle(self, store: SessionStore, seen: Look) -> bool:
        """Take the store's session if it is later, put ours back if that is; tell if one was."""
        held = self.find() or {}
        at = number(held, GENERATION)
        ours = held if held.get("token") and held.get("grant", "") == self._stamp else {}
        theirs = store.session(seen) if seen.generation >= at else None
        if theirs is None and not seen.generation and not ours:
            theirs = store.former()
        if theirs:
            if number(theirs, GENERATION) == at and theirs.get("token") == held.get("token"):
                return False
            self._adopt(theirs, ours)
            return True
        if not ours or REFUSED in ours:
            return False
        told = ours
        if at <= seen.generation:  # other hosts must see that it is later than what lies there
            told = {**ours, GENERATION: str(max(store.moment, seen.generation + 1))}
            told.setdefault(MAKER, self._host)
            self.keep(told)
        store.publish(told)
        return True

    def _adopt(self, theirs: Mapping[str, str], ours: Mapping[str, str]) -> None:
        """Hold another host's session from now on, or none if all hosts were logged out."""
        generation = number(theirs, GENERATION)
        self._ended = ENDED in theirs
        if self._ended:
            self._trace("fleet", session=self.name, ended=generation)
            with suppress(CredhelperError):
                self.remove()
            for secret in session_end.unrevoked(theirs, ours):
                self._revoke(secret)
            return
        fields = dict(theirs)
        if ours and ours["token"] != theirs["token"]:
            fields.setdefault(PREVIOUS, ours["token"])  # it is tried if theirs is refused
        self.keep(fields)
        maker = theirs.get(MAKER, "")
        self._trace("fleet", session=self.name, adopted=generation, maker=maker)

    def _next(self, fields: Mapping[str, str]) -> tuple[dict[str, str], bool]:
        """Return `fields` with a generation, and whether it is one that other hosts do not have.

        The generation is the moment of the lease: who had it later has the later one.
        """
        if GENERATION in fields:
            return dict(fields), False
        before, store = self.find() or {}, self._store
        same = all(fields.get(key) == before.get(key) for key in ("token", "issued"))
        if same and GENERATION in before:
            return {**fields, GENERATION: before[GENERATION], MAKER: before.get(MAKER, "")}, False
        base, moment = (store.base or 0, store.moment) if store else (0, 0)
        later = max(number(before, GENERATION), base) + 1
        generation = max(later, moment or int(self._clock() * 1000))
        return {**fields, GENERATION: str(generation), MAKER: self._host}, True

    def _publish(self, fields: Mapping[str, str]) -> None:
        """Let other hosts have a session that is on this host's disk. Never raises."""
        store, why = self._store, self._why
        if store is not None and store.base is not None:
            try:
                if not store.publish(fields):
                    self._settle(store, store.look(0.0))  # somebody else has
                return
            except StoreError as error:
                why = self._why = store.trouble(error)
        message = "the session is kept here, and other hosts do not have it yet"
        self._warn(f"{message}: {why}" if why else message, "credhelper fleet check")

    def _let_go(self, lock: locks.Lock | None) -> None:
        self._locked = False
        try:
            if self._store:
                self._store.end()
        finally:
            if lock:
                lock.release()
