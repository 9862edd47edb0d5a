"""The client for JavaScript, with the file for it, against a Kubernetes API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integrations.kubectl.cluster import Cluster
from integrations.servers.certificates import Certificate
from integrations.servers.kubernetes import PODS
from integrations.wired import Wired

HERE = Path(__file__).parent
KUBECONFIG = HERE / "kubeconfig-javascript"
PROGRAM = "pods.mjs"
SECONDS = 6  # of a short-lived token: long enough for one program on a busy machine


@pytest.fixture
def open_cluster(
    wire: Callable[..., Wired], client: Callable[[str], str], certificate: Certificate
) -> Iterator[Callable[..., Cluster]]:
    node, packages = client("node"), Path(client("node-kubernetes"), "node_modules")
    with ExitStack() as stack:

        def start(*options: str) -> Cluster:
            cluster = Cluster(wire(*options), node, certificate, stack)
            # Modules are looked for beside the program, and in no variable.
            home = cluster.wired.world.home
            (home / PROGRAM).write_text((HERE / PROGRAM).read_text())
            (home / "node_modules").symlink_to(packages)
            return cluster

        yield start


@pytest.fixture
def cluster(open_cluster: Callable[..., Cluster]) -> Cluster:
    return open_cluster()


def test_pods_are_listed_twice_with_one_token(cluster: Cluster) -> None:
    cluster.wire(KUBECONFIG)

    assert cluster.lists(PROGRAM) == list(PODS)
    assert cluster.lists(PROGRAM) == list(PODS)

    assert cluster.wired.counted() == (1, 0)
    assert {(visit.scheme, visit.admitted) for visit in cluster.gate.visits} == {("Bearer", True)}


def test_an_expired_token_is_renewed_by_the_next_program(
    open_cluster: Callable[..., Cluster],
) -> None:
    cluster = open_cluster("--token-lifetime", str(SECONDS))
    cluster.wire(KUBECONFIG)

    assert cluster.lists(PROGRAM) == list(PODS)
    cluster.wired.wait_until(cluster.gate.admitted[-1].expires)
    assert cluster.lists(PROGRAM) == list(PODS)

    assert cluster.wired.counted() == (2, 0)
    assert not cluster.gate.refused


def test_a_cluster_that_no_profile_names_gets_nothing(cluster: Cluster) -> None:
    other = f"127.0.0.1:{cluster.port}"
    cluster.wire(KUBECONFIG, host=other)

    outcome = cluster.run(PROGRAM)

    assert outcome.status == 1
    assert f"no answer: credhelper: error: no profile names https://{other}" in outcome.told
    assert cluster.gate.visits == []
    assert cluster.wired.counted() == (0, 0)


def test_without_the_variable_it_fails_clearly(cluster: Cluster) -> None:
    cluster.wire(HERE / "kubeconfig")

    outcome = cluster.run(PROGRAM)

    assert outcome.status == 1
    assert "credhelper: error: KUBERNETES_EXEC_INFO is not set" in outcome.told
    assert cluster.gate.visits == []
