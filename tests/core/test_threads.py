"""Signals stay with the first thread: no other thread of ours takes one."""

from __future__ import annotations

import re
import signal
import threading
from pathlib import Path

import credhelper
from credhelper.client.http.within import within
from credhelper.core import threads

_CATCHABLE = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}


def _blocked() -> set[int]:
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, ()))


def test_a_thread_blocks_every_signal_and_its_starter_is_as_before() -> None:
    before = _blocked()
    seen: list[set[int]] = []
    thread = threading.Thread(target=lambda: seen.append(_blocked()))
    threads.start(thread)
    thread.join()
    assert seen[0] >= _CATCHABLE
    assert _blocked() == before


def test_a_call_that_must_end_in_time_takes_no_signal() -> None:
    blocked = within(10, _blocked)
    assert blocked is not None
    assert blocked >= _CATCHABLE


def test_no_thread_of_the_program_is_started_otherwise() -> None:
    """The sandbox is a server of its own: it turns into no other program."""
    package = Path(credhelper.__file__).parent
    wrong = [
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if "sandbox" not in path.parts
        and path.name != "threads.py"
        and re.search(r"\bThread\(.*\.start\(\)|\bthread\.start\(\)", path.read_text())
    ]
    assert wrong == []
