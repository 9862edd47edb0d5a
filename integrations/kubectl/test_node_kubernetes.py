"""The client for JavaScript, with the file for it, against a Kubernetes API."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from integrations import proofs
from integrations.kubectl.cluster import Cluster
from integrations.servers.kubernetes import PODS

HERE = Path(__file__).parent
KUBECONFIG = HERE / "kubeconfig-javascript"
PROGRAM = "pods.mjs"
SECONDS = 6  # of a short-lived token: long enough for one program on a busy machine


@pytest.fixture
def program(client: Callable[[str], str]) -> str:
    return client("node")


@pytest.fixture
def open_cluster(
    open_cluster: Callable[..., Cluster], client: Callable[[str], str]
) -> Callable[..., Cluster]:
    packages = Path(client("node-kubernetes"), "node_modules")

    def start(*options: str) -> Cluster:
        cluster = open_cluster(*options)
        # Modules are looked for beside the program, and in no variable.
        home = cluster.wired.world.home
        (home / PROGRAM).write_text((HERE / PROGRAM).read_text())
        (home / "node_modules").symlink_to(packages)
        return cluster

    return start


def test_pods_are_listed_twice_with_one_token(cluster: Cluster) -> None:
    cluster.wire(KUBECONFIG)

    # Every request has the token: nothing is tried without it first.
    proofs.two_runs_take_one_token(cluster, lambda: cluster.shows(PODS, PROGRAM), "Bearer")


def test_an_expired_token_is_renewed_by_the_next_program(
    open_cluster: Callable[..., Cluster],
) -> None:
    cluster = open_cluster("--token-lifetime", str(SECONDS))
    cluster.wire(KUBECONFIG)

    proofs.the_next_run_renews(cluster, lambda: cluster.shows(PODS, PROGRAM))


def test_a_cluster_that_no_profile_names_gets_nothing(cluster: Cluster) -> None:
    other = f"127.0.0.1:{cluster.port}"
    cluster.wire(KUBECONFIG, host=other)

    outcome = cluster.run(PROGRAM)

    assert outcome.status == 1
    assert f"no answer: credhelper: error: no profile covers https://{other}" in outcome.told
    assert cluster.gate.visits == []
    assert cluster.wired.counted() == (0, 0)


def test_without_the_variable_it_fails_clearly(cluster: Cluster) -> None:
    cluster.wire(HERE / "kubeconfig")

    outcome = cluster.run(PROGRAM)

    assert outcome.status == 1
    assert "credhelper: error: KUBERNETES_EXEC_INFO is not set" in outcome.told
    assert cluster.gate.visits == []
