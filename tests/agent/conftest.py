"""The fixtures of what listens: worlds whose profile says what AWS keys are for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.agent.agents import Agent, Elsewhere, Start
from tests.agent.endpoints import Running
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World

FOR = {"aws": {"folder": "fol.alpha"}}


@pytest.fixture
def aws_world(scratch_world: World, running_sandbox: RunningSandbox) -> World:
    """Give this test a world whose one profile, `main`, has AWS keys for a folder."""
    scratch_world.configure(running_sandbox.url, running_sandbox.api_key, main=FOR)
    return scratch_world


@pytest.fixture
def short_lived(tmp_path: Path, start_sandbox: Callable[..., RunningSandbox]) -> World:
    """Give this test a world whose AWS keys live six seconds; `api` is its sandbox."""
    api = start_sandbox("--aws-lifetime", "6")
    world = World(tmp_path)
    world.configure(api.url, api.api_key, main=FOR)
    world.api = api  # type: ignore[attr-defined]  # read by these tests alone
    return world


@pytest.fixture
def begun() -> Iterator[Callable[..., Running]]:
    """Give this test a way to start `exec --aws-endpoint`."""
    started: list[Running] = []

    def begin(world: World, *options: str, **how: object) -> Running:
        started.append(Running(world, *options, **how))  # type: ignore[arg-type]  # passed on
        return started[-1]

    yield begin
    for each in started:
        if each.outcome is None:
            each.finish()


@pytest.fixture
def agents() -> Iterator[Start]:
    """Give this test a way to start agents."""
    with ExitStack() as stack:

        def start(world: World, *options: str, **how: object) -> Agent:
            agent = Agent(world, *options, **how)  # type: ignore[arg-type]  # passed on
            stack.callback(agent.stop)
            return agent

        yield start


@pytest.fixture
def agent(scratch_world: World, agents: Start) -> Agent:
    return agents(scratch_world)


@pytest.fixture
def elsewhere(tmp_path: Path, agent: Agent) -> Elsewhere:
    return Elsewhere(tmp_path / "elsewhere", agent)
