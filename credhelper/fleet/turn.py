"""One host's turn at a shared value: it asks the store, adopts, waits, or makes the next one.

It asks one question: has the store a later generation than this host knows, or may this host make
it? The lease that it gets is for efficiency. What keeps generations in order is that publishing
compares: a value is taken only if nobody else has published since.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from credhelper.core.record import number
from credhelper.errors import CredhelperError, TokenAPIError
from credhelper.fleet import alone, payload, value
from credhelper.fleet import host as hosts
from credhelper.fleet.member import Member, Said
from credhelper.fleet.payload import GENERATION
from credhelper.fleet.store import Look, Store, StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.storage.slot import Enough

PREPARE = 10.0  # seconds of the lease in which a leader loads what a renewal takes
CALL = 22.0  # and in which it renews: the deadline of its calls, and two more
WAIT = 30.0  # seconds for other hosts, at most

SHORTEST, LONGEST = 0.03, 0.5  # seconds between two looks
AGAIN = 0.2, 0.8  # seconds before the second try of a store in trouble, and how much more
_MOST_STRANGE = 8  # later generations in one turn that are not good enough
_PAUSE = 10.0  # seconds in which a value that was rejected is not replaced


class Turn:
    """One call's turn.

    Parameters:
    - member: what this host brings.
    - record: the name of its record, for the trace.
    - folder, host: of its cache, or None; its name.
    - trace, warn, clock: take one decision; a warning and a hint; Unix seconds.

    Attributes: `leading`, whether it has the lease; `believed`, the end of the last failure of
    another host that counted here, in milliseconds on the store's clock; `since`, when the caller
    asked, in Unix seconds.
    """

    def __init__(
        self,
        member: Member,
        record: str,
        folder: str | None,
        host: str,
        trace: Callable[..., None],
        warn: Callable[[str, str | None], None],
        clock: Callable[[], float],
    ) -> None:
        self.member = member
        self.leading, self.believed, self.since = False, 0, clock()
        self._record = record
        self._folder = folder
        self._host = host
        self._trace = trace
        self._warn = warn
        self._clock = clock
        self._after = 0  # what this host knows, and finds not good enough
        self._base: int | None = None  # the store's, as it was seen last
        self._delta = 0.0  # seconds that the store's clock is ahead of ours
        self._fingerprint = ""
        self._prepared = self._despite = False
        self._connected: Store | None = None

    @property
    def _store(self) -> Store:
        """The store, which is loaded when it is asked first. Raises StoreError."""
        self._connected = found = self._connected or self.member.connect()
        return found

    def ask(self, held: Mapping[str, str], enough: Enough, most: float) -> Said:
        """Ask the store until there is an answer.

        Parameters:
        - held: this host's record, which is not good enough.
        - enough: tells whether a record is.
        - most: seconds to wait for other hosts; 0 where something that lives is held.

        Raises UnreachableError on a host that may not make a value, and has none.
        """
        began = time.monotonic()
        self._after = max(self._after, number(held, GENERATION))
        said = self._answer(held, enough, began + most if most else 0.0)
        return said._replace(waited=time.monotonic() - began)

    def glance(self, held: Mapping[str, str], enough: Enough) -> dict[str, str] | None:
        """Look once, and return a later record that is good enough. Parameters: as for `ask`."""
        with suppress(StoreError):
            return self._good(self._look(0.0), held, enough) if self._base is not None else None
        return None

    def _answer(self, held: Mapping[str, str], enough: Enough, until: float) -> Said:
        member = self.member

        def without(why: str) -> Said:
            self._trace("fleet", record=self._record, alone=why)
            serves = payload.is_spread(held) and enough({**held, "due": "0"})
            return alone.without_the_store(member, why, self._warn, serves=serves, waits=until > 0)

        if hosts.rests(self._folder, member.address, self._clock()):
            return without(f"it {hosts.RESTS}")
        pause, tries, strange = SHORTEST, 0, 0
        while True:
            try:
                seen = self._look((CALL if self._prepared else PREPARE) * member.leads)
            except StoreError as error:
                tries += 1
                if until and tries == 1:
                    time.sleep(AGAIN[0] + AGAIN[1] * hosts.chance())
                    continue
                self._rest(error)
                return without(error.why)
            found = self._good(seen, held, enough)
            if found:
                return Said(True, fields=found)
            if seen.generation > self._after:
                self._after = seen.generation  # ask for a later one
                strange += 1
                if strange < _MOST_STRANGE:
                    continue
                return without("what it has is not for us")
            if seen.failure and not self._despite:
                said = self._failed(seen)
                if said:
                    return said
                self._despite = True
                continue
            if seen.leads:
                if self._prepared or not self._prepare():
                    return Said(True)
                continue  # confirm: to load and read may have taken longer than the lease
            left = until - time.monotonic()
            if not until:
                return Said(False)
            if left <= 0:
                self._trace("fleet", record=self._record, over=WAIT)
                return alone.after_waiting(member, WAIT)
            time.sleep(min(left, pause * (0.5 + hosts.chance())))
            pause = min(pause * 1.5, LONGEST)

    def _look(self, lease: float) -> Look:
        member, before = self.member, self._clock()
        seen = self._store.look(
            member.names[0],
            self._after,
            member.owner,
            lease,
            despite=self._despite,
            waited=max(0.0, before - self.since),
        )
        self._delta = seen.now - (before + self._clock()) / 2
        self._base = seen.generation
        self.leading = seen.leads if lease else self.leading
        facts = {"generation": seen.generation, "leads": seen.leads, "busy": round(seen.busy, 1)}
        self._trace("fleet", record=self._record, after=self._after, **facts)
        return seen

    def _good(self, seen: Look, held: Mapping[str, str], enough: Enough) -> dict[str, str] | None:
        """Return the record that the store has, if it is one for us."""
        # A value that was just made, and rejected at once, is not replaced at once.
        young = 0 <= seen.now - seen.generation / 1000 < _PAUSE
        again = young and seen.generation == self._after and not held.get("token")
        same = held.get("token") and seen.generation == number(held, GENERATION)
        if seen.value and (seen.generation > self._after or again or same):
            found = self._opened(self.member.names[0], seen, held, enough)
            return found if not same or value.to_take_again(self.member, found, held) else None
        return None if seen.generation or self._prepared else self._former(held, enough)

    def _former(self, held: Mapping[str, str], enough: Enough) -> dict[str, str] | None:
        """Return the record under a former key's name, where the first name has nothing yet."""
        for name in self.member.names[1:]:
            with suppress(StoreError):
                old = self._store.look(name, self._after, self.member.owner, 0.0)
                later = old.value and old.generation > self._after
                if later and (found := self._opened(name, old, held, enough)):
                    return found
        return None

    def _opened(
        self, name: str, seen: Look, held: Mapping[str, str], enough: Enough
    ) -> dict[str, str] | None:
        member = self.member
        fields = value.opened(member, name, seen, self._delta, self._host)
        if fields is None:
            why = f"what the fleet's store {member.address} has: no key of ours opens it"
            self._warn(f"not using {why}", alone.CHECK)
            return None
        if wrong := value.wrong(member, fields, held):
            self._warn(f"not using the token in the fleet's store: it {wrong}", None)
            return None
        fields |= payload.adopted(fields, self._clock(), hosts.chance, member.margin)
        if not enough(fields):
            self._trace("fleet", record=self._record, short=seen.generation)
            return None
        self._trace("fleet", record=self._record, adopted=seen.generation, maker=fields["maker"])
        return fields

    def _failed(self, seen: Look) -> Said | None:
        """Return the failure of another host, if it counts for this one."""
        told = value.opened_failure(self.member, seen, max(0.0, self._clock() - self.since))
        if told is None:
            return None
        error, whose, left, until = told
        if until <= self.believed:
            return None  # we waited for its end already: a store may repeat itself
        if whose and self.member.leads and not self._prepared:
            self._prepare()
        if whose and self._fingerprint not in ("", whose):
            return None  # it was another grant
        self._trace("fleet", record=self._record, failed=error.code, status=error.status)
        self.believed = until
        return Said(True, error=error, left=left)

    def _prepare(self) -> bool:
        """Load what a renewal takes, and read the grant; tell if that went well."""
        try:
            self._fingerprint = self.member.prepare()
        except CredhelperError as error:  # whoever renews meets it again, and reports it
            self._trace("fleet", record=self._record, unprepared=error.code)
            return False
        self._prepared = True
        return True

    def next_generation(self) -> int:
        """Return the generation of what is made now."""
        if self._base is None:
            return self._after
        return max(self._base + 1, self._after + 1, int((self._clock() + self._delta) * 1000))

    def publish(self, fields: Mapping[str, str]) -> None:
        """Let other hosts have the record `fields`, if none of them has published since."""
        life = number(fields, "expires") - number(fields, "skew") - self._clock()
        if self._base is None or life <= 0:
            return
        member, generation, name = self.member, number(fields, GENERATION), self.member.names[0]
        sealed = value.sealed(member, fields, self._delta)
        try:
            taken = self._store.publish(name, self._base, generation, sealed, life, member.owner)
        except StoreError as error:
            self._rest(error)
            return
        self.leading = self.leading and not taken  # the lease has ended with it
        self._trace("fleet", record=self._record, published=taken, generation=generation)

    def fail(self, error: TokenAPIError, seconds: float) -> None:
        """Tell other hosts of a failure that they would meet as well, if this one leads.

        Parameters: `seconds`, how long it counts.
        """
        if not self.leading:
            return
        self.leading = False
        member, now = self.member, self._clock() + self._delta
        sealed = value.sealed_failure(member, error, now, seconds, self._fingerprint)
        with suppress(StoreError):
            self._store.release(member.names[0], member.owner, sealed, seconds)
            self._trace("fleet", record=self._record, shared=error.code)

    def end(self) -> None:
        """End the lease, if it is still ours, and let the connection go."""
        if self.leading:
            self.leading = False
            with suppress(StoreError):
                self._store.release(self.member.names[0], self.member.owner)
        if self._connected:
            self._connected.close()

    def _rest(self, error: StoreError) -> None:
        self._trace("fleet", record=self._record, trouble=error.why)
        hosts.let_rest(self._folder, self.member.address, self._clock())
