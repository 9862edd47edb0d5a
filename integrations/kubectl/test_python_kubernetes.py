"""The kubernetes package for Python, with the same kubeconfig, against a Kubernetes API."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from integrations import proofs
from integrations.kubectl.cluster import Cluster
from integrations.servers.kubernetes import PODS

HERE = Path(__file__).parent
KUBECONFIG = HERE / "kubeconfig"
PROGRAM = str(HERE / "pods.py")
SECONDS = 8  # of a short-lived token: most of the package is loaded after it was asked for


@pytest.fixture
def program(client: Callable[[str], str]) -> str:
    return client("python-kubernetes")


def test_pods_are_listed_twice_with_one_token(cluster: Cluster) -> None:
    cluster.wire(KUBECONFIG)

    # Every request has the token: nothing is tried without it first.
    proofs.two_runs_take_one_token(cluster, lambda: cluster.shows(PODS, PROGRAM), "Bearer")


def test_an_expired_token_is_renewed_by_the_next_program(
    open_cluster: Callable[..., Cluster],
) -> None:
    cluster = open_cluster("--token-lifetime", str(SECONDS))
    cluster.wire(KUBECONFIG)

    assert cluster.lists(PROGRAM) == list(PODS)
    before, _ = cluster.wired.counted()
    cluster.wired.wait_until(cluster.gate.admitted[-1].expires)
    assert cluster.lists(PROGRAM) == list(PODS)

    assert cluster.wired.counted()[0] > before
    assert not cluster.gate.refused


def test_an_expired_token_is_renewed_within_a_program(
    open_cluster: Callable[..., Cluster],
) -> None:
    cluster = open_cluster("--token-lifetime", str(SECONDS))
    cluster.wire(KUBECONFIG)
    program = (HERE / "pods.py").read_text()
    again = program + f"\nimport time\n\ntime.sleep({SECONDS})\n" + program

    assert cluster.lists("-c", again) == [*PODS, *PODS]

    assert cluster.wired.counted()[0] > 1
    assert not cluster.gate.refused


def test_when_no_token_can_be_had_it_logs_our_reason_and_goes_on_without(cluster: Cluster) -> None:
    cluster.wire(KUBECONFIG)
    cluster.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})

    outcome = cluster.run(PROGRAM)

    assert outcome.status == 1
    assert "exec: process returned 5. credhelper: error:" in outcome.told
    assert "the cluster says 401" in outcome.told
    assert [(visit.scheme, visit.admitted) for visit in cluster.gate.visits] == [("", False)]


def test_a_cluster_that_no_profile_names_gets_nothing(cluster: Cluster) -> None:
    cluster.wire(KUBECONFIG, host=f"127.0.0.1:{cluster.port}")

    outcome = cluster.run(PROGRAM)

    assert outcome.status == 1
    assert f"error: no profile covers https://127.0.0.1:{cluster.port}" in outcome.told
    assert [(visit.scheme, visit.admitted) for visit in cluster.gate.visits] == [("", False)]
    assert cluster.wired.counted() == (0, 0)


def test_without_the_clusters_info_the_hint_says_which_line_is_missing(cluster: Cluster) -> None:
    cluster.wire(KUBECONFIG)
    cluster.change("provideClusterInfo: true", "provideClusterInfo: false")

    outcome = cluster.run(PROGRAM)

    assert outcome.status == 1
    assert "hint: set provideClusterInfo: true in the kubeconfig" in outcome.told
    assert cluster.wired.counted() == (0, 0)
