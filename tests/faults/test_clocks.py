"""Clocks that are wrong, clocks that are set in the middle of a command, and hosts that differ."""

from __future__ import annotations

import fcntl
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.faults import campaign
from tests.faults.injector import Ended, Plan, run
from tests.faults.scenarios import SCENARIOS
from tests.faults.stage import Stage
from tests.support.herds import wait_for_waiters
from tests.support.hosts import Hosts
from tests.support.sandboxes import RunningSandbox
from tests.support.stores import Single
from tests.support.worlds import World

HOUR, DAY = 3600, 86400  # seconds

Get = Callable[..., Ended]


@pytest.fixture
def get(library: Path) -> Get:
    """Give this test a way to call `get` on a host with a clock of its own: see `Plan`."""

    def called(world: World, plan: Plan, **how: object) -> Ended:
        ended = run(library, ["get"], plan, world, **how)  # type: ignore[arg-type]  # passed on
        world.hold_to_silence(ended)
        assert not ended.hung
        return ended

    return called


@pytest.mark.sampled(2)
@pytest.mark.parametrize("ahead", [-400 * DAY, -30 * HOUR, 30 * HOUR, 400 * DAY])
def test_by_a_clock_that_is_wrong_one_token_is_made_and_served(
    ahead: int, scratch_world: World, running_sandbox: RunningSandbox, get: Get
) -> None:
    told = [get(scratch_world, Plan(ahead=ahead)) for _ in range(3)]
    assert {one.status for one in told} == {0}, told
    assert len({one.token for one in told}) == 1
    assert running_sandbox.stats()["requests"] == 1


@pytest.mark.sampled(2)
@pytest.mark.parametrize("ahead", [-30 * HOUR, 30 * HOUR])
def test_by_a_clock_that_is_wrong_a_token_ends_when_it_ends(
    ahead: int, scratch_world: World, running_sandbox: RunningSandbox, get: Get
) -> None:
    before = get(scratch_world, Plan(ahead=ahead)).token
    scratch_world.age(DAY - HOUR)
    assert get(scratch_world, Plan(ahead=ahead)).token == before
    scratch_world.age(2 * HOUR)
    assert get(scratch_world, Plan(ahead=ahead)).token != before
    assert running_sandbox.stats()["requests"] == 2


def test_hosts_that_differ_share_a_home_and_each_makes_one_token_at_most(
    scratch_world: World, running_sandbox: RunningSandbox, get: Get
) -> None:
    hosts = [Plan(host="right"), Plan(host="late", ahead=-30 * HOUR), Plan(host="early", ahead=DAY)]
    first = [get(scratch_world, plan) for plan in hosts]
    made = running_sandbox.stats()["created"]
    assert made <= len(hosts)
    then = [get(scratch_world, plan) for plan in hosts * 2]
    assert {one.status for one in (*first, *then)} == {0}
    assert running_sandbox.admits(then[-1].token)
    # By now each has measured how far its clock is from the server's.
    assert len({one.token for one in then}) == 1
    assert running_sandbox.stats()["created"] == made


def test_hosts_of_a_fleet_that_differ_make_one_token(
    tmp_path: Path, running_sandbox: RunningSandbox, get: Get
) -> None:
    (tmp_path / "hosts").mkdir()
    store = Single(tmp_path / "store")
    try:
        hosts = Hosts(tmp_path / "hosts", running_sandbox, store.url)
        plans = [
            Plan(host=f"node{number}", ahead=ahead)
            for number, ahead in enumerate((20 * HOUR, -20 * HOUR))
        ]
        told = [get(hosts.host(), plan) for plan in (*plans, *plans)]
        told.append(get(hosts.taker(), Plan(host="taker", ahead=-10 * HOUR)))
    finally:
        store.stop()
    assert {(one.status, one.told) for one in told} == {(0, "")}
    assert len({one.token for one in told}) == 1
    assert running_sandbox.stats()["created"] == 1


def test_a_host_without_a_key_whose_clock_was_wrong_takes_the_same_token_again(
    tmp_path: Path, running_sandbox: RunningSandbox, get: Get
) -> None:
    (tmp_path / "hosts").mkdir()
    store = Single(tmp_path / "store")
    try:
        hosts = Hosts(tmp_path / "hosts", running_sandbox, store.url)
        token = hosts.host().get()
        taker = hosts.taker()
        told = [get(taker, Plan(ahead=ahead)) for ahead in (-20 * HOUR, 0)]
    finally:
        store.stop()
    assert {one.status for one in told} == {0}, told
    assert {one.token for one in told} == {token}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("by", [-2 * DAY, -2 * HOUR, 2 * HOUR, 2 * DAY])
def test_a_clock_that_is_set_while_a_call_waits_for_a_lock_ends_no_wait(
    by: int, scratch_world: World, running_sandbox: RunningSandbox, get: Get
) -> None:
    old = scratch_world.prepare()
    scratch_world.age(DAY + 60)
    (record,) = scratch_world.records()
    with open(f"{record}.lock", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        plan = Plan("set", by, ("lock",), "cache/#.lock")
        ended = get(scratch_world, plan, meanwhile=partial(_let_in, lock.fileno()))
    assert ended.befell
    assert ended.status == 0, ended
    assert running_sandbox.admits(ended.token)
    # By a clock that was set back the old one lives.
    assert running_sandbox.stats()["created"] == (1 if ended.token == old else 2)
    assert by < 0 or ended.token != old


def _let_in(lock: int, process: subprocess.Popen[bytes]) -> None:
    wait_for_waiters(lock, 1)
    fcntl.flock(lock, fcntl.LOCK_UN)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("fault", campaign.CLOCKS)
def test_a_clock_that_is_set_in_the_middle_breaks_no_promise(
    fault: str, tmp_path: Path, running_sandbox: RunningSandbox, library: Path
) -> None:
    stage = Stage(tmp_path, running_sandbox)
    scenario = SCENARIOS["get-login"]
    scenario.prepare(stage)
    stage.keep()
    points = campaign.counted(stage, scenario, library)
    for case in campaign.some(campaign.all_cases(scenario, points, [fault]), 3, 1):
        ended, broken = campaign.judged(stage, scenario, case, library)
        assert not broken, (case, ended)
