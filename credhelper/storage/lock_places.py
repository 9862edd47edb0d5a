"""Where a record's lock lies: beside it, or in another private folder where that has no locks."""

from __future__ import annotations

import os

from credhelper.errors import CacheError
from credhelper.storage import files, locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from credhelper.core.flock import EarlyLocks


def acquire(
    home: str,
    others: Iterable[str],
    name: str,
    *,
    wait: float,
    alarm: bool,
    early: EarlyLocks | None,
    warn: Callable[[str, str | None], None],
) -> locks.Lock | None:
    """Take the lock called `name` in the first folder that has locks; None when `wait` is over.

    Parameters:
    - home: the folder of the record. If that cannot be written, no other folder is tried.
    - others: private folders to try after it.
    - wait: seconds.
    - alarm, early: as for `locks.acquire`.
    - warn: takes a warning and a hint.

    Raises Unlockable where no folder has a lock.
    """
    refused: list[str] = []
    for folder in (home, *others):
        if refused and not os.access(home, os.W_OK):
            break
        try:
            files.make_folder(folder)
        except CacheError as error:
            refused.append(error.message)  # the writer of a record warns
            continue
        try:
            return locks.acquire(os.path.join(folder, name), wait=wait, alarm=alarm, early=early)
        except CacheError as error:
            warn(error.message, error.hint)
            refused.append(error.message)
        except locks.Unlockable as error:
            refused.append(str(error))
    raise locks.Unlockable("; ".join(refused) or "no private folder for a lock")
