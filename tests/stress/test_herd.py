"""Herds of real processes: one call for all of them, one answer, and nobody hangs."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import jwt
import pytest

from tests.support.programs import INSTALLED, command
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World, tokens_in

# A program file starts in some 15 ms, `python -m` in more: fewer where nothing is installed.
HERD = 200 if INSTALLED else 40
LATENCY = {"delay": 0.1, "times": "always"}
TIMEOUT = 120.0
LIFETIME = 86400


class Herd:
    """Many processes at once, each answering into a file of its own."""

    def __init__(self, world: World, folder: Path, calls: list[list[str]]) -> None:
        self._folder = folder
        folder.mkdir()
        self.processes = []
        for number, words in enumerate(calls):
            with (
                open(folder / f"{number}.out", "wb") as stdout,
                open(folder / f"{number}.err", "wb") as stderr,
            ):
                self.processes.append(
                    subprocess.Popen(
                        [*command(), *words],
                        env=world.environ,
                        cwd="/",
                        stdin=subprocess.DEVNULL,
                        stdout=stdout,
                        stderr=stderr,
                    )
                )

    def outcomes(self) -> list[tuple[int, bytes, bytes]]:
        """Wait for all; return status, stdout and stderr of each."""
        deadline = time.monotonic() + TIMEOUT
        for process in self.processes:
            process.wait(max(0.1, deadline - time.monotonic()))
        return [
            (
                process.returncode,
                (self._folder / f"{number}.out").read_bytes(),
                (self._folder / f"{number}.err").read_bytes(),
            )
            for number, process in enumerate(self.processes)
        ]


def the_one_token(outcomes: list[tuple[int, bytes, bytes]]) -> bytes:
    """Return the token that every process answered."""
    assert {status for status, _, _ in outcomes} == {0}, outcomes[:3]
    assert {stderr for _, _, stderr in outcomes} == {b""}
    answers = {stdout for _, stdout, _ in outcomes}
    assert len(answers) == 1
    (token,) = tokens_in(answers.pop())
    return token


def test_a_cold_herd_makes_one_token(
    scratch_world: World, running_sandbox: RunningSandbox, tmp_path: Path
) -> None:
    running_sandbox.fault(LATENCY)
    the_one_token(Herd(scratch_world, tmp_path / "herd", [["get"]] * HERD).outcomes())
    assert running_sandbox.stats()["created"] == 1
    assert running_sandbox.stats()["requests"] == 1


def test_a_cold_herd_in_an_empty_home_agrees_on_one_lock(
    scratch_world: World, running_sandbox: RunningSandbox, tmp_path: Path
) -> None:
    # All see a whole path missing, and each is late for some part of it.
    scratch_world.environ["CREDHELPER_CACHE_DIR"] = str(tmp_path / "a" / "b" / "c" / "cache")
    scratch_world.environ["CREDHELPER_STATE_DIR"] = str(tmp_path / "a" / "b" / "d" / "state")
    running_sandbox.fault(LATENCY)
    the_one_token(Herd(scratch_world, tmp_path / "herd", [["get"]] * (HERD // 2)).outcomes())
    assert running_sandbox.stats()["created"] == 1


def test_a_cold_herd_makes_one_session_and_one_token(
    scratch_world: World, running_sandbox: RunningSandbox, tmp_path: Path
) -> None:
    scratch_world.configure(
        running_sandbox.url, running_sandbox.api_key, main={"keep_session": True}
    )
    running_sandbox.fault(LATENCY)
    the_one_token(Herd(scratch_world, tmp_path / "herd", [["get"]] * HERD).outcomes())
    stats = running_sandbox.stats()
    assert (stats["created"], stats["minted"]) == (1, 1)


def test_a_herd_over_projects_makes_one_token_each(
    scratch_world: World, running_sandbox: RunningSandbox, tmp_path: Path
) -> None:
    names = [f"p{number}" for number in range(10)]
    scratch_world.configure(
        running_sandbox.url,
        running_sandbox.api_key,
        **{name: {"client_id": name} for name in names},
    )
    running_sandbox.fault(LATENCY)
    calls = [["get", "--profile", names[number % 10]] for number in range(HERD)]
    outcomes = Herd(scratch_world, tmp_path / "herd", calls).outcomes()
    found = {the_one_token(outcomes[number::10]) for number in range(10)}
    assert len(found) == 10
    assert running_sandbox.stats()["created"] == 10


def test_a_herd_over_projects_shares_one_session(
    scratch_world: World, running_sandbox: RunningSandbox, tmp_path: Path
) -> None:
    # Each project's token has a gate of its own; they meet at the session's.
    names = [f"p{number}" for number in range(4)]
    scratch_world.configure(
        running_sandbox.url,
        running_sandbox.api_key,
        **{name: {"keep_session": True, "scopes": [name]} for name in names},
    )
    running_sandbox.fault(LATENCY)
    calls = [["get", "--profile", names[number % 4]] for number in range(HERD // 4)]
    outcomes = Herd(scratch_world, tmp_path / "herd", calls).outcomes()
    for number in range(4):
        the_one_token(outcomes[number::4])
    stats = running_sandbox.stats()
    assert (stats["created"], stats["minted"]) == (1, 4)


def test_a_herd_on_an_expired_token_renews_once(
    scratch_world: World, running_sandbox: RunningSandbox, tmp_path: Path
) -> None:
    old = scratch_world.prepare().encode()
    scratch_world.age(10**6)
    running_sandbox.fault(LATENCY)
    new = the_one_token(Herd(scratch_world, tmp_path / "herd", [["get"]] * HERD).outcomes())
    assert new != old
    assert running_sandbox.stats()["created"] == 2


def test_a_herd_on_a_stale_token_is_served_and_renews_once(
    scratch_world: World, running_sandbox: RunningSandbox, tmp_path: Path
) -> None:
    old = scratch_world.prepare().encode()
    scratch_world.age(86400 - 40)
    running_sandbox.fault(LATENCY)
    outcomes = Herd(scratch_world, tmp_path / "herd", [["get"]] * (HERD // 2)).outcomes()
    assert {status for status, _, _ in outcomes} == {0}
    answers = {tokens_in(stdout)[0] for _, stdout, _ in outcomes}
    assert len(answers - {old}) == 1
    assert running_sandbox.stats()["created"] == 2


@pytest.mark.parametrize("where", ["cold", "expired"])
def test_a_leader_that_is_killed_costs_one_more_call_at_most(
    scratch_world: World, running_sandbox: RunningSandbox, tmp_path: Path, where: str
) -> None:
    if where == "expired":
        scratch_world.prepare()
        scratch_world.age(10**6)
    before = running_sandbox.stats()
    running_sandbox.fault({"hang": 8}, LATENCY)
    leader = scratch_world.start("get", stdin=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while running_sandbox.stats()["requests"] == before["requests"]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    herd = Herd(scratch_world, tmp_path / "herd", [["get"]] * (HERD // 2))
    time.sleep(0.3)
    os.kill(leader.pid, signal.SIGKILL)
    leader.communicate()
    the_one_token(herd.outcomes())
    assert running_sandbox.stats()["requests"] - before["requests"] == 2


@pytest.mark.parametrize("status", [401, 500])
def test_a_herd_shares_a_failure(
    scratch_world: World, running_sandbox: RunningSandbox, tmp_path: Path, status: int
) -> None:
    running_sandbox.fault({"status": status, "delay": 0.1, "times": "always"})
    outcomes = Herd(scratch_world, tmp_path / "herd", [["get"]] * (HERD // 2)).outcomes()
    assert {(status, stdout) for status, stdout, _ in outcomes} == {(5, b"")}
    # A definite no is asked for once in five seconds, trouble thrice in two.
    assert running_sandbox.stats()["requests"] <= (3 if status == 401 else 12)


@pytest.mark.waits
@pytest.mark.parametrize("killed", [False, True])
def test_a_herd_shares_the_fate_of_its_leader_where_the_api_hangs(
    scratch_world: World, running_sandbox: RunningSandbox, tmp_path: Path, killed: bool
) -> None:
    running_sandbox.fault({"hang": True, "times": "always"})
    leader = scratch_world.start("get", stdin=subprocess.DEVNULL)
    while not running_sandbox.stats()["requests"]:
        time.sleep(0.01)
    (lock,) = (one for one in scratch_world.cache.glob("*.lock") if "routes" not in one.name)
    herd = Herd(scratch_world, tmp_path / "herd", [["get"]] * (HERD // 4))
    with lock.open() as opened:
        wait_for_waiters(opened.fileno(), HERD // 4)
    if killed:
        leader.kill()
    outcomes = herd.outcomes()
    leader.communicate()
    assert {(status, stdout) for status, stdout, _ in outcomes} == {(5, b"")}
    assert all(b"no answer from" in stderr for _, _, stderr in outcomes)
    assert running_sandbox.stats()["requests"] == (2 if killed else 1)


def test_a_slow_profile_holds_up_no_other(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    scratch_world.configure(
        running_sandbox.url,
        running_sandbox.api_key,
        slow={"client_id": "slow"},
        fast={"client_id": "fast"},
        warm={"client_id": "warm"},
    )
    warm = scratch_world.get("--profile", "warm")
    running_sandbox.fault({"hang": 10})
    before = running_sandbox.stats()["requests"]
    slow = scratch_world.start("get", "--profile", "slow", stdin=subprocess.DEVNULL)
    while running_sandbox.stats()["requests"] == before:
        time.sleep(0.01)
    assert scratch_world.get("--profile", "warm") == warm
    assert scratch_world.get("--profile", "fast")
    assert slow.poll() is None
    slow.kill()
    slow.communicate()


def test_rejects_of_a_herd_make_one_token(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    old = scratch_world.prepare()
    scratch_world.age(120)
    erase = f"protocol=https\nhost=ica.example\npassword={old}\n\n".encode()
    rejecting = [scratch_world.start("git", "erase") for _ in range(10)]
    for process in rejecting:
        assert scratch_world.finish(process, erase).status == 0
    tokens = {scratch_world.get() for _ in range(3)}
    assert len(tokens) == 1
    assert tokens != {old}
    assert scratch_world.run("git", "erase", stdin=erase).status == 0
    assert {scratch_world.get()} == tokens
    assert running_sandbox.stats()["created"] == 2


@pytest.mark.parametrize("after", ["another", "gone", "broken"])
def test_a_profile_that_changes_while_a_call_waits_changes_nothing_under_its_name(
    scratch_world: World, running_sandbox: RunningSandbox, after: str
) -> None:
    def configure(cid: str) -> None:
        scratch_world.configure(running_sandbox.url, running_sandbox.api_key, prod={"cid": cid})

    configure("ours")
    scratch_world.get("--profile", "prod")
    scratch_world.age(LIFETIME + 60)
    (record,) = scratch_world.records()
    with open(f"{record}.lock", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        dialogue = scratch_world.start("json")
        assert dialogue.stdin is not None
        dialogue.stdin.write(b'{"action":"get","profile":"prod"}\n')
        wait_for_waiters(lock.fileno(), 1)
        if after == "another":
            configure("theirs")
        elif after == "gone":
            scratch_world.configure(running_sandbox.url, running_sandbox.api_key, other={})
        else:
            scratch_world.config.write_text("[profiles")
    waited = scratch_world.finish(dialogue)
    assert waited.status == 0, waited
    assert cid_of(waited.token) == "ours"
    configure("ours")
    assert cid_of(scratch_world.get("--profile", "prod")) == "ours"


def wait_for_waiters(lock: int, number: int) -> None:
    waiter = f" -> .*:{os.fstat(lock).st_ino} "
    while len(re.findall(waiter, Path("/proc/locks").read_text())) < number:
        time.sleep(0.02)


def cid_of(token: str) -> str:
    (cid,) = jwt.decode(token, options={"verify_signature": False})["mem"]
    return str(cid).removeprefix("cid:")
