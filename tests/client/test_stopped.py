"""What a process does that was stopped while an answer came: it reads what is there, no more."""

from __future__ import annotations

import socket

import pytest

from credhelper.client.http.connection import _Budgeted

LATE = 100.0  # on a clock that says so at once


def test_what_came_while_the_budget_ran_out_is_read_and_nothing_is_waited_for() -> None:
    ours, theirs = socket.socketpair()
    times = iter([0.0])
    with ours, theirs, ours.makefile("rb", buffering=0) as raw:
        reader = _Budgeted(raw, ours, 1.0, lambda: next(times, LATE))
        theirs.sendall(b"answer")
        buffer = bytearray(64)
        assert reader.readinto(buffer) == 6
        assert buffer[:6] == b"answer"
        with pytest.raises(TimeoutError):
            reader.readinto(buffer)
