"""kubectl, with the files beside this one, against a Kubernetes API that checks the live token."""

from __future__ import annotations

import http.client
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integrations import clients, proofs
from integrations.kubectl.cluster import PLACEHOLDER, Cluster
from integrations.servers.kubernetes import PODS
from tests.support.worlds import TIMEOUT

HERE = Path(__file__).parent
GET_PODS = ("get", "pods", "--no-headers")
SECONDS = 6  # of a short-lived token: long enough for one command on a busy machine


@pytest.fixture
def program(client: Callable[[str], str]) -> str:
    return client("kubectl")


@pytest.mark.parametrize(
    "kubeconfig", ["kubeconfig", "kubeconfig-v1beta1", "kubeconfig-javascript"]
)
def test_pods_are_listed_twice_with_one_token(cluster: Cluster, kubeconfig: str) -> None:
    cluster.wire(HERE / kubeconfig)

    # Every request has the token: nothing is tried without it first.
    proofs.two_runs_take_one_token(cluster, lambda: cluster.shows(PODS, *GET_PODS), "Bearer")


def test_a_cluster_behind_a_tunnel_is_named_on_the_command_line(cluster: Cluster) -> None:
    tunnel = {"127.0.0.1:16443": f"127.0.0.1:{cluster.port}"}
    # The profile, too, goes on naming the cluster as the world knows it.
    cluster.host = PLACEHOLDER
    cluster.wire(HERE / "kubeconfig-tunnel", **tunnel)

    assert cluster.lists(*GET_PODS) == list(PODS)
    assert cluster.lists(*GET_PODS) == list(PODS)
    assert cluster.wired.counted() == (1, 0)


def test_a_kubeconfig_that_is_there_is_changed_by_kubectl_itself(cluster: Cluster) -> None:
    cluster.wire(HERE / "kubeconfig")
    cluster.change("command: credhelper", "command: something-else")
    cluster.change("name: credhelper", "name: somebody")
    cluster.change("user: credhelper", "user: somebody")
    folder = Path(cluster.program).parent
    cluster.wired.environ["PATH"] = f"{folder}:{cluster.wired.environ['PATH']}"

    assert cluster.wired.run("sh", "-e", str(HERE / "wire.sh")).status == 0

    assert cluster.lists(*GET_PODS) == list(PODS)
    kept = (cluster.wired.world.home / ".kube/config").read_text()
    assert "something-else" in kept


def test_an_expired_token_is_renewed_by_the_next_command(
    open_cluster: Callable[..., Cluster],
) -> None:
    cluster = open_cluster("--token-lifetime", str(SECONDS))
    cluster.wire(HERE / "kubeconfig")

    proofs.the_next_run_renews(cluster, lambda: cluster.shows(PODS, *GET_PODS))


@pytest.fixture
def proxy(open_cluster: Callable[..., Cluster]) -> Iterator[tuple[Cluster, Callable[[], int]]]:
    """Give a cluster, and a way to ask a kubectl that runs on and on; returns the HTTP status."""
    cluster = open_cluster("--token-lifetime", str(SECONDS))
    cluster.wire(HERE / "kubeconfig")
    with subprocess.Popen(
        [cluster.program, "proxy", "--port=0"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env=cluster.wired.environ,
        cwd=cluster.wired.world.home,
    ) as process:
        assert process.stdout
        address = process.stdout.readline().split()[-1].decode()

        def ask() -> int:
            connection = http.client.HTTPConnection(address, timeout=TIMEOUT)
            connection.request("GET", "/api/v1/namespaces/default/pods")
            status = connection.getresponse().status
            connection.close()
            return status

        yield cluster, ask
        process.terminate()


def test_a_kubectl_that_runs_on_renews_an_expired_token(
    proxy: tuple[Cluster, Callable[[], int]],
) -> None:
    cluster, ask = proxy

    assert [ask(), ask()] == [200, 200]
    cluster.wired.wait_until(cluster.gate.admitted[-1].expires)
    assert [ask(), ask()] == [200, 200]

    assert cluster.wired.counted() == (2, 0)
    assert not cluster.gate.refused


def test_a_kubectl_that_runs_on_asks_again_after_a_refusal(
    proxy: tuple[Cluster, Callable[[], int]],
) -> None:
    cluster, ask = proxy
    assert ask() == 200

    cluster.wired.sandbox.revoke_all()
    assert cluster.wired.run("credhelper", "logout").status == 0

    # The answer that shows the refusal is lost; the next request has the new token.
    assert [ask(), ask()] == [401, 200]


def test_a_cluster_that_no_profile_names_gets_nothing(cluster: Cluster) -> None:
    # The other name of the same server: kubectl asks us about it, and we are the ones who decline.
    other = f"127.0.0.1:{cluster.port}"
    cluster.wire(HERE / "kubeconfig", host=other)

    outcome = cluster.run(*GET_PODS)

    assert outcome.status == 1
    assert f"credhelper: error: no profile covers https://{other}" in outcome.told
    assert f"credhelper profile add work --service https://{other}" in outcome.told
    assert "getting credentials: exec: executable credhelper failed" in outcome.told
    assert cluster.gate.visits == []
    assert cluster.wired.counted() == (0, 0)


def test_the_wrong_profile_is_told_and_gives_nothing(cluster: Cluster) -> None:
    cluster.wire(
        HERE / "kubeconfig",
        "[profiles.other]",
        f'url = "{cluster.wired.sandbox.url}"',
        'grant = { file = "~/.config/credhelper/api-key" }',
        'services = ["https://other.example.org"]',
    )

    for name, reason in (
        ("other", f"profile other does not cover https://{cluster.host}"),
        ("nobody", "there is no profile nobody; known profiles: work, other"),
    ):
        cluster.change("args: [kubectl", f"args: [kubectl, --profile, {name}")
        outcome = cluster.run(*GET_PODS)
        assert outcome.status == 1
        assert f"credhelper: error: {reason}" in outcome.told
        cluster.change(f", --profile, {name}", "")

    assert cluster.gate.visits == []
    assert cluster.wired.counted() == (0, 0)


def test_without_the_clusters_info_the_hint_says_which_line_is_missing(cluster: Cluster) -> None:
    cluster.wire(HERE / "kubeconfig")
    cluster.change("provideClusterInfo: true", "provideClusterInfo: false")

    outcome = cluster.run(*GET_PODS)

    assert outcome.status == 1
    assert "credhelper: hint: set provideClusterInfo: true in the kubeconfig" in outcome.told
    assert cluster.gate.visits == []


def test_a_revoked_token_is_replaced_after_a_logout(cluster: Cluster) -> None:
    cluster.wire(HERE / "kubeconfig")
    cluster.lists(*GET_PODS)
    cluster.wired.sandbox.revoke_all()

    # The protocol does not tell that the token was refused: it would be given again and again.
    for _ in range(2):
        assert "You must be logged in to the server" in cluster.run(*GET_PODS).told
    assert cluster.wired.counted() == (1, 0)

    assert cluster.wired.run("credhelper", "logout").status == 0
    assert cluster.lists(*GET_PODS) == list(PODS)
    assert cluster.wired.counted() == (2, 0)


def test_when_no_token_can_be_had_kubectl_shows_our_reason(cluster: Cluster) -> None:
    cluster.wire(HERE / "kubeconfig")
    cluster.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})

    outcome = cluster.run(*GET_PODS)

    assert outcome.status == 1
    assert "answered 401" in outcome.told
    assert "credhelper: hint: the key, password or session may be wrong" in outcome.told
    # kubectl tries more than once; the API is asked once all the same.
    assert cluster.wired.sandbox.stats()["requests"] == 1
    assert cluster.gate.visits == []


def test_a_program_that_is_not_there_is_told_with_our_hint(cluster: Cluster) -> None:
    cluster.wire(HERE / "kubeconfig")
    cluster.change("command: credhelper", "command: credhelper-away")

    outcome = cluster.run(*GET_PODS)

    assert outcome.status == 1
    assert "executable credhelper-away not found" in outcome.told
    assert "credhelper is not on PATH: pip install credhelper" in outcome.told


def test_the_list_of_plugins_that_may_run_names_ours(cluster: Cluster) -> None:
    found = clients.version("kubectl")
    if tuple(map(int, found.split(".")[:2])) < (1, 35):
        pytest.skip(f"kubectl {found} knows no list of plugins that may run")
    cluster.wire(HERE / "kubeconfig")
    cluster.wired.place(HERE / "kuberc", ".kube/kuberc", {})

    assert cluster.lists(*GET_PODS) == list(PODS)

    # The list is heeded: another program of the same name is not let in.
    cluster.wired.place(HERE / "kuberc", ".kube/kuberc", {"credhelper\n": "/opt/credhelper\n"})
    assert "not permitted by the credential plugin allowlist" in cluster.run(*GET_PODS).told


def test_setup_wires_a_cluster_up_and_takes_it_back(cluster: Cluster) -> None:
    cluster.wire(HERE / "kubeconfig")
    cluster.change("command: credhelper", "command: something-else")
    cluster.change("name: credhelper", "name: somebody")
    cluster.change("user: credhelper", "user: somebody")

    with cluster.wired.set_up("kubectl", "--service", f"https://{cluster.host}"):
        context = ("--context", "credhelper@work")
        assert cluster.lists(*GET_PODS, *context) == list(PODS)
        assert cluster.lists(*GET_PODS, *context) == list(PODS)
        assert cluster.wired.counted() == (1, 0)
