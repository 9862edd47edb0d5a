"""A world in which all is well, for the doctor to look at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.doctor.stage import Stage
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World


@pytest.fixture
def stage(scratch_world: World, running_sandbox: RunningSandbox) -> Iterator[Stage]:
    """Give this test a world with one profile, `main`, in which all is well."""
    made = Stage(scratch_world, running_sandbox)
    made.configure()
    yield made
    for server in made.served:
        server.stop()
