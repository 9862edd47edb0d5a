"""The end of a process: what must still happen does, and Python tears nothing down."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.programs import python_environment

# Comes in as a person does. `LEFT` leaves something in buffers, or for libraries to do.
PROGRAM = """
import atexit, os, sys, weakref
from credhelper.cli import main as cli
from credhelper.core.flock import EarlyLocks
from credhelper.edge import main

class Torn:
    def __del__(self):
        os.write(2, b"torn down")

class Lock(EarlyLocks):
    def release(self):
        os.write(2, b"lock ")
        super().release()

sys.torn = Torn()  # alive until the interpreter's modules go
{LEFT}
cli.people = lambda: {STATUS}
sys.argv[1:] = []
main.main(None, "credhelper", [], b"", "", Lock())
"""


def ended(left: str, status: int = 0, stdout: int | None = None) -> tuple[int, bytes, bytes]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(LEFT=left, STATUS=status)],
        stdout=subprocess.PIPE if stdout is None else stdout,
        stderr=subprocess.PIPE,
        env=python_environment(),
        timeout=60,
    )
    return done.returncode, done.stdout or b"", done.stderr


def test_locks_go_and_then_the_process_without_a_tear_down() -> None:
    assert ended("", status=5) == (5, b"", b"lock ")


def test_what_a_stream_still_holds_is_written() -> None:
    left = "sys.stdout.write('out'); sys.stderr.write('err')"
    assert ended(left, status=3) == (3, b"out", b"lock err")


def test_what_libraries_have_left_to_do_is_done_before_the_streams_are_flushed(
    tmp_path: Path,
) -> None:
    # As `logging`, `tempfile.TemporaryDirectory` (by weakref.finalize) and certifi do.
    left = f"""
import tempfile
sys.folder = tempfile.TemporaryDirectory(dir={str(tmp_path)!r})
open(os.path.join(sys.folder.name, "file"), "w").close()
weakref.finalize(sys.torn, print, "finalized")
atexit.register(print, "registered")
atexit.register(lambda: 1 / 0)
"""
    status, out, err = ended(left)
    assert (status, sorted(out.split())) == (0, [b"finalized", b"registered"])
    assert err.endswith(b"lock ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("status", "seen"), [(0, 1), (4, 4)])
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_stream_that_takes_nothing_is_a_failure(stream: str, status: int, seen: int) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    left = f"sys.{stream}.write('lost')"
    if stream == "stderr":
        left = f"sys.stderr = open({writer}, 'w', closefd=False); {left}"
    try:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM.format(LEFT=left, STATUS=status)],
            stdout=writer,
            stderr=subprocess.PIPE,
            pass_fds=[writer],
            env=python_environment(),
            timeout=60,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (seen, b"lock ")


@pytest.mark.parametrize("which", ["<&- >&-", "<&- >&- 2>&-"])
def test_streams_that_were_closed_from_the_start_are_no_failure(which: str) -> None:
    program = PROGRAM.format(LEFT="", STATUS=0).replace("Lock())", "None)")  # it says so on stderr
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {which}', "sh", sys.executable, "-c", program],
        env=python_environment(),
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0
