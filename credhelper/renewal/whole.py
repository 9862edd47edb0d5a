"""Work that is done whole, though somebody asks this process to end in the middle of it.

A refresh may make the old session worthless. A stop between its sending and the new session on disk
would lose the login, so the stop waits.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TypeVar

from credhelper.core import threads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST = 25.0  # seconds: a call of the API has 20, and a disk some more

_Result = TypeVar("_Result")


def whole(work: Callable[[], _Result], longest: float = _LONGEST) -> _Result:
    """Return what `work` returns. A stop that is raised meanwhile is raised when it is done.

    It runs in a thread of its own, so this holds for any signal and any handler that raises.

    Parameters:
    - work: ends by itself.
    - longest: seconds from the start that a stop waits.
    """
    ends = time.monotonic() + longest
    gate = threading.Lock()
    state: list[str] = []
    done = threading.Event()
    results: list[_Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        with gate:
            if state:
                return  # called off
            state.append("begun")
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001  # carried to the caller's thread
            errors.append(error)
        finally:
            done.set()

    try:
        threads.start(threading.Thread(target=run, name="credhelper-renewal", daemon=True))
        done.wait()
    except RuntimeError:
        run()  # no more threads may be started
    except BaseException:
        with gate:
            begun = bool(state)
            state.append("called off")
        while begun and not done.is_set() and time.monotonic() < ends:
            with suppress(BaseException):  # asked again: the first one is raised below
                done.wait(max(0.0, ends - time.monotonic()))
        raise
    if errors:
        raise errors[0]
    return results[0]
