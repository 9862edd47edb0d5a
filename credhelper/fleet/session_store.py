"""What one call asks of the store about a session that hosts share: is there a later one, may I?"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from credhelper.core.record import number
from credhelper.fleet import alone, value
from credhelper.fleet import host as hosts
from credhelper.fleet.member import Member
from credhelper.fleet.payload import ENDED, GENERATION
from credhelper.fleet.store import Look, Store, StoreError
from credhelper.fleet.turn import AGAIN, LONGEST, SHORTEST

BUSY = "another host of the fleet is renewing it"
LIFE = 30 * 86400.0  # seconds that the store keeps a session, or that there is none any more

_MOST_CHANGES = 8  # of what the store has, in one turn


class SessionStore:
    """The store, as one call of one host sees it.

    Parameters:
    - member: what this host brings.
    - record: the name of its record, for the trace.
    - host: this host's name.
    - cache: the folder that remembers when the store is left alone, or None.
    - generation: returns the generation of what this host has.
    - trace, warn, clock: take one decision; a warning and a hint; Unix seconds.

    Attributes: `leading`, whether the lease is ours; `base`, the store's generation as it was seen
    last; `moment`, the store's clock then, in milliseconds.
    """

    def __init__(
        self,
        member: Member,
        record: str,
        host: str,
        cache: str | None,
        generation: Callable[[], int],
        trace: Callable[..., None],
        warn: Callable[[str, str | None], None],
        clock: Callable[[], float],
    ) -> None:
        self.member = member
        self.leading = False
        self.base: int | None = None
        self.moment = 0
        self._record, self._host, self._cache = record, host, cache
        self._generation = generation
        self._trace, self._warn, self._clock = trace, warn, clock
        # Of this call alone: machines that are copies of one another have the same cache.
        self._owner = os.urandom(16).hex()
        self._delta = 0.0  # seconds that the store's clock is ahead of ours
        self._strange = 0  # the generation of what is no session of ours
        self._connected: Store | None = None

    @property
    def _store(self) -> Store:
        """The store, which is loaded when it is asked first. Raises StoreError."""
        self._connected = found = self._connected or self.member.connect()
        return found

    def ask(
        self,
        until: float,
        lease: float,
        good: Callable[[], bool],
        settle: Callable[[Look], bool],
    ) -> str:
        """Ask until the lease is ours, or what is here is good enough; return why it is neither.

        Parameters:
        - until: when to give up, on the monotonic clock; 0 not to wait.
        - lease: seconds; 0 only to look.
        - good: tells whether what is here is good enough.
        - settle: brings this host and the store in line; tells whether one of them has changed.

        Raises StoreError.
        """
        pause, tries, changes = SHORTEST, 0, 0
        while True:
            enough = good()
            try:
                changed = settle(self.look(0.0 if enough else lease))
            except StoreError:
                tries += 1
                if until and tries == 1:
                    time.sleep(AGAIN[0] + AGAIN[1] * hosts.chance())
                    continue
                raise
            changes += changed
            if changed and changes < _MOST_CHANGES:
                continue
            if enough or self.leading or not lease:
                return ""
            left = until - time.monotonic()
            if left <= 0:
                return BUSY
            time.sleep(min(left, pause * (0.5 + hosts.chance())))
            pause = min(pause * 1.5, LONGEST)

    def look(self, lease: float) -> Look:
        """Return what is there, and ask for the lease. Raises StoreError.

        Parameters:
        - lease: seconds; 0 only to look.
        """
        member, before = self.member, self._clock()
        after = max(self._generation(), self._strange)
        wanted = lease * member.leads
        seen = self._store.look(member.names[0], after, self._owner, wanted, despite=True)
        self._delta = seen.now - (before + self._clock()) / 2
        self.moment, self.base = int(seen.now * 1000), seen.generation
        self.leading = seen.leads if lease else self.leading
        facts = {"generation": seen.generation, "leads": seen.leads, "busy": round(seen.busy, 1)}
        self._trace("fleet", session=self._record, after=after, **facts)
        return seen

    def session(self, seen: Look) -> dict[str, str] | None:
        """Return the session that was seen, as a record of this host; None for none of ours."""
        found = self._opened(self.member.names[0], seen)
        if found is None or ENDED in found:  # what counts now is a later one
            self._strange = max(self._strange, seen.generation)
        return found

    def former(self) -> dict[str, str] | None:
        """Return the session under a former key's name. Raises StoreError."""
        for name in self.member.names[1:]:
            if found := self._opened(name, self._store.look(name, 0, self._owner, 0.0)):
                return found
        return None

    def _opened(self, name: str, seen: Look) -> dict[str, str] | None:
        member = self.member
        if not seen.value or seen.generation <= self._strange:
            return None
        theirs = value.opened_session(member, name, seen, self._delta, self._host)
        if theirs is None:
            why = (
                f"the session that the fleet's store {member.address} has: no key of ours opens it"
            )
            self._warn(f"not using {why}", alone.CHECK)
        elif theirs.get("token") and (wrong := member.wrong(theirs)):
            self._warn(f"not using the session in the fleet's store: it {wrong}", None)
            return None
        return theirs

    def publish(self, fields: Mapping[str, str]) -> bool:
        """Let other hosts have a session; tell if none of them has published since it was looked.

        Raises StoreError.
        """
        member, generation = self.member, number(fields, GENERATION)
        sealed = value.sealed_session(member, fields, self._delta)
        name, base = member.names[0], self.base or 0
        taken = self._store.publish(name, base, generation, sealed, LIFE, self._owner)
        self.leading = self.leading and not taken  # the lease has ended with it
        self._trace("fleet", session=self._record, published=taken, generation=generation)
        if taken:
            self.base = generation
        return taken

    def rests(self) -> str:
        """Return that the store is left alone, in words; "" where it may be asked."""
        address = self.member.address
        rests = hosts.rests(self._cache, address, self._clock())
        return f"the fleet's store {address} {hosts.RESTS}" if rests else ""

    def trouble(self, error: StoreError) -> str:
        """Leave the store alone for a while, and return what is wrong with it, in words."""
        self.leading = False
        self._trace("fleet", session=self._record, trouble=error.why)
        hosts.let_rest(self._cache, self.member.address, self._clock())
        return f"the fleet's store {self.member.address}: {error.why}"

    def end(self) -> None:
        """End the lease, if it is still ours, and let the connection go. Never raises."""
        if self.leading:
            self.leading = False
            with suppress(StoreError):
                self._store.release(self.member.names[0], self._owner)
        if self._connected:
            self._connected.close()
