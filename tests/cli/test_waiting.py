"""A slow network on a terminal: one line that counts, and disappears. Elsewhere: nothing."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import tempfile
import termios
import time
from contextlib import suppress
from typing import IO

import pytest

from tests.cli.conftest import Person
from tests.support.programs import command

SLOW = {"path": "/v1/tokens", "delay": 2.0}
LINE, CLEAR = "waiting for ", "\r\x1b[K"


def on_screen(
    person: Person, *words: str, types: str = "", shell: str = "", stdin: str = "", **environ: str
) -> tuple[int, str, str]:
    """Run a command whose stderr is a terminal; return status, stdout and what the terminal shows.

    Parameters:
    - types: is typed when the line appears.
    - shell: a script to run instead.
    - stdin: is piped in, instead of the terminal.
    """
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    before = termios.tcgetattr(theirs)[3]
    told = ""
    with (
        tempfile.TemporaryFile() as piped,
        subprocess.Popen(
            ["/bin/sh", "-c", shell] if shell else [*command(), *words],
            stdin=_holding(piped, stdin) if stdin else theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
            env={**person.world.environ, "TERM": "xterm", **environ},
        ) as process,
    ):
        running = True
        while running:
            running = process.poll() is None  # before the last look
            time.sleep(0.02)
            with suppress(BlockingIOError):
                told += os.read(ours, 65536).decode()
            if types and LINE in told:
                os.write(ours, types.encode())
                types = ""
        assert process.stdout
        out = process.stdout.read().decode()
    assert termios.tcgetattr(theirs)[3] == before
    os.close(theirs)
    os.close(ours)
    return process.returncode, out, told


def _holding(file: IO[bytes], text: str) -> IO[bytes]:
    file.write(text.encode())
    file.seek(0)
    return file


@pytest.fixture
def waits(person: Person) -> Person:
    """Give this test somebody without a token, whose API takes two seconds."""
    person.world.configure(person.api.url, person.api.api_key)
    person.api.fault(SLOW)
    return person


@pytest.mark.parametrize("words", [["get"], ["token", "create"], ["exec", "--", "true"]])
def test_a_line_counts_and_disappears(waits: Person, words: list[str]) -> None:
    status, out, told = on_screen(waits, *words)
    assert status == 0, told
    assert LINE not in out
    shown = [part.split(" s of")[0] for part in told.split(CLEAR) if LINE in part]
    assert len(shown) > 1
    assert len({*shown}) == len(shown)  # the seconds count
    assert f"{CLEAR}1 s of at most 20 s: waiting for {waits.api.url}" in told
    assert LINE not in told.rpartition(CLEAR)[2]


def test_what_is_typed_meanwhile_is_not_echoed_and_not_lost(waits: Person) -> None:
    script = f"{' '.join(command())} get >/dev/null; read -r line; echo read=$line >&2"
    status, _, told = on_screen(waits, types="typed-ahead\n", shell=script)
    assert status == 0
    assert "read=typed-ahead" in told
    assert told.count("typed-ahead") == 1


def test_a_failure_and_a_signal_leave_no_line_and_an_echo(waits: Person) -> None:
    waits.api.fault({"hang": 3, "times": "always"})
    script = f"timeout -s TERM 2 {' '.join(command())} get >/dev/null"
    status, _, told = on_screen(waits, shell=script)
    assert status == 124
    assert LINE in told
    assert LINE not in told.rpartition(CLEAR)[2]


def test_a_terminal_without_a_cursor_is_shown_nothing(waits: Person) -> None:
    status, _, told = on_screen(waits, "get", TERM="dumb")
    assert (status, told) == (0, "")


@pytest.mark.parametrize("words", [["git", "get"], ["docker", "get"], ["token"], ["json"]])
def test_tools_are_shown_nothing(waits: Person, words: list[str]) -> None:
    _, _, told = on_screen(waits, *words, types="", stdin="protocol=https\nhost=git.example\n\n")
    assert LINE not in told


@pytest.mark.parametrize("words", [["get"], ["token", "create"]])
def test_a_pipe_is_shown_nothing(waits: Person, words: list[str]) -> None:
    outcome = waits.world.run(*words)
    assert (outcome.status, outcome.told) == (0, "")


def test_two_that_wait_at_once_leave_the_terminal_as_it_was(person: Person) -> None:
    person.world.configure(person.api.url, person.api.api_key, main={}, other={"min_ttl": 60})
    for _ in range(2):
        person.api.fault(SLOW)
    two = f"{command()[0]} get -p main & sleep 0.5; {command()[0]} get -p other; wait"
    status, _, told = on_screen(person, shell=two)  # it compares the terminal's modes
    assert status == 0
    assert LINE in told


def test_ctrl_backslash_leaves_the_terminal_as_it_was(person: Person) -> None:
    person.world.configure(person.api.url, person.api.api_key)
    person.api.fault(SLOW)
    quits = f"(sleep 1.5; kill -QUIT $$) & exec {command()[0]} get"
    status, out, told = on_screen(person, shell=quits)  # it compares the terminal's modes
    assert LINE in told
    assert (status, out) == (-signal.SIGQUIT, "")
