"""Fixtures for clients of registries: a harbour, and an image."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integrations.docker.harbour import Harbour, image_in
from integrations.servers.certificates import Certificate
from integrations.wired import Wired


@pytest.fixture
def open_harbour(
    wire: Callable[..., Wired], client: Callable[[str], str], certificate: Certificate
) -> Iterator[Callable[..., Harbour]]:
    with ExitStack() as stack:

        def start(*options: str, auth: str = "basic") -> Harbour:
            return Harbour(wire(*options), client, certificate, stack, auth)

        yield start


@pytest.fixture
def harbour(open_harbour: Callable[..., Harbour]) -> Harbour:
    return open_harbour()


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """Give this test an image of one small file, as an OCI layout."""
    return image_in(tmp_path / "layout")
