"""Streams, signals and the end: a reply is written whole or not at all."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from credhelper.storage import locks
from tests.support.programs import command, python_environment
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import SERVICE, TIMEOUT, World, tokens_in

GIT = b"protocol=https\nhost=ica.example\n\n"


def closed(world: World, which: str, *words: str) -> subprocess.CompletedProcess[bytes]:
    """Run a program with some streams closed."""
    return subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {which}', "sh", *command(), *words],
        env=world.environ,
        cwd="/",
        capture_output=True,
        input=b"",
        timeout=TIMEOUT,
    )


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("which", [">&-", "<&- >&-", "<&- >&- 2>&-", ">/dev/full"])
def test_a_reply_that_nobody_gets_is_a_failure(
    scratch_world: World, running_sandbox: RunningSandbox, which: str, warm: bool
) -> None:
    if "full" in which and not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    if warm:
        scratch_world.prepare()
    done = closed(scratch_world, which, "get")
    assert done.returncode == 1
    assert tokens_in(done.stdout + done.stderr) == []
    assert b"Traceback" not in done.stderr
    scratch_world.get()
    assert running_sandbox.stats()["created"] == 1


@pytest.mark.parametrize("which", ["<&-", "2>&-", "<&- 2>&-"])
def test_streams_that_are_not_needed_may_be_closed(scratch_world: World, which: str) -> None:
    cold = closed(scratch_world, which, "get")
    warm = closed(scratch_world, which, "get")
    assert (cold.returncode, warm.returncode) == (0, 0)
    assert cold.stdout == warm.stdout
    assert len(tokens_in(cold.stdout)) == 1


@pytest.mark.parametrize("warm", [False, True])
def test_a_caller_that_goes_away_gets_no_traceback(scratch_world: World, warm: bool) -> None:
    if warm:
        scratch_world.prepare()
    reader, writer = os.pipe()
    os.close(reader)  # before anything is written
    process = scratch_world.start("get", stdout=writer)
    os.close(writer)
    outcome = scratch_world.finish(process)
    assert (outcome.status, outcome.told) == (1, "")
    assert scratch_world.get()


def test_stdin_that_stays_open_holds_nobody_up(scratch_world: World) -> None:
    process = scratch_world.start("get")
    assert process.wait(TIMEOUT) == 0
    git = scratch_world.start("git", "get")
    assert git.stdin
    git.stdin.write(GIT)
    git.stdin.flush()
    assert git.wait(TIMEOUT) == 0
    for each in (process, git):
        each.communicate()


QUESTIONS = {
    "git get": GIT,
    "docker get": b"ica.example",
    "bazel get": b'{"uri":"https://ica.example"}',
    "cargo --cargo-plugin": b'{"v":1,"registry":{"index-url":"sparse+https://ica.example/"},'
    b'"kind":"get","operation":"read"}\n',
}


@pytest.mark.parametrize("words", QUESTIONS)
def test_a_stdin_that_does_not_block_is_waited_for(scratch_world: World, words: str) -> None:
    token = scratch_world.prepare()
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    process = scratch_world.start(*words.split(), stdin=reader)
    os.close(reader)
    time.sleep(0.5)  # for it to find nothing there
    assert process.poll() is None
    os.write(writer, QUESTIONS[words])
    os.close(writer)
    outcome = scratch_world.finish(process)
    assert (outcome.status, outcome.told, outcome.token) == (0, "", token)


@pytest.mark.parametrize("state", ["warm", "cold"])
def test_a_full_stdout_that_does_not_block_is_waited_for(scratch_world: World, state: str) -> None:
    if state == "warm":
        scratch_world.prepare()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, b" " * 4096)
    process = scratch_world.start("get", stdout=writer)
    os.close(writer)
    time.sleep(0.5)  # for it to find no room there
    assert process.poll() is None
    found = b""
    while chunk := os.read(reader, 65536):
        found += chunk
    os.close(reader)
    assert scratch_world.finish(process).status == 0
    assert found.strip().decode() == scratch_world.get()


@pytest.mark.parametrize("which", ["2>&-", "2>/dev/full", ""])
def test_a_terminal_is_told_how_to_end_a_request_if_it_listens(
    scratch_world: World, which: str
) -> None:
    token = scratch_world.prepare()
    primary, secondary = pty.openpty()
    prefix = ("/bin/sh", "-c", f'exec "$@" {which}', "sh")
    process = scratch_world.start("git", "get", stdin=secondary, prefix=prefix)
    os.close(secondary)
    os.write(primary, GIT)
    process.wait(TIMEOUT)
    outcome = scratch_world.finish(process)
    os.close(primary)
    assert (outcome.status, outcome.token) == (0, token)
    assert ("Ctrl-D" in outcome.told) == (not which)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_in_the_middle_of_a_renewal_lets_the_lock_go(
    scratch_world: World, running_sandbox: RunningSandbox, number: signal.Signals
) -> None:
    running_sandbox.fault({"hang": 15})
    process = scratch_world.start("get")
    wait_for(lambda: running_sandbox.stats()["requests"] > 0)
    process.send_signal(number)
    outcome = scratch_world.finish(process)
    assert (outcome.status, outcome.stdout) == (128 + number, b"")
    assert not list(scratch_world.cache.glob("*.tmp"))
    running_sandbox.reset()
    assert scratch_world.get()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_at_the_gate_ends_the_wait(scratch_world: World, number: signal.Signals) -> None:
    scratch_world.prepare()
    (record,) = scratch_world.records()
    scratch_world.age(10**6)
    lock = locks.acquire(f"{record}.lock", wait=0, alarm=False)
    assert lock
    process = scratch_world.start("get")
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(number)
    outcome = scratch_world.finish(process)
    assert outcome.status in (128 + number, -number)
    assert outcome.stdout == b""
    lock.release()
    assert scratch_world.get()


# Waits at the gate for half a second, with the alarm blocked as by its caller.
WAITER = """
import signal, sys
from credhelper.core import flock
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
early = flock.EarlyLocks()
early.left = 0.5
print(flock.enter(early, sys.argv[1]), early.over == {sys.argv[1]})
"""


@pytest.mark.waits
def test_a_caller_that_blocks_the_alarm_does_not_make_us_wait_for_ever(
    scratch_world: World, tmp_path: Path
) -> None:
    def block() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})

    at_stdin = scratch_world.start("git", "get", preexec_fn=block)
    path = str(tmp_path / "a.lock")
    lock = locks.acquire(path, wait=0, alarm=False)
    assert lock
    waited = subprocess.run(
        [sys.executable, "-c", WAITER, path],
        env=python_environment(),
        capture_output=True,
        timeout=TIMEOUT,
    )
    lock.release()
    assert waited.stdout == b"False True\n", waited
    assert at_stdin.wait(TIMEOUT) == 2
    assert "no whole request came on stdin" in scratch_world.finish(at_stdin).told


def test_what_nohup_ignores_stays_ignored(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    running_sandbox.fault({"delay": 1})
    process = subprocess.Popen(
        ["/bin/sh", "-c", 'trap "" HUP; exec "$@"', "sh", *command(), "get"],
        env=scratch_world.environ,
        stdout=subprocess.PIPE,
    )
    wait_for(lambda: running_sandbox.stats()["requests"] > 0)
    process.send_signal(signal.SIGHUP)
    stdout, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0
    assert len(tokens_in(stdout)) == 1


def wait_for(done: object) -> None:
    deadline = time.monotonic() + TIMEOUT
    assert callable(done)
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_trace_tells_decisions_and_no_secret(scratch_world: World, tmp_path: Path) -> None:
    path = tmp_path / "trace"
    outcome = scratch_world.run("get", environ={"CREDHELPER_TRACE": str(path)})
    assert outcome.told == ""
    text = path.read_bytes()
    assert b" renew " in text
    assert tokens_in(text) == []
    assert not any(canary.encode() in text for canary in scratch_world.canaries)
    assert path.stat().st_mode & 0o777 == 0o600
    on_stderr = scratch_world.run("get", environ={"CREDHELPER_TRACE": "1"})
    assert on_stderr.told.startswith("credhelper: trace: ")
    assert len(tokens_in(on_stderr.stdout)) == 1


@pytest.mark.parametrize("place", ["fifo", "hard link", "link", "/dev/null", "somebody's"])
def test_a_trace_goes_into_no_file_but_ours_alone_and_that_is_said_once(
    scratch_world: World, tmp_path: Path, place: str
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    precious.chmod(0o640)
    path = tmp_path / place
    if place == "fifo":
        os.mkfifo(path)
    elif place == "hard link":
        path.hardlink_to(precious)
    elif place == "link":
        path.symlink_to(precious)
    elif place == "somebody's":
        if os.geteuid() != 0:
            pytest.skip("only root can give a file away")
        path.touch(0o666)
        os.chown(path, 4321, 4321)
    before = os.lstat(path).st_mode
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK) if place == "fifo" else -1
    outcome = scratch_world.run("get", environ={"CREDHELPER_TRACE": str(path)})
    assert outcome.status == 0
    assert outcome.told == f"credhelper: warning: no trace: {path} is not ours alone\n"
    assert os.lstat(path).st_mode == before
    assert precious.read_text() == "precious"
    if reader >= 0:
        assert os.read(reader, 100) == b""
        os.close(reader)


@pytest.mark.parametrize("place", ["missing/folder/trace", "link", "fifo-without-reader", "."])
def test_a_trace_that_cannot_be_written_is_no_reason_to_fail(
    scratch_world: World, tmp_path: Path, place: str
) -> None:
    target = tmp_path / "target"
    target.write_text("precious")
    (tmp_path / "link").symlink_to(target)
    os.mkfifo(tmp_path / "fifo-without-reader")
    environ = {"CREDHELPER_TRACE": f"{tmp_path}/{place}"}
    assert scratch_world.run("get", environ=environ).status == 0
    assert target.read_text() == "precious"


@pytest.mark.parametrize("umask", ["0000", "0077", "0777"])
def test_any_umask_leaves_private_files(
    scratch_world: World, running_sandbox: RunningSandbox, umask: str
) -> None:
    scratch_world.configure(
        running_sandbox.url, running_sandbox.api_key, main={"keep_session": True}
    )
    prefix = ("/bin/sh", "-c", f'umask {umask}; exec "$@"', "sh")
    first = scratch_world.run("get", prefix=prefix)
    assert (first.status, first.told) == (0, ""), first
    assert scratch_world.run("get", prefix=prefix).token == first.token
    for folder in (scratch_world.cache, scratch_world.state):
        for path in (folder, *folder.rglob("*")):
            assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
    assert running_sandbox.stats()["created"] == 1


def test_a_cache_that_is_a_file_costs_a_warning_and_no_answer(scratch_world: World) -> None:
    scratch_world.cache.write_text("precious")
    outcome = scratch_world.run("get")
    assert (outcome.status, bool(outcome.token)) == (0, True)
    assert outcome.told.count("warning") == 1, outcome.told
    assert scratch_world.cache.read_text() == "precious"


def test_a_cache_that_cannot_be_made_costs_a_warning_with_its_cure(scratch_world: World) -> None:
    outcome = scratch_world.run("get", environ={"CREDHELPER_CACHE_DIR": "/proc/nowhere"})
    assert (outcome.status, bool(outcome.token)) == (0, True)
    assert "cannot make folder /proc/nowhere" in outcome.told
    assert "credhelper: hint: set CREDHELPER_CACHE_DIR" in outcome.told


@pytest.mark.parametrize("mode", [0o755, 0o777])
def test_an_open_cache_costs_a_warning_with_its_cure(scratch_world: World, mode: int) -> None:
    scratch_world.cache.mkdir()
    scratch_world.cache.chmod(mode)
    outcome = scratch_world.run("get")
    assert (outcome.status, bool(outcome.token)) == (0, True)
    assert outcome.told.count("warning") == 1, outcome.told
    assert f"chmod 700 {scratch_world.cache}" in outcome.told
    assert list(scratch_world.cache.iterdir()) == []


@pytest.mark.parametrize("damage", [b"", b"\0" * 500, b"credhelper-record 1\n", None])
def test_a_damaged_cache_is_made_again(
    scratch_world: World, running_sandbox: RunningSandbox, damage: bytes | None
) -> None:
    scratch_world.prepare()
    for path in scratch_world.cache.iterdir():
        if not path.name.endswith(".lock"):
            data = path.read_bytes()
            path.write_bytes(data[: len(data) // 2] if damage is None else damage)
    token = scratch_world.get()
    assert scratch_world.get() == token
    assert running_sandbox.stats()["created"] == 2


def test_a_config_without_a_default_profile_is_warm_too(scratch_world: World) -> None:
    text = scratch_world.config.read_text()
    scratch_world.config.write_text(text.partition("\n")[2])
    environ = {"HOME": None}
    token = scratch_world.get(SERVICE, environ=environ)
    (routes,) = scratch_world.cache.glob("routes-*.8-*")
    before = routes.stat().st_mtime_ns, routes.stat().st_ino
    assert scratch_world.get(SERVICE, environ=environ) == token
    assert (routes.stat().st_mtime_ns, routes.stat().st_ino) == before


def test_a_cache_folder_named_with_a_slash_at_its_end_is_the_same(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    environ = {"CREDHELPER_CACHE_DIR": f"{scratch_world.cache}/"}
    assert scratch_world.get(environ=environ) == scratch_world.get()
    assert running_sandbox.stats()["created"] == 1


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit is Linux's")
def test_without_a_handle_to_spare_it_fails_in_words(scratch_world: World) -> None:
    import resource

    def starve() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (14, 14))

    process = scratch_world.start("get", preexec_fn=starve)
    outcome = scratch_world.finish(process)
    assert b"Traceback" not in outcome.stderr
    assert outcome.status in (0, 1, 5, 6, 7)
