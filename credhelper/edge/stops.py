"""Signals that ask us to end: raised as an exception, found again behind another error."""

from __future__ import annotations

import os
import sys
import time

from credhelper import entry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType


_WAY_OUT = 30.0  # seconds, more than a refresh is waited for


class Stopped(BaseException):
    """A signal asked us to end; locks and temporary files are let go on the way out."""

    def __init__(self, number: int) -> None:
        self.number = number


def stop_behind(error: BaseException) -> Stopped | None:
    """Return the stop that became `error`: while a class is made, Python wraps what is raised."""
    at: BaseException | None = error
    while at is not None and not isinstance(at, Stopped):
        at = at.__cause__ or at.__context__
    return at


def listen() -> None:
    """Raise `Stopped` on a signal that asks us to end, and end even where nothing can be raised."""
    import _signal

    sys.unraisablehook = _met_where_nothing_can_be_raised

    until = 0.0

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal until
        # We are ending already: a second signal must not interrupt the clean-up.
        if time.monotonic() >= until:
            until = time.monotonic() + _WAY_OUT
            raise Stopped(number)

    for number in entry.STOPS:
        # A caller's nohup stays: what is ignored is left ignored.
        if _signal.getsignal(number) is not _signal.SIG_IGN:
            _signal.signal(number, stop)


def _met_where_nothing_can_be_raised(what: sys.UnraisableHookArgs) -> None:
    # In a destructor Python would print the stop and go on. Any other error there is harmless, and
    # what it would print might hold a secret.
    if isinstance(what.exc_value, Stopped):
        os._exit(128 + what.exc_value.number)
