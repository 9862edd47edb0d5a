"""The sweep of a folder of records: what expired long ago, and what dead writers left."""

from __future__ import annotations

import os

from credhelper.core.record import number
from credhelper.errors import CacheError
from credhelper.storage import leftovers, locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from credhelper.storage.slot import Slot

_LEFT_OVER = 600
_DEAD = 86400  # seconds that a token stays after its end
_DEAD_SESSION = 30 * 86400  # its end is our guess, and another config may name it
_MARKED = 3600  # seconds that a logout is remembered: no renewal takes that long


def sweep(
    slot_of: Callable[[str], Slot], folder: str, kept: str, now: float, *, sessions: bool
) -> None:
    """Remove records that are no longer needed. Never fails.

    Parameters:
    - slot_of: returns the slot of a record in that folder.
    - kept: the name of the record that was just written.
    - now: Unix seconds.
    - sessions: whether the folder holds sessions, which stay longer.
    """
    leftovers.sweep(folder, clock=lambda: now)
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                age = now - entry.stat(follow_symlinks=False).st_mtime
                if age < _LEFT_OVER:
                    continue
                if entry.name.endswith(".failed"):
                    os.unlink(entry.path)
                elif entry.name.endswith(".gone"):
                    if age >= _MARKED:
                        os.unlink(entry.path)
                elif entry.name != kept and ("." not in entry.name or entry.name.endswith(".old")):
                    _sweep_record(slot_of(entry.name), now, sessions)
    except (OSError, CacheError):
        return  # tidiness is not worth an error


def made_way(slot: Slot, fields: Mapping[str, str]) -> bool:
    """Remove a record that was over before `fields` were made; tell whether there was one.

    On a full disk there is room for its successor then. Raises CacheError.
    """
    before = slot.find() or {}
    if not 0 < number(before, "expires") <= number(fields, "issued"):
        return False
    slot.remove()
    return True


def _sweep_record(other: Slot, now: float, sessions: bool) -> None:
    if not _over(other, now, sessions):
        return
    if other.name.endswith(".old"):
        other.remove()  # its writer is dead
        return
    # Under its lock, because it may be being renewed.
    try:
        lock = other.lock(0)
    except locks.Unlockable:
        return
    if lock is None:
        return
    try:
        if _over(other, now, sessions):
            other.remove()
    finally:
        lock.release()


def _over(slot: Slot, now: float, sessions: bool) -> bool:
    found = slot.find()
    end = number(found, "expires") if found else 0
    return bool(found and end + (_DEAD_SESSION if sessions else _DEAD) < now)
