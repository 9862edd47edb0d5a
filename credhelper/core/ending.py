"""How a child that renews is asked to end: it cleans up, and a refresh comes to its end."""

import _signal  # `signal` builds enums that are never used here

STOPS = (_signal.SIGHUP, _signal.SIGINT, _signal.SIGTERM)


class Ended(BaseException):
    """Somebody asked this process to end."""


def listen() -> None:
    """Raise `Ended` on a signal that asks us to end; one that is ignored stays ignored."""
    for number in STOPS:
        if _signal.getsignal(number) is not _signal.SIG_IGN:
            _signal.signal(number, _end)


def _end(number: int, frame: object) -> None:
    raise Ended
