"""helm, with kubectl's files, against a Kubernetes API that checks the live token."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from integrations import proofs
from integrations.kubectl.cluster import Cluster
from integrations.servers.kubernetes import RELEASE

KUBECONFIG = Path(__file__).parent / "kubeconfig"
SECONDS = 6  # of a short-lived token: long enough for one command on a busy machine


@pytest.fixture
def program(client: Callable[[str], str]) -> str:
    return client("helm")


def test_releases_are_listed_twice_with_one_token(cluster: Cluster) -> None:
    cluster.wire(KUBECONFIG)

    # Every request has the token: nothing is tried without it first.
    proofs.two_runs_take_one_token(
        cluster, lambda: cluster.shows([RELEASE], "list", "--short"), "Bearer"
    )


def test_an_expired_token_is_renewed_by_the_next_command(
    open_cluster: Callable[..., Cluster],
) -> None:
    cluster = open_cluster("--token-lifetime", str(SECONDS))
    cluster.wire(KUBECONFIG)

    proofs.the_next_run_renews(cluster, lambda: cluster.shows([RELEASE], "list", "--short"))


def test_a_cluster_that_no_profile_names_gets_nothing(cluster: Cluster) -> None:
    other = f"127.0.0.1:{cluster.port}"
    cluster.wire(KUBECONFIG, host=other)

    outcome = cluster.run("list", "--short")

    assert outcome.status == 1
    assert f"credhelper: error: no profile covers https://{other}" in outcome.told
    assert "getting credentials: exec: executable credhelper failed" in outcome.told
    assert cluster.gate.visits == []
    assert cluster.wired.counted() == (0, 0)
