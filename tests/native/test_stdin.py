"""Streams in every shape: the front, with Python behind it, does what Python does alone."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.worlds import World

ASKED = b"protocol=https\nhost=ica.example\n\n"
GIT, DOCKER = "git-credential-credhelper", "docker-credential-credhelper"
PYTHON = Path(sys.executable).parent
Said = tuple[int, bytes, bytes]


@pytest.fixture
def environ(scratch_world: World) -> dict[str, str]:
    """Give the environment of a world with a fresh token."""
    scratch_world.prepare()
    return scratch_world.environment()


@contextlib.contextmanager
def _started(
    program: Path, environ: dict[str, str], stdin: int
) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [program, "get"], env=environ, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        os.close(stdin)
        yield process


def _said(process: subprocess.Popen[bytes]) -> Said:
    assert process.stdout and process.stderr
    out, err = process.stdout.read(), process.stderr.read()
    return process.wait(60), out, err


def _in_pieces(
    program: Path,
    environ: dict[str, str],
    pieces: list[bytes],
    *,
    kind: str,
    pause: float,
    ends: bool,
) -> Said:
    """Send the pieces, and end there or wait for the answer with stdin still open."""
    if kind == "pipe":
        theirs, ours = os.pipe()
    else:
        theirs, ours = (end.detach() for end in socket.socketpair())
    with _started(program, environ, theirs) as process:
        # Who has its answer may end before it has read all.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for number, piece in enumerate(pieces):
                time.sleep(pause if number else 0)
                view = piece
                while view:
                    view = view[os.write(ours, view) :]
        if ends and kind == "pipe":
            os.close(ours)
        elif ends:
            end = socket.socket(fileno=ours)
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_WR)
            ours = end.detach()
        said = _said(process)
        if not ends or kind != "pipe":
            os.close(ours)
        return said


PIECES: dict[str, tuple[list[bytes], float, bool]] = {
    "at once": ([ASKED], 0, True),
    "at once, left open": ([ASKED], 0, False),
    "without its blank line": ([ASKED[:-1]], 0, True),
    "two pieces": ([ASKED[:9], ASKED[9:]], 0.03, True),
    "byte by byte": ([ASKED[at : at + 1] for at in range(len(ASKED))], 0.001, False),
    "cut in the blank line": ([ASKED[:-1], ASKED[-1:]], 0.05, False),
    "another blank line later": ([ASKED, b"host=evil.test\n\n"], 0, True),
    "slowly": ([ASKED[:9], ASKED[9:20], ASKED[20:]], 0.4, True),
    "late": ([b"", ASKED], 1.7, True),
    "nothing": ([], 0, True),
    "a blank line": ([b"\n"], 0, False),
    "60 KiB": ([ASKED[:-1] + b"x=%b\n" % (b"y" * 60_000) + b"\n"], 0, True),
    "1 MiB": ([ASKED[:-1] + b"x=y\n" * 262_000 + b"\n"], 0, True),
    "more than 1 MiB": ([b"x=y\n" * 270_000], 0, True),
}


@pytest.mark.parametrize("kind", ["pipe", "socket"])
@pytest.mark.parametrize("how", PIECES)
def test_a_request_comes_in_pieces(
    kind: str, how: str, native: Path, environ: dict[str, str]
) -> None:
    pieces, pause, ends = PIECES[how]
    if how == "more than 1 MiB":
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    said = [
        _in_pieces(folder / GIT, environ, pieces, kind=kind, pause=pause, ends=ends)
        for folder in (PYTHON, native)
    ]
    assert len(set(said)) == 1, said
    if how in ("at once", "two pieces", "slowly", "late", "1 MiB"):
        assert said[0][0] == 0
        assert b"password=" in said[0][1]


@pytest.mark.parametrize("offset", [0, 7])
@pytest.mark.parametrize("more", [b"", b"more"])
def test_a_file_is_read_from_its_offset(
    offset: int, more: bytes, native: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "request"
    path.write_bytes(b"before\n"[:offset] + ASKED + more)
    seen = []
    for folder in (PYTHON, native):
        handle = os.open(path, os.O_RDONLY)
        os.lseek(handle, offset, os.SEEK_SET)
        kept = os.dup(handle)
        with _started(folder / GIT, environ, handle) as process:
            seen.append((_said(process), os.lseek(kept, 0, os.SEEK_CUR)))
        os.close(kept)
    assert seen[0] == seen[1]
    assert b"password=" in seen[0][0][1]


@pytest.mark.parametrize(
    "shape",
    [
        "<&-",
        ">&-",
        "2>&-",
        "<&- >&- 2>&-",
        "</dev/null",
        "<$ASKED >/dev/full",
        "<$ASKED 2>&-",
        "<$ASKED >&-",
        "</dev/zero",
        "</",
        "0>$ASKED.new",
        "<$ASKED",
    ],
)
@pytest.mark.parametrize("program", [GIT, DOCKER])
def test_streams_of_a_shell(
    shape: str, program: str, native: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    asked = tmp_path / "asked"
    asked.write_bytes(ASKED if program == GIT else b"ica.example")
    said = []
    for folder in (PYTHON, native):
        done = subprocess.run(
            ["sh", "-c", f'exec "$0" get {shape}', folder / program],
            env={**environ, "ASKED": str(asked)},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )
        said.append((done.returncode, done.stdout, re.sub(b"0x[0-9a-f]+", b"", done.stderr)))
    assert said[0] == said[1]


@pytest.mark.parametrize("line", ["x=y", ""], ids=["lines", "empty lines"])
@pytest.mark.parametrize("kind", ["pipe", "socket"])
@pytest.mark.parametrize("program", [GIT, DOCKER])
def test_a_request_that_never_ends_is_refused_as_before(
    program: str, kind: str, line: str, native: Path, environ: dict[str, str]
) -> None:
    said = []
    for folder in (PYTHON, native):
        if kind == "pipe":
            theirs, ours = os.pipe()
        else:
            theirs, ours = (end.detach() for end in socket.socketpair())
        with subprocess.Popen(["yes", line], stdout=ours, stderr=subprocess.DEVNULL) as endless:
            os.close(ours)
            with _started(folder / program, environ, theirs) as process:
                said.append(_said(process))
            endless.wait(60)  # nobody reads it any more
    assert said[0] == said[1]


def test_an_answer_beyond_the_limit_of_a_file_fails_as_before(
    native: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    said = []
    for folder in (PYTHON, native):
        command = 'ulimit -f 0; exec "$0" get > "$1"'
        done = subprocess.run(
            ["sh", "-c", command, folder / "credhelper", tmp_path / "answer"],
            env=environ,
            capture_output=True,
            timeout=60,
        )
        said.append((done.returncode, done.stdout, done.stderr))
        assert (tmp_path / "answer").read_bytes() == b""
    assert said[0] == said[1]
    assert said[0][0] > 0


def test_a_terminal_is_asked_as_before(native: Path, environ: dict[str, str]) -> None:
    said = []
    for folder in (PYTHON, native):
        ours, theirs = pty.openpty()
        with _started(folder / GIT, environ, theirs) as process:
            os.write(ours, ASKED)
            said.append(_said(process))
        os.close(ours)
    assert said[0] == said[1]
    assert b"reading a request from the terminal" in said[0][2]


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_front_while_it_waits(
    number: signal.Signals, native: Path, environ: dict[str, str]
) -> None:
    theirs, ours = os.pipe()
    with _started(native / GIT, environ, theirs) as process:
        _until(lambda: _caught(process.pid, number))
        os.kill(process.pid, number)
        assert _said(process) == (128 + number, b"", b"")
    os.close(ours)


def test_a_reader_that_does_not_read_is_waited_for(native: Path, environ: dict[str, str]) -> None:
    for folder in (PYTHON, native):
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, b"x" * 4096)
        process = subprocess.Popen([folder / "credhelper", "get"], env=environ, stdout=writer)
        os.close(writer)
        _until(partial(_sleeping, process.pid))
        assert process.poll() is None
        os.set_blocking(reader, True)
        data = b""
        while chunk := os.read(reader, 65536):
            data += chunk
        os.close(reader)
        assert process.wait(60) == 0
        assert data.strip(b"x").startswith(b"eyJ")


def test_a_reader_that_has_gone_is_no_error_message(native: Path, environ: dict[str, str]) -> None:
    for folder in (PYTHON, native):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [folder / "credhelper", "get"], env=environ, stdout=writer, stderr=subprocess.PIPE
        )
        os.close(writer)
        assert (done.returncode, done.stderr) == (1, b"")


def test_it_needs_no_proc(native: Path, alone: Path, environ: dict[str, str]) -> None:
    def run(folder: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
        hide = 'mount -t tmpfs none /proc && exec "$@"'
        return subprocess.run(
            ["unshare", "-m", "sh", "-c", hide, "sh", folder / "credhelper", *words],
            env=environ,
            capture_output=True,
        )

    if run(Path("/bin"), "--version").returncode not in (126, 127):
        pytest.skip("no /proc can be hidden here")
    there = run(alone, "get")
    if b"ermitted" in there.stderr or b"denied" in there.stderr:
        pytest.skip(f"no /proc can be hidden here: {there.stderr.decode()}")
    assert (there.returncode, there.stderr) == (0, b"")
    assert there.stdout.startswith(b"eyJ")
    assert run(native, "git", "capability").returncode == 0


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.005)


def _status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().split("\n")
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def _caught(pid: int, number: int) -> bool:
    return bool(int(_status(pid)["SigCgt"], 16) >> (number - 1) & 1)


def _sleeping(pid: int) -> bool:
    told = _status(pid)
    return told["State"].startswith("S") and told["Name"] in ("credhelper", "python3")
