"""Fixtures for Python programs: nothing remembered, an API that asks for tokens, credentials."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from credhelper import Credentials
from credhelper.inprocess import tokens
from tests.support.guarded import Guarded
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """Let each test begin, and end, with nothing remembered."""
    tokens.forget()
    yield
    tokens.forget()


@pytest.fixture
def open_api() -> Iterator[Callable[[], Guarded]]:
    """Give this test a way to open APIs, each an origin of its own."""
    opened: list[Guarded] = []

    def start() -> Guarded:
        opened.append(Guarded())
        return opened[-1]

    yield start
    for each in opened:
        each.stop()


@pytest.fixture
def api(open_api: Callable[[], Guarded]) -> Guarded:
    """Give this test an API on loopback."""
    return open_api()


@pytest.fixture
def credentials(scratch_world: World, running_sandbox: RunningSandbox, api: Guarded) -> Credentials:
    """Give this test the credentials of a profile that names the API."""
    scratch_world.configure(
        running_sandbox.url, running_sandbox.api_key, main={"services": [api.url]}
    )
    return Credentials(environ=scratch_world.environ)
