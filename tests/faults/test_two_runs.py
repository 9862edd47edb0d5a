"""Faults that take two runs to show: one beside another that stands still, one after another."""

from __future__ import annotations

import errno
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults.injector import WRITING, Plan, Point, at, run
from tests.faults.scenarios import SCENARIOS
from tests.faults.stage import OTHER_CID, Stage
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import tokens_in


@pytest.fixture
def stage(tmp_path: Path, running_sandbox: RunningSandbox) -> Stage:
    """Give this test an empty stage."""
    return Stage(tmp_path, running_sandbox)


def test_a_full_disk_does_not_cost_a_token_a_call(stage: Stage, library: Path) -> None:
    scenario = SCENARIOS["get-stale"]
    scenario.prepare(stage)
    scenario.begin(stage)
    stage.sandbox.count_from_here()
    plan = Plan("fail", errno.ENOSPC, WRITING, times=0, then=WRITING)
    for _ in range(3):
        ended = run(library, scenario.words(stage), plan, stage.world)
        assert ended.status == 0, ended
    assert stage.sandbox.stats()["created"] <= 1


@pytest.mark.waits
def test_a_logout_outlasts_a_get_that_is_on_its_way(stage: Stage, library: Path) -> None:
    SCENARIOS["get-cold"].prepare(stage)

    def leave() -> None:
        stage.world.run("logout")

    ended = run(
        library, ["get"], at(Point("send", "network"), "stop"), stage.world, while_stopped=leave
    )
    assert ended.befell, ended
    alive = [token for data in stage.files().values() for token in tokens_in(data)]
    assert not [token for token in alive if stage.sandbox.admits(token.decode())], ended


def test_a_living_token_does_not_wait_for_whoever_holds_the_session(
    stage: Stage, library: Path
) -> None:
    scenario = SCENARIOS["get-keep-session"]
    scenario.prepare(stage)
    shared = {"keep_session": True}
    stage.world.configure(
        stage.sandbox.url,
        stage.sandbox.api_key,
        main=shared,
        other={**shared, "cid": OTHER_CID, "services": []},
    )
    stage.world.get("--profile", "other")
    scenario.begin(stage)
    waited = []

    def ask() -> None:
        asking = stage.world.start("get", "--profile", "other")
        with suppress(subprocess.TimeoutExpired):
            asking.wait(25)  # less than the wait for a lock, more than a busy machine needs
        waited.append(asking.poll())
        asking.kill()
        asking.communicate()

    ended = run(
        library, ["get"], at(Point("send", "network"), "stop"), stage.world, while_stopped=ask
    )
    assert ended.status == 0, ended
    assert waited == [0]
