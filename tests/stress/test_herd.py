"""Herds of real processes: one call for all of them, one answer, and nobody hangs."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from pathlib import Path

import jwt
import pytest

from tests.stress.conftest import Begin
from tests.support.herds import the_one_token, wait_for_waiters, waiters
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World, tokens_in

LATENCY = {"delay": 0.1, "times": "always"}
LIFETIME = 86400


def test_a_cold_herd_makes_one_token(
    scratch_world: World, running_sandbox: RunningSandbox, herd: Begin
) -> None:
    running_sandbox.fault(LATENCY)
    the_one_token(herd(1).outcomes())
    assert running_sandbox.stats()["created"] == 1
    assert running_sandbox.stats()["requests"] == 1


def test_a_cold_herd_in_an_empty_home_agrees_on_one_lock(
    scratch_world: World, running_sandbox: RunningSandbox, herd: Begin, tmp_path: Path
) -> None:
    # All see a whole path missing, and each is late for some part of it.
    scratch_world.environ["CREDHELPER_CACHE_DIR"] = str(tmp_path / "a" / "b" / "c" / "cache")
    scratch_world.environ["CREDHELPER_STATE_DIR"] = str(tmp_path / "a" / "b" / "d" / "state")
    running_sandbox.fault(LATENCY)
    the_one_token(herd(2).outcomes())
    assert running_sandbox.stats()["created"] == 1


def test_a_cold_herd_makes_one_session_and_one_token(
    scratch_world: World, running_sandbox: RunningSandbox, herd: Begin
) -> None:
    scratch_world.configure(
        running_sandbox.url, running_sandbox.api_key, main={"keep_session": True}
    )
    running_sandbox.fault(LATENCY)
    the_one_token(herd(1).outcomes())
    stats = running_sandbox.stats()
    assert (stats["created"], stats["minted"]) == (1, 1)


def test_a_herd_over_projects_makes_one_token_each(
    scratch_world: World, running_sandbox: RunningSandbox, herd: Begin
) -> None:
    names = [f"p{number}" for number in range(10)]
    scratch_world.configure(
        running_sandbox.url,
        running_sandbox.api_key,
        **{name: {"client_id": name} for name in names},
    )
    running_sandbox.fault(LATENCY)
    outcomes = herd(1, *names).outcomes()
    found = {the_one_token(outcomes[number::10]) for number in range(10)}
    assert len(found) == 10
    assert running_sandbox.stats()["created"] == 10


def test_a_herd_over_projects_shares_one_session(
    scratch_world: World, running_sandbox: RunningSandbox, herd: Begin
) -> None:
    # Each project's token has a gate of its own; they meet at the session's.
    names = [f"p{number}" for number in range(4)]
    scratch_world.configure(
        running_sandbox.url,
        running_sandbox.api_key,
        **{name: {"keep_session": True, "scopes": [name]} for name in names},
    )
    running_sandbox.fault(LATENCY)
    outcomes = herd(4, *names).outcomes()
    for number in range(4):
        the_one_token(outcomes[number::4])
    stats = running_sandbox.stats()
    assert (stats["created"], stats["minted"]) == (1, 4)


def test_a_herd_on_an_expired_token_renews_once(
    scratch_world: World, running_sandbox: RunningSandbox, herd: Begin
) -> None:
    old = scratch_world.prepare().encode()
    scratch_world.age(10**6)
    running_sandbox.fault(LATENCY)
    new = the_one_token(herd(1).outcomes())
    assert new != old
    assert running_sandbox.stats()["created"] == 2


def test_a_herd_on_a_stale_token_is_served_and_renews_once(
    scratch_world: World, running_sandbox: RunningSandbox, herd: Begin
) -> None:
    old = scratch_world.prepare().encode()
    scratch_world.age(86400 - 40)
    running_sandbox.fault(LATENCY)
    outcomes = herd(2).outcomes()
    assert {status for status, _, _ in outcomes} == {0}
    answers = {tokens_in(stdout)[0] for _, stdout, _ in outcomes}
    assert len(answers - {old}) == 1
    assert running_sandbox.stats()["created"] == 2


@pytest.mark.sampled(2)
@pytest.mark.parametrize("where", ["cold", "expired"])
def test_a_leader_that_is_killed_costs_one_more_call_at_most(
    scratch_world: World, running_sandbox: RunningSandbox, herd: Begin, where: str
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
    waiting = herd(2)
    time.sleep(0.3)
    os.kill(leader.pid, signal.SIGKILL)
    leader.communicate()
    the_one_token(waiting.outcomes())
    assert running_sandbox.stats()["requests"] - before["requests"] == 2


@pytest.mark.sampled(2)
@pytest.mark.parametrize("status", [401, 500])
def test_a_herd_shares_a_failure(
    scratch_world: World, running_sandbox: RunningSandbox, herd: Begin, status: int
) -> None:
    running_sandbox.fault({"status": status, "delay": 0.1, "times": "always"})
    begun = time.monotonic()
    outcomes = herd(2).outcomes()
    spent = time.monotonic() - begun
    assert {(status, stdout) for status, stdout, _ in outcomes} == {(5, b"")}
    # A definite no is asked for once in five seconds, trouble thrice in two; a great herd takes
    # longer than that to come.
    calls, pause = (1, 5) if status == 401 else (3, 2)
    assert running_sandbox.stats()["requests"] <= calls * (3 + int(spent / pause))


@pytest.mark.sampled(2)
@pytest.mark.waits
@pytest.mark.parametrize("killed", [False, True])
def test_a_herd_shares_the_fate_of_its_leader_where_the_api_hangs(
    scratch_world: World, running_sandbox: RunningSandbox, herd: Begin, killed: bool
) -> None:
    running_sandbox.fault({"hang": True, "times": "always"})
    leader = scratch_world.start("get", stdin=subprocess.DEVNULL)
    while not running_sandbox.stats()["requests"]:
        time.sleep(0.01)
    (lock,) = (one for one in scratch_world.cache.glob("*.lock") if "routes" not in one.name)
    waiting = herd(4)
    with lock.open() as opened:
        # A great herd takes longer to start than its leader waits for the API.
        while waiting.running() > waiters(opened.fileno()) and leader.poll() is None:
            time.sleep(0.02)
    leads = leader.poll() is None
    if killed:
        leader.kill()
    outcomes = waiting.outcomes()
    leader.communicate()
    assert {(status, stdout) for status, stdout, _ in outcomes} == {(5, b"")}
    assert all(b"no answer from" in stderr for _, _, stderr in outcomes)
    # Who comes when all is over asks again: one for many, and never each for itself.
    asked = running_sandbox.stats()["requests"]
    assert asked == (2 if killed else 1) if leads else asked <= 2 + len(outcomes) // 50


@pytest.mark.waits
def test_a_leader_that_is_stopped_is_waited_for_and_then_one_goes_on_for_all(
    scratch_world: World, running_sandbox: RunningSandbox, herd: Begin
) -> None:
    scratch_world.prepare()
    scratch_world.age(LIFETIME + 60)
    running_sandbox.fault({"hang": True})
    running_sandbox.count_from_here()
    leader = scratch_world.start("get", stdin=subprocess.DEVNULL)
    while not running_sandbox.stats()["requests"]:
        time.sleep(0.01)
    leader.send_signal(signal.SIGSTOP)
    outcomes = herd(10).outcomes()
    leader.kill()
    leader.communicate()
    assert {status for status, _, _ in outcomes} == {0}
    assert len({token for _, stdout, _ in outcomes for token in tokens_in(stdout)}) == 1
    assert running_sandbox.stats()["requests"] == 2  # the leader's, and one for all


def test_a_herd_whose_token_was_refused_makes_one_more(
    scratch_world: World, running_sandbox: RunningSandbox, herd: Begin
) -> None:
    old = scratch_world.prepare()
    scratch_world.age(120)
    refused = f"protocol=https\nhost=ica.example\nusername=oauth2\npassword={old}\n\n".encode()
    running_sandbox.fault(LATENCY)
    told = herd(10, words=["git", "erase"], stdin=refused).outcomes()
    assert {(status, stdout) for status, stdout, _ in told} == {(0, b"")}
    new = the_one_token(herd(10).outcomes())
    assert new != old.encode()
    # Late: whoever was slow to hear of it cannot take the new one away.
    herd(10, words=["git", "erase"], stdin=refused).outcomes()
    assert the_one_token(herd(10).outcomes()) == new
    assert running_sandbox.stats()["created"] == 2


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


def cid_of(token: str) -> str:
    (cid,) = jwt.decode(token, options={"verify_signature": False})["mem"]
    return str(cid).removeprefix("cid:")
