"""The processes of one test among all that run on this machine."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

_PATIENCE = 30.0


def below(folder: Path) -> Iterator[int]:
    """Give the ids of the processes whose environment names something in `folder`.

    Those are what a test with that folder has started, and what they started in turn, whoever is
    their parent now. None where there is no /proc.
    """
    named = os.fsencode(folder) + b"/"
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if not name.isdecimal():
            continue
        try:
            # By the plainest means: this is done after each test.
            with open(f"/proc/{name}/environ", "rb", buffering=0) as file:
                found = named in file.read()
        except OSError:
            continue  # it has ended, or is another user's
        if found:
            yield int(name)


def end(folder: Path) -> None:
    """Kill the processes of a test, until there are none. Parameters: as for `below`."""
    deadline = time.monotonic() + _PATIENCE
    while left := list(below(folder)):
        assert time.monotonic() < deadline, f"{left} of {folder} cannot be killed"
        for process in left:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.01)


def children_of(process: int) -> list[int]:
    """Return the ids of what `process` (its main thread) has started and not reaped."""
    return [
        int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()
    ]
