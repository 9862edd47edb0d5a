"""Work that must end in time, whether or not it heeds a timeout."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from credhelper.core import threads

WORKER = "credhelper-exchange"
_STOPPED = 1.0  # seconds by which a process wakes up late only if it was stopped

T = TypeVar("T")


def within(seconds: float, work: Callable[[], T]) -> T | None:
    """Return what `work` returns, or None if it takes longer.

    Name resolution heeds no timeout, so the work is left behind in its thread when its time is
    over. The connection's own budget ends it soon after. A process that was stopped until then has
    a moment to read what has come meanwhile: it may be a session that nobody gets again.

    Parameters:
    - seconds: how long to wait; none at all if it is not above 0.
    - work: is called in a thread of its own, named `WORKER`.

    Raises RuntimeError when no more threads may be started, and what `work` raises.
    """
    done: list[T] = []
    broken: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:  # noqa: BLE001  # carried to the caller's thread
            broken.append(error)

    thread = threading.Thread(target=run, name=WORKER, daemon=True)
    threads.start(thread)
    began = time.monotonic()
    thread.join(max(0.0, seconds))
    if thread.is_alive() and time.monotonic() - began - max(0.0, seconds) > _STOPPED:
        thread.join(_STOPPED)
    if broken:
        raise broken[0]
    return done[0] if done else None
