"""helm, with kubectl's files, against a Kubernetes API that checks the live token."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integrations.kubectl.cluster import Cluster
from integrations.servers.certificates import Certificate
from integrations.servers.kubernetes import RELEASE
from integrations.wired import Wired

KUBECONFIG = Path(__file__).parent / "kubeconfig"
SECONDS = 6  # of a short-lived token: long enough for one command on a busy machine


@pytest.fixture
def open_cluster(
    wire: Callable[..., Wired], client: Callable[[str], str], certificate: Certificate
) -> Iterator[Callable[..., Cluster]]:
    helm = client("helm")
    with ExitStack() as stack:
        yield lambda *options: Cluster(wire(*options), helm, certificate, stack)


@pytest.fixture
def cluster(open_cluster: Callable[..., Cluster]) -> Cluster:
    return open_cluster()


def test_releases_are_listed_twice_with_one_token(cluster: Cluster) -> None:
    cluster.wire(KUBECONFIG)

    assert cluster.lists("list", "--short") == [RELEASE]
    assert cluster.lists("list", "--short") == [RELEASE]

    assert cluster.wired.counted() == (1, 0)
    assert {(visit.scheme, visit.admitted) for visit in cluster.gate.visits} == {("Bearer", True)}


def test_an_expired_token_is_renewed_by_the_next_command(
    open_cluster: Callable[..., Cluster],
) -> None:
    cluster = open_cluster("--token-lifetime", str(SECONDS))
    cluster.wire(KUBECONFIG)

    assert cluster.lists("list", "--short") == [RELEASE]
    cluster.wired.wait_until(cluster.gate.admitted[-1].expires)
    assert cluster.lists("list", "--short") == [RELEASE]

    assert cluster.wired.counted() == (2, 0)
    assert not cluster.gate.refused


def test_a_cluster_that_no_profile_names_gets_nothing(cluster: Cluster) -> None:
    other = f"127.0.0.1:{cluster.port}"
    cluster.wire(KUBECONFIG, host=other)

    outcome = cluster.run("list", "--short")

    assert outcome.status == 1
    assert f"credhelper: error: no profile names https://{other}" in outcome.told
    assert "getting credentials: exec: executable credhelper failed" in outcome.told
    assert cluster.gate.visits == []
    assert cluster.wired.counted() == (0, 0)
