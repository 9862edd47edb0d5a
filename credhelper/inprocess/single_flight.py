"""Blocking work beside an event loop: once in a thread, for all tasks that wait for its outcome.

Each piece of work has a thread of our own. In the loop's pool a hundred tasks behind one renewal
would leave no thread to resolve names.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from credhelper.core import threads
from credhelper.errors import UnreachableError

T = TypeVar("T")

# (event loop, what is done) -> who waits for it. Touched in the loop's own thread only.
_flights: dict[tuple[asyncio.AbstractEventLoop, Hashable], asyncio.Future[Any]] = {}


async def run(work: Callable[[], T], key: Hashable) -> T:
    """Return what `work` returns, or raise what it raises, without blocking the event loop.

    Parameters:
    - key: what is done. A caller with the same key waits for the outcome of the work in progress.

    A waiter that is cancelled leaves the work to the others. Under trio the work is done for each.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        # Not asyncio's loop: anyio, which httpx brings, knows whose it is.
        outcome: T = await sys.modules["anyio"].to_thread.run_sync(work)
        return outcome
    flight = _flights.get((loop, key))
    if flight is None:
        flight = loop.create_future()
        context = contextvars.copy_context()
        target = lambda: context.run(_carry, work, loop, flight)  # noqa: E731  # a line that says it
        # Others may wait for it only once its thread has started.
        try:
            threads.start(threading.Thread(target=target, name="credhelper", daemon=True))
        except RuntimeError as error:
            what = "could not renew beside the event loop: no more threads may be started"
            raise UnreachableError(what) from error
        _flights[loop, key] = flight
        flight.add_done_callback(lambda done: _land(loop, key, done))
    return await asyncio.shield(flight)


def going_on(key: Hashable) -> bool:
    """Tell whether `run` is doing this work already, in the event loop that is running."""
    try:
        return (asyncio.get_running_loop(), key) in _flights
    except RuntimeError:
        return False


def _carry(
    work: Callable[[], T], loop: asyncio.AbstractEventLoop, flight: asyncio.Future[T]
) -> None:
    outcome: T | None = None
    trouble: BaseException | None = None
    try:
        outcome = work()
    except BaseException as error:  # noqa: BLE001  # it is raised where it is waited for
        trouble = error
    try:
        loop.call_soon_threadsafe(_settle, flight, outcome, trouble)
    except RuntimeError:
        # The loop was closed meanwhile, and nothing waits there any more.
        for at in [at for at in list(_flights) if at[0] is loop]:
            _flights.pop(at, None)


def _settle(flight: asyncio.Future[Any], outcome: object, trouble: BaseException | None) -> None:
    if flight.done():
        return
    if trouble is not None:
        flight.set_exception(trouble)
    else:
        flight.set_result(outcome)


def _land(loop: asyncio.AbstractEventLoop, key: Hashable, flight: asyncio.Future[Any]) -> None:
    _flights.pop((loop, key), None)
    if not flight.cancelled():
        flight.exception()  # looked at, also when all who waited were cancelled
