"""Fixtures for clients of Kubernetes: a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from integrations.kubectl.cluster import Cluster
from integrations.servers.certificates import Certificate
from integrations.wired import Wired


@pytest.fixture
def open_cluster(
    wire: Callable[..., Wired], program: str, certificate: Certificate
) -> Iterator[Callable[..., Cluster]]:
    """Give this test a way to open a cluster for the client that the file's `program` is."""
    with ExitStack() as stack:
        yield lambda *options: Cluster(wire(*options), program, certificate, stack)


@pytest.fixture
def cluster(open_cluster: Callable[..., Cluster]) -> Cluster:
    return open_cluster()
