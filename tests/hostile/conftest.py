"""A world that many cases share, since none may change it.

Scenarios assert as tests do, and so should fail with as many words.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World

pytest.register_assert_rewrite("tests.hostile.scenarios")


@pytest.fixture(scope="session")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Give all cases of this process a world in which a token is held that lives."""
    pytest.importorskip("jwt", reason="the sandbox needs credhelper[sandbox]")
    sandbox = RunningSandbox()
    world = World(tmp_path_factory.mktemp("shared"))
    world.configure(sandbox.url, sandbox.api_key)
    world.canaries.append(sandbox.password)
    world.get()
    yield world
    sandbox.stop()
