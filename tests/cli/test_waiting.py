"""A slow network on a terminal: one line that counts, and disappears. Elsewhere: nothing."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
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


def test_ctrl_backslash_leaves_the_terminal_as_it_was(person: Person) -> None:
    person.world.configure(person.api.url, person.api.api_key)
    person.api.fault(SLOW)
    quits = f"(sleep 1.5; kill -QUIT $$) & exec {command()[0]} get"
    status, out, told = on_screen(person, shell=quits)  # it compares the terminal's modes
    assert LINE in told
    assert (status, out) == (-signal.SIGQUIT, "")


@pytest.fixture
def other(person: Person) -> Iterator[Person]:
    """Give this test somebody whose token another process renews, for three seconds."""
    person.world.configure(person.api.url, person.api.api_key)
    person.world.prepare()
    person.world.age(10**6)
    (record,) = person.world.records()
    person.api.fault({"path": "/v1/tokens", "delay": 3.0})
    with person.world.start("get") as process, open(f"{record}.lock") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                break
            fcntl.flock(file, fcntl.LOCK_UN)
            time.sleep(0.02)
        yield person
        assert process.communicate(timeout=60)[1] == b""
        assert process.returncode == 0


BUSY = "another credhelper renews the token of profile main"


@pytest.mark.waits
@pytest.mark.parametrize("words", [["get"], ["-v", "get"], ["env"], ["exec", "--", "true"]])
def test_a_wait_for_another_process_is_shown_in_the_same_way(
    other: Person, words: list[str]
) -> None:
    status, _, told = on_screen(other, *words)
    assert status == 0, told
    assert f" s of at most 24 s: {BUSY}" in told
    assert BUSY not in told.rpartition(CLEAR)[2]
    assert LINE not in told  # one asked the API, and that was the other


@pytest.mark.waits
@pytest.mark.parametrize("words", [["git", "get"], ["docker", "get"], ["get", "-q"]])
def test_tools_and_who_is_quiet_wait_for_another_process_in_silence(
    other: Person, words: list[str]
) -> None:
    _, _, told = on_screen(other, *words, stdin="protocol=https\nhost=ica.example\n\n")
    assert BUSY not in told
    assert told == "" or words[0] != "get"


@pytest.mark.waits
def test_two_that_wait_at_one_terminal_leave_it_with_its_echo(waits: Person) -> None:
    program = " ".join(command())
    script = f"{program} get >/dev/null | {{ sleep 0.2; {program} exec -- true; }}"
    status, _, told = on_screen(waits, shell=script)  # which looks at the terminal in the end
    assert status == 0, told
    assert LINE in told
    assert BUSY in told


def test_only_who_has_turned_the_echo_off_turns_it_on() -> None:
    ours, theirs = pty.openpty()
    script = (
        "from credhelper.cli import waiting\n"
        "with waiting._without_echo():\n"
        "    with waiting._without_echo():\n"
        "        pass\n"
        "    import termios; print(bool(termios.tcgetattr(2)[3] & termios.ECHO))\n"
        "print(bool(termios.tcgetattr(2)[3] & termios.ECHO))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    os.close(ours)
    assert done.stdout == b"False\nTrue\n"


@pytest.mark.parametrize(
    ("name", "words", "doing"),
    [
        ("config.lock", ["profile", "use", "main"], "changing the config"),
        ("config.lock", ["profile", "set", "main", "--min-ttl", "1m"], "changing the config"),
        ("config.lock", ["profile", "service", "add", "main", "x.example"], "changing the config"),
        ("setup.lock", ["setup", "git", "--undo"], "setting up"),
    ],
)
@pytest.mark.parametrize("quiet", [False, True])
def test_a_wait_for_another_writer_is_shown_as_well(
    person: Person, name: str, words: list[str], doing: str, quiet: bool
) -> None:
    person.world.configure(person.api.url, person.api.api_key)
    person.world.state.mkdir(mode=0o700, exist_ok=True)
    path = person.world.state / name
    # It goes on when it has been waited for; without a line to wait for, after a second.
    script = (
        f"exec 9>'{path}'; chmod 600 '{path}'; flock 9; "
        f"{{ sleep 1.5; flock -u 9; }} & exec 9>&-; "
        f"{' '.join([*command(), *(['-q'] if quiet else []), *words])} >/dev/null"
    )
    status, _, told = on_screen(person, shell=script)
    assert status == 0, told
    assert (f" s of at most 10 s: another credhelper is {doing}" in told) != quiet


def test_a_wait_may_be_shown_from_another_thread(person: Person) -> None:
    script = (
        f"{sys.executable} -c 'import threading\n"
        "from credhelper.cli import waiting\n"
        "def work():\n"
        '    with waiting.shown("it", 1): print("done", flush=True)\n'
        "thread = threading.Thread(target=work); thread.start(); thread.join()'"
    )
    _, out, told = on_screen(person, shell=script)
    assert out == "done\n", told
