"""The fixtures of kept token files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World


@pytest.fixture
def short_lived(tmp_path: Path, start_sandbox: Callable[..., RunningSandbox]) -> World:
    """Give this test a world whose tokens live six seconds; `api` is its sandbox."""
    api = start_sandbox("--token-lifetime", "6")
    world = World(tmp_path)
    world.configure(api.url, api.api_key)
    world.api = api  # type: ignore[attr-defined]  # read by these tests alone
    return world
