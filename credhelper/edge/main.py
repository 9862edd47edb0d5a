"""Serve a call that the cache could not answer, for a tool or a person, and end the process."""

from __future__ import annotations

import atexit
import gc
import os
import sys

from credhelper import entry
from credhelper.broker import answer
from credhelper.core.flock import EarlyLocks
from credhelper.core.text import complaint
from credhelper.edge import serve, stops
from credhelper.errors import unexpected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


# The options of all commands for people, which `get` is one of as well.
_PEOPLES = frozenset(("-q", "--quiet", "-v", "--verbose"))
# Python's 700 look for cycles a hundred times while modules are loaded, and find none.
_OBJECTS = 50_000


def main(
    name: str | None,
    program: str,
    arguments: list[str],
    stdin: bytes,
    trouble: str,
    early: EarlyLocks | None = None,
) -> NoReturn:
    """Serve one call, and end the process. Takes what `entry.main` returns.

    Parameters:
    - name: the protocol; None if a person called.
    - program, arguments: the name and the words that we were called with.
    - stdin: what was read of it.
    - trouble: why stdin is not a whole request, or "".
    - early: the locks that the warm half took.
    """
    held = early or EarlyLocks()
    gc.set_threshold(_OBJECTS)
    try:
        _fill_closed_streams()
        stops.listen()
        if name is None or (name == "get" and not _PEOPLES.isdisjoint(arguments)):
            from credhelper.broker import wiring

            wiring.admit_third_parties()
            from credhelper.cli.main import people

            status = people()
        else:
            status = serve.serve(name, program, arguments, stdin, trouble, held)
        entry.end_on_signals()  # all is written: no lock or file is left to release
        answer.tidy_up()
    except stops.Stopped as stop:
        status = 128 + stop.number
    except BrokenPipeError:
        status = 1  # the caller has closed the pipe: there is nowhere to report it
    except Exception as error:  # noqa: BLE001  # the last resort
        stopped = stops.stop_behind(error)
        if stopped is None:
            failure = unexpected(error)
            serve.write(2, complaint(failure.message, failure.hint))
            status = failure.exit_status
        else:
            status = 128 + stopped.number
    end(status, held)


def end(status: int, held: EarlyLocks) -> NoReturn:
    """End the process, and leave to the system what Python would tear down piece by piece.

    Parameters:
    - status: the exit status; 1 instead of 0 if a stream cannot take what it was given.
    - held: the locks that are still held. They go before we talk to anybody.
    """
    entry.end_on_signals()
    held.release()
    atexit._run_exitfuncs()  # what libraries have left to do: certifi, for one, unpacks a file
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:  # its handle was closed when we started
                stream.flush()
        except (OSError, ValueError):
            status = status or 1  # there is nowhere to report it
    os._exit(status)


def _fill_closed_streams() -> None:
    # Or a lock, or the connection to the API, would take the number of a stream that was closed,
    # and what is meant for the caller would go there.
    for stream in (0, 1, 2):
        try:
            os.fstat(stream)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # the lowest free number; a write still fails
