"""The trace tells decisions, to whom it was asked to, and no secret."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from credhelper.broker.trace import tracer
from credhelper.core.model import Secret


def test_nothing_is_traced_unless_asked(capfd: pytest.CaptureFixture[str]) -> None:
    for where in ("", "0"):
        tracer(where)("cache", state="fresh")
    assert capfd.readouterr() == ("", "")


def test_a_decision_is_one_line_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    tracer("1")("renew", profile="main", why="it has\nexpired", token=Secret("hidden"))
    line = (
        f"credhelper: trace: {os.getpid()} renew profile=main why='it has\\\\nexpired' token=***\n"
    )
    assert capfd.readouterr() == ("", line)


def test_a_trace_in_a_file_is_for_us_alone_and_grows(tmp_path: Path) -> None:
    path = tmp_path / "trace"
    path.touch(0o644)
    trace = tracer(str(path))
    trace("one")
    trace("two")
    assert [line.split()[3] for line in path.read_text().split("\n")[:-1]] == ["one", "two"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("kind", ["folder", "symlink", "fifo", "missing"])
def test_a_place_that_takes_no_trace_is_no_reason_to_fail(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "trace"
    target = tmp_path / "target"
    target.write_text("mine")
    if kind == "folder":
        path.mkdir()
    elif kind == "symlink":
        path.symlink_to(target)
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path = path / "nowhere"
    tracer(str(path))("one")
    assert target.read_text() == "mine"
