"""Fixtures for every test: a sandbox that runs, and a scratch world that is configured for it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.recorder import Recorder
from tests.support.sandboxes import RunningSandbox
from tests.support.servers import Witness
from tests.support.worlds import World


@pytest.fixture(scope="session")
def sandboxes() -> Iterator[list[RunningSandbox]]:
    """Keep the sandbox that tests of this process share; `running_sandbox` is the one to use."""
    pytest.importorskip("jwt", reason="the sandbox needs credhelper[sandbox]")
    shared: list[RunningSandbox] = []
    yield shared
    for each in shared:
        each.stop()


@pytest.fixture
def running_sandbox(sandboxes: list[RunningSandbox]) -> Iterator[RunningSandbox]:
    """Give this test the sandbox of this process: no faults wait, and it counts from zero."""
    if not sandboxes:
        sandboxes.append(RunningSandbox())
    (sandbox,) = sandboxes
    sandbox.reset()
    yield sandbox
    if sandbox.spoilt:
        # It does what it was asked even if the asker was killed meanwhile: the next test would
        # find it among its own.
        sandboxes.remove(sandbox)
        sandbox.stop()


@pytest.fixture
def recorder(running_sandbox: RunningSandbox) -> Iterator[Recorder]:
    """Give this test a door to the sandbox that remembers what was said."""
    served = Recorder(running_sandbox.url)
    yield served
    served.stop()


@pytest.fixture
def start_sandbox() -> Iterator[Callable[..., RunningSandbox]]:
    """Give this test a way to start sandboxes with options of its own."""
    running: list[RunningSandbox] = []

    def start(*options: str) -> RunningSandbox:
        running.append(RunningSandbox(*options))
        return running[-1]

    yield start
    for each in running:
        each.stop()


@pytest.fixture
def scratch_world(tmp_path: Path, running_sandbox: RunningSandbox) -> World:
    """Give this test a world whose one profile, `main`, is for https://ica.example."""
    world = World(tmp_path)
    world.configure(running_sandbox.url, running_sandbox.api_key)
    world.canaries.append(running_sandbox.password)
    return world


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a private folder."""
    path = tmp_path / "private"
    path.mkdir()
    os.chmod(path, 0o700)
    return path


@pytest.fixture
def witness() -> Iterator[Witness]:
    """Give this test a socket that nobody may talk to."""
    served = Witness()
    yield served
    served.stop()
