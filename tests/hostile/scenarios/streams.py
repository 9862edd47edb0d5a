"""Standard streams that are silent, endless, closed, full, or a terminal."""

from __future__ import annotations

import os
import pty
from contextlib import suppress

from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import TIMEOUT, World, snapshot

_MEBIBYTE = 1024 * 1024
_MOST_MEMORY = 64 * _MEBIBYTE


def input_without_end(arguments: list[str], status: int, scratch_world: World) -> None:
    """A gibibyte without a newline: refused after little of it, in little memory."""
    process = scratch_world.start(*arguments)
    assert process.stdin is not None
    written = 0
    chunk = b"a" * _MEBIBYTE
    with suppress(BrokenPipeError):
        while written < 1024 * _MEBIBYTE:
            written += process.stdin.write(chunk) or 0
            assert _peak_memory(process.pid) < _MOST_MEMORY
    process.stdin.close()
    process.stdin = None
    outcome = scratch_world.finish(process)
    assert written < 8 * _MEBIBYTE
    assert outcome.status == status
    assert b"longer than 1048576 bytes" in outcome.stdout + outcome.stderr
    assert not scratch_world.held()


def endless_line(scratch_world: World) -> None:
    """Three times the memory allowed, without a newline, in a dialogue: one answer."""
    scratch_world.prepare()
    process = scratch_world.start("json")
    assert process.stdin is not None
    chunk = b"a" * _MEBIBYTE
    for number in range(3 * _MOST_MEMORY // _MEBIBYTE):
        process.stdin.write(chunk)
        assert number % 16 or _peak_memory(process.pid) < _MOST_MEMORY
    assert _peak_memory(process.pid) < _MOST_MEMORY
    outcome = scratch_world.finish(process, b'\n{"action":"list"}\n')
    first, second = outcome.stdout.splitlines()
    assert b'"bad_request"' in first
    assert b'"services"' in second
    assert (outcome.status, outcome.stderr) == (0, b"")


def _peak_memory(pid: int) -> int:
    with open(f"/proc/{pid}/status") as told:
        lines = dict(line.split(":", 1) for line in told)
    return int(lines.get("VmHWM", "0 kB").split()[0]) * 1024


def silent_stdin(scratch_world: World) -> None:
    """Nobody says anything, and nobody hangs up: a deadline, not a hang."""
    scratch_world.prepare()
    before = snapshot(scratch_world.root)
    waiting = [
        scratch_world.start(*words)
        for words in (["git", "get"], ["git", "store"], ["docker", "get"])
    ]
    half = scratch_world.start("git", "get")
    assert half.stdin is not None
    half.stdin.write(b"protocol=https\nhost=ica.example\n")
    half.stdin.flush()
    for process in (*waiting, half):
        # Its end is waited for with stdin still open.
        process.wait(TIMEOUT)
        outcome = scratch_world.finish(process)
        assert outcome.status > 0
        told = outcome.stdout + outcome.stderr
        assert b"no whole request came on stdin within 15 s" in told
    assert snapshot(scratch_world.root) == before


def terminal_on_stdin(scratch_world: World) -> None:
    """A person at a terminal is told what is waited for, and ends it with Ctrl-D."""
    scratch_world.prepare()
    primary, secondary = pty.openpty()
    process = scratch_world.start("git", "get", stdin=secondary)
    os.close(secondary)
    assert process.stderr is not None
    hint = process.stderr.readline()
    assert hint == b"credhelper: hint: reading a request from the terminal; end it with Ctrl-D\n"
    os.write(primary, b"protocol=https\nhost=ica.example\n\x04")
    outcome = scratch_world.finish(process)
    os.close(primary)
    assert (outcome.status, outcome.stderr) == (0, b"")
    assert outcome.token == scratch_world.held()[0]["token"]


def stdin_left_open(arguments: list[str], scratch_world: World, stdin: str = "") -> None:
    """The caller says what it has to say, and leaves the pipe open for ever."""
    scratch_world.prepare()
    process = scratch_world.start(*arguments)
    assert process.stdin is not None
    process.stdin.write(stdin.encode())
    process.stdin.flush()
    process.wait(TIMEOUT)
    outcome = scratch_world.finish(process)
    assert (outcome.status, outcome.stderr) == (0, b"")
    assert outcome.token == scratch_world.held()[0]["token"]


def stdin_closed(scratch_world: World) -> None:
    """There is no stdin at all: what must read says so, what need not read answers."""
    token = scratch_world.prepare()
    closed = ("sh", "-c", 'exec "$@" <&-', "sh")
    outcome = scratch_world.run("git", "get", prefix=closed)
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert scratch_world.run("get", prefix=closed).token == token
    outcome = scratch_world.run("docker", "get", prefix=closed)
    assert (outcome.status, outcome.stdout) == (1, b"no credentials server URL\n")
    outcome = scratch_world.run("json", prefix=closed)
    assert (outcome.status, outcome.stdout) == (0, b"")


def caller_gone(arguments: list[str], stdin: str, start: str, scratch_world: World) -> None:
    """The caller has closed its end: a quiet failure, and the token is not lost."""
    if start == "fresh":
        scratch_world.prepare()
    reader, writer = os.pipe()
    os.close(reader)
    process = scratch_world.start(*arguments, stdout=writer)
    os.close(writer)
    outcome = scratch_world.finish(process, stdin.encode())
    assert (outcome.status, outcome.stderr) == (1, b"")
    assert [held["token"] for held in scratch_world.held()] == [scratch_world.get()]


def stdout_elsewhere(
    redirection: str, start: str, scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    """Stdout is closed or full: the status says so, and the token goes nowhere else."""
    if start == "fresh":
        scratch_world.prepare()
    outcome = scratch_world.run("get", prefix=("sh", "-c", f'exec "$@" {redirection}', "sh"))
    assert (outcome.status, outcome.stdout, outcome.stderr) == (1, b"", b"")
    held = scratch_world.held()
    assert [each["token"] for each in held] == [scratch_world.get()]
    assert running_sandbox.stats()["created"] == 1
    for path in scratch_world.cache.iterdir():
        assert path.read_bytes().count(held[0]["token"].encode()) == (
            path.suffix == "" and not path.name.startswith((".", "routes"))
        )


def stderr_closed(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """A warning that nobody can read is no reason to fail, and goes into no file of ours."""
    token = scratch_world.prepare()
    scratch_world.age(86400 - 45)
    running_sandbox.fault({"status": 503, "times": "always"})
    outcome = scratch_world.run("get", prefix=("sh", "-c", 'exec "$@" 2>&-', "sh"))
    assert (outcome.status, outcome.token) == (0, token)
    for path in scratch_world.cache.iterdir():
        assert b"warning" not in path.read_bytes()
