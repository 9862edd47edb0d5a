"""One place on disk: a record, the lock beside it, and the memory of its last failure."""

from __future__ import annotations

import os
from contextlib import nullcontext, suppress

from credhelper.core import paths, record
from credhelper.errors import CacheError, CredhelperError, reason
from credhelper.storage import failure_record, files, locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from credhelper.core.flock import EarlyLocks

    Enough = Callable[[Mapping[str, str]], bool]  # whether a record is good enough for a caller

OLD = ".old"
REFUSED = "refused"  # this field says when the server refused a session, in Unix seconds
_LEAST_ROOM = 16384  # bytes
_ELSEWHERE = "set CREDHELPER_CACHE_DIR and CREDHELPER_STATE_DIR to folders of your own"


class Slot:
    """The place of one record. In a folder that is not trusted it finds and saves nothing.

    Parameters: `folder`, absolute path, or None to go without; `name`, the record's file name;
    `lock_folders`, private folders to try when `folder` itself has no locks; `warn`, takes a
    warning, once, of what does not work; `alarm` and `early`, as in `storage.locks.acquire`;
    `durable`, flush the folder too; `waiting`, as `locks.Waiting`, for each wait for a lock.
    Attributes: `owner`, what each record says of whose it is; `outlives`, whether a logout that
    crosses a renewal leaves what was made to other hosts.
    """

    __slots__ = (
        *("_alarm", "_durable", "_early", "_waiting", "_warn"),
        *("folder", "lock_folders", "name", "outlives", "owner"),
    )

    def __init__(
        self,
        folder: str | None,
        name: str,
        *,
        warn: Callable[[str, str | None], None],
        lock_folders: tuple[str, ...] = (),
        alarm: bool = False,
        early: EarlyLocks | None = None,
        durable: bool = False,
        waiting: locks.Waiting | None = None,
    ) -> None:
        self.folder = folder
        self.name = name
        self.lock_folders = lock_folders
        self._warn = warn
        self._alarm = alarm
        self._early = early
        self._durable = durable
        self._waiting = waiting
        self.owner: Mapping[str, str] = {}
        self.outlives = False

    @property
    def path(self) -> str:
        """The record's file."""
        return os.path.join(self.folder or "", self.name)

    def find(self) -> dict[str, str] | None:
        """Return the record's fields; None without a record that is private. Never locks."""
        data = self._bytes() or self._bytes()  # a network disk may fail once
        return record.decode(data) if data else None

    def unreadable(self) -> bool:
        """Tell whether there is a record that we cannot read. Raises CacheError if nobody knows."""
        return bool(self.folder and files.look(self.path)) and not self._bytes()

    def _bytes(self) -> bytes | None:
        if self.folder is None or not paths.private_folder(self.folder):
            return None
        return paths.read_private(self.path)

    def writable(self) -> bool:
        """Tell whether a record could be kept, as far as the folder's mode tells."""
        return self.folder is not None and os.access(self.folder, os.W_OK)

    def room(self) -> files.Room | None:
        """Return room on the disk for the next record; None, after a warning, if there is none."""
        try:
            if self.folder is None:
                raise CacheError("there is no folder to keep it in")
            files.make_folder(self.folder)
            return files.Room(self.path, max(_LEAST_ROOM, 4 * len(self._bytes() or b"")))
        except OSError as error:
            self._warn(f"cannot write to {self.folder}: {reason(error)}", _ELSEWHERE)
        except CacheError as error:
            self._warn(error.message, error.hint or _ELSEWHERE)
        return None

    def save(self, fields: Mapping[str, str]) -> None:
        """Replace the record. Raises CacheError when the disk says no; the old one then stays.

        One that was made from another grant is set aside.
        """
        before = self.find() or {}
        if record.GIVEN in before and record.GIVEN in self.owner:
            before = {}  # it is not ours to revoke: `logout` need not find it
        if before.get("token") and fields.get("grant", before.get("grant")) != before.get("grant"):
            self.set_aside()
        self._write(self.name, {**fields, **self.owner})

    def keep(self, fields: Mapping[str, str], room: files.Room | None = None) -> bool:
        """Replace the record, and return True; if that fails, warn and return False.

        Parameters:
        - room: what `room` returned. If writing there fails, a new file is tried.
        """
        if self.folder is None:
            return False  # the caller that chose no folder has warned
        if room is not None:
            with suppress(OSError):
                room.fill(self.path, record.encode({**fields, **self.owner}))
                return True
        try:
            self.save(fields)
        except CacheError as error:
            with suppress(CacheError):
                if not self._durable and self._made_way(fields):
                    self.save(fields)
                    return True
            self._warn(f"{error.message}: what was fetched is not kept", error.hint or _ELSEWHERE)
            return False
        return True

    def _made_way(self, fields: Mapping[str, str]) -> bool:
        """Remove a record that was over before `fields` were made; tell whether there was one.

        On a full disk there is room for its successor then. Raises CacheError.
        """
        before = self.find() or {}
        if not 0 < record.number(before, "expires") <= record.number(fields, "issued"):
            return False
        self.remove()
        return True

    def has_room(self) -> bool:
        """Tell whether another record like this one could be kept."""
        return self.folder is not None and files.has_room(
            self.folder, 2 * len(paths.read_private(self.path) or b"")
        )

    def forget(self, fields: Mapping[str, str]) -> None:
        """Replace a record whose token must not be served any more by `fields`.

        On a full disk the record is removed instead. Raises CacheError when it stays.
        """
        try:
            self.save(fields)
        except CacheError:
            self.remove()
            with suppress(CacheError):  # without it, the next token may be made at once
                self.save(fields)  # there may be room now

    def remove(self, *aside: str) -> None:
        """Forget the record, its failure, and what `move_aside` returned. Raises CacheError."""
        for name in (self.name, self._failure, *aside):
            try:
                os.unlink(os.path.join(self.folder or "", name))
            except FileNotFoundError:
                continue
            except OSError as error:
                raise CacheError(f"cannot remove {self.path}: {reason(error)}") from error

    def set_aside(self) -> None:
        """Copy the record to a name where `logout` finds it and no call does. Raises CacheError."""
        fields = self.find()
        if fields:
            self._write(f"{self.name}.{os.urandom(4).hex()}{OLD}", fields)

    def move_aside(self) -> str:
        """Rename the record so that no call serves it; return its new name. Raises CacheError."""
        aside = f"{self.name}.{os.urandom(4).hex()}{OLD}"
        try:
            os.rename(self.path, os.path.join(self.folder or "", aside))
        except OSError as error:
            raise CacheError(f"cannot rename {self.path}: {reason(error)}") from error
        return aside

    def mark_gone(self, now: float) -> None:
        """Mark the logout, so that processes that are making such a record drop it.

        Parameters: `now`, Unix seconds. Raises CacheError.
        """
        self._write(_gone(self.name), {"at": str(int(now * 1000))})

    def gone_since(self, started: float, now: float) -> bool:
        """Tell whether this was logged out of since `started`; both are in Unix seconds."""
        if self.folder is None or not paths.private_folder(self.folder):
            return False
        data = paths.read_private(os.path.join(self.folder, _gone(self.name))) or b""
        at = record.number(record.decode(data) or {}, "at") / 1000
        return started <= at <= now + 1  # a time in the future is of another clock

    def lock(
        self,
        wait: float,
        *,
        second: bool = False,
        holder: str = "uses what is wanted here",
        enough: Enough | None = None,
    ) -> locks.Lock | None:
        """Return the lock of this record, or None when `wait` seconds are over.

        Parameters: `second`, for one who goes on in place of the holder; `holder`, what that does,
        for who looks on; `enough`, for a slot that hosts share. Raises Unlockable when there are no
        locks, or the record cannot be written.
        """
        if self.folder is None:
            raise locks.Unlockable("there is no folder to keep it in")
        from credhelper.storage import lock_places  # late: what the cache answers takes no lock

        shown = self._waiting if wait else None
        with shown(f"another credhelper {holder}", wait) if shown else nullcontext():
            return lock_places.acquire(
                self.folder,
                self.lock_folders,
                self.name + (".second.lock" if second else ".lock"),
                wait=wait,
                alarm=self._alarm,
                early=self._early,
                warn=self._warn,
            )

    def ask_again(self, enough: Enough) -> None:
        """Ask other hosts once more. Nobody shares this slot, so there are none."""

    def withheld(self) -> str:
        """Return why the next record may not be made here; "" as nobody shares this slot."""
        return ""

    @property
    def _failure(self) -> str:
        return self.name + ".failed"

    def remember(self, error: CredhelperError, grant: str, now: float, seconds: float) -> None:
        """Keep `error` for `seconds`, so that other processes do not repeat the call."""
        with suppress(CacheError):  # without it, the next process makes the call itself
            self._write(self._failure, failure_record.fields_of(error, grant, now, seconds))

    def failure(self, grant: str, now: float, since: float) -> CredhelperError | None:
        """Return the remembered failure if it still counts, else None.

        It counts for a process that asked before its time was over, even if it looks later: on a
        busy machine a waiter wakes up late. It does not count for another grant.

        Parameters: `now`; `since`, when this process asked, or began to wait; in Unix seconds.
        """
        if self.folder is None or not paths.private_folder(self.folder):
            return None
        data = paths.read_private(os.path.join(self.folder, self._failure))
        fields = record.decode(data) if data else None
        if fields is None or fields.get("grant") != grant:
            return None
        since = min(since, self._early.since) if self._early else since
        return failure_record.revive(fields) if failure_record.counts(fields, now, since) else None

    def _write(self, name: str, fields: Mapping[str, str]) -> None:
        if self.folder is None:
            raise CacheError("there is no folder to keep it in")
        files.make_folder(self.folder)
        path, data = os.path.join(self.folder, name), record.encode(fields)
        try:
            files.replace(path, data, durable=self._durable)
        except OSError as error:
            raise CacheError(f"cannot write to {self.folder}: {reason(error)}") from error


def _gone(name: str) -> str:
    return name[: record.BASE] + ".gone"
