"""A slot that hosts share: the one on disk, and behind it a store that other hosts see as well.

The file is the first level. Only who finds nothing good enough there asks the store.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress

from credhelper.core import paths, record
from credhelper.core.record import number
from credhelper.errors import CacheError, CredhelperError, TokenAPIError
from credhelper.fleet import host as hosts
from credhelper.fleet import payload
from credhelper.fleet.member import Member, UnsharedError
from credhelper.fleet.payload import GENERATION, MAKER, WHOSE
from credhelper.fleet.turn import WAIT, Turn
from credhelper.storage import failure_record, locks
from credhelper.storage.slot import Slot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from credhelper.core.flock import EarlyLocks
    from credhelper.storage.files import Room
    from credhelper.storage.slot import Enough

_END = "fleet_end"  # a field of a failure that another host had


class SharedSlot(Slot):
    """A slot whose record hosts share.

    Parameters, beside those of `Slot`:
    - join: returns what this host brings; called when the file is not good enough. Raises
      UnsharedError where it goes on alone, CredhelperError where it cannot.
    - stamp: of the grant, as records of this host have it.
    - host: this host's name.
    - trace: takes one decision.
    - clock: Unix seconds.
    """

    __slots__ = (
        "_clock",
        "_failed",
        "_host",
        "_join",
        "_kept",
        "_stamp",
        "_trace",
        "_turn",
        "_waits",
    )

    def __init__(
        self,
        folder: str | None,
        name: str,
        *,
        warn: Callable[[str, str | None], None],
        lock_folders: tuple[str, ...],
        alarm: bool,
        early: EarlyLocks,
        waiting: Callable[[str, float], AbstractContextManager[None]] | None,
        join: Callable[[], Member],
        stamp: str,
        host: str,
        trace: Callable[..., None],
        clock: Callable[[], float],
    ) -> None:
        super().__init__(
            folder,
            name,
            warn=warn,
            lock_folders=lock_folders,
            alarm=alarm,
            early=early,
            waiting=waiting,
        )
        self._waits = early
        self._join = join
        self._stamp = stamp
        self._host = host
        self._trace = trace
        self._clock = clock
        self._turn: Turn | None = None
        # What this process knows, where the disk does not take it.
        self._kept: dict[str, str] | None = None
        self._failed: CredhelperError | None = None

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
        """Return the lock of this record, as `Slot.lock`, once other hosts were asked.

        If another host has a good one, it is in the file by then. If another host's renewal has
        failed, that is remembered by then.

        Parameters:
        - enough: tells whether a record is good enough for the caller; None to ask no other host.

        Raises UnreachableError on a host that may not renew and has nothing, beside what
        `Slot.lock` raises.
        """
        if enough is None:
            return super().lock(wait, second=second, holder=holder)
        began = self._clock()
        lock, unlockable = None, None
        try:
            lock = super().lock(wait, second=second, holder=holder)
        except locks.Unlockable as error:
            unlockable = error
        if lock is None and unlockable is None:
            return None
        try:
            leads = self._asked(wait, enough, began)
        except BaseException:
            self._let_go(lock)
            raise
        if not leads:
            self._let_go(lock)
            return None
        if unlockable and not (self._turn and self._turn.leading):
            self._let_go(None)
            raise unlockable
        return locks.Lock(lambda: self._let_go(lock))

    def _asked(self, wait: float, enough: Enough, began: float) -> bool:
        """Ask the store, unless another process here was first; False to serve what is held."""
        fields = self.find() or {}
        if enough(fields) or self.failure(self._stamp, self._clock(), began):
            return True
        turn = self._turn
        if turn is None:
            try:
                member = self._join()
            except UnsharedError as error:
                self._trace("fleet", record=self.name, alone=error.why.message)
                self._warn(f"continuing without the fleet: {error.why.message}", error.why.hint)
                return True
            except CredhelperError:
                if wait:
                    raise
                return False  # something lives
            turn = self._turn = Turn(
                member, self.name, self.folder, self._host, self._trace, self._warn, self._clock
            )
        turn.believed = max(turn.believed, self._believed())
        turn.since = min(began, self._waits.since)
        most = min(WAIT, self._waits.left) if wait else 0.0
        shows = self._waiting if most else None
        with shows("other hosts of the fleet", most) if shows else nullcontext():
            said = turn.ask(fields, enough, most)
        self._waits.left = max(0.0, self._waits.left - said.waited)
        if said.error:
            self._believe(said.error, said.left, turn.believed)
        elif said.fields:
            self._adopt(said.fields)
        return said.goes_on

    def _believed(self) -> int:
        """Return the end of the last failure of another host that counted here."""
        data = paths.read_private(os.path.join(self.folder or "", self._failure))
        return number(record.decode(data) or {} if data else {}, _END)

    def _believe(self, error: TokenAPIError, seconds: float, end: int) -> None:
        """Let a failure of another host count here. Parameters: its end, as in `Turn.believed`."""
        self._failed = error  # in case that the disk does not take it
        fields = failure_record.fields_of(error, self._stamp, self._clock(), seconds)
        with suppress(CacheError):
            self._write(self._failure, {**fields, _END: str(end)})

    def _adopt(self, fields: Mapping[str, str]) -> None:
        rejected = (self.find() or {}).get("rejected_at", "0")
        self._keep({**fields, "rejected_at": rejected})

    def ask_again(self, enough: Enough) -> None:
        """Ask other hosts once more: they may have gone on while this process was stopped."""
        found = self._turn.glance(self.find() or {}, enough) if self._turn else None
        if found:
            self._adopt(found)

    def keep(self, fields: Mapping[str, str], room: Room | None = None) -> bool:
        """Replace the record, as `Slot.keep`, and let other hosts have it."""
        turn, before = self._turn, self.find() or {}
        margin = turn.member.margin if turn else payload.MARGIN
        told = {
            **fields,
            **payload.spread(fields, self._clock(), hosts.chance(), margin),
            MAKER: self._host,
        }
        shares = turn is not None and turn.member.sessions
        if fields.get("token") == before.get("token") and GENERATION in before:
            told = {**before, **told, MAKER: before.get(MAKER, "")}
            if not shares:
                # Only its session was due: for other hosts nothing has changed.
                return self._keep(told, room)
        if turn is None:
            return self._keep(told, room)
        told |= {GENERATION: str(turn.next_generation()), WHOSE: turn.member.whose(fields)}
        kept = self._keep(told, room)
        more = {}
        if shares and number(fields, "due"):
            more[payload.SESSION_DUE] = str(number(fields, "due") + number(fields, "skew"))
        turn.publish({**told, **self.owner, **more})
        return kept

    def forget(self, fields: Mapping[str, str]) -> None:
        """Replace the record, as `Slot.forget`; the next one is of a later generation."""
        before = self.find() or {}
        more = {key: before[key] for key in (GENERATION, WHOSE) if key in before}
        self._kept = None
        super().forget({**fields, **more})

    def remember(self, error: CredhelperError, grant: str, now: float, seconds: float) -> None:
        """Keep `error`, as `Slot.remember`; what the server said counts for other hosts, too."""
        super().remember(error, grant, now, seconds)
        if self._turn and isinstance(error, payload.SHARED) and error.status:
            self._turn.fail(error, seconds)

    def failure(self, grant: str, now: float, since: float) -> CredhelperError | None:
        """Return the failure that counts, as `Slot.failure`."""
        return self._failed or super().failure(grant, now, since)

    def _keep(self, fields: Mapping[str, str], room: Room | None = None) -> bool:
        kept = super().keep(fields, room)
        self._kept = None if kept else {**fields, **self.owner}
        return kept

    def _let_go(self, lock: locks.Lock | None) -> None:
        try:
            if self._turn:
                self._turn.end()
        finally:
            if lock:
                lock.release()
