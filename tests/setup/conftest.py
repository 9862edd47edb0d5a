"""Who sets tools up, in the tests of `credhelper setup`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Person
from tests.setup.cases import CANARY
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World

GIT = ("setup", "git", "--service", "https://git.example")


@pytest.fixture
def person(tmp_path: Path, running_sandbox: RunningSandbox) -> Person:
    """Give this test somebody with two profiles, of which both name one service."""
    world = World(tmp_path)
    services = {"services": ["https://both.example"]}
    world.configure(
        running_sandbox.url,
        running_sandbox.api_key,
        main={"services": ["https://git.example", "https://registry.example"]},
        alpha=services,
        beta=services,
    )
    world.canaries.append(CANARY)
    return Person(world, running_sandbox)


def gitconfig(person: Person) -> Path:
    return person.world.home / ".gitconfig"
