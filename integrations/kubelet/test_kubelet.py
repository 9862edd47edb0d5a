"""The kubelet's credential provider, with the files beside this one, and a caller of our own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.callers import Guarded
from integrations.kubelet.caller import Kubelet

HERE = Path(__file__).parent
PLACEHOLDER = "registry.example.org"
FILES = {"/v2/team/tool/manifests/1": b"{}", "/v2/team/other/manifests/1": b"{}"}
SECONDS = 6  # of a short-lived token: long enough for one pull on a busy machine
FOLDER = "providers"


@pytest.fixture
def open_node(guarded: Callable[..., Guarded]) -> Callable[..., Guarded]:
    def start(*options: str) -> Guarded:
        node = guarded(*options, folder=HERE, placeholder=PLACEHOLDER, files=FILES, bearer=False)
        root = str(node.wired.world.root)
        etc = {"/etc/credhelper": f"{root}/etc"}
        node.wired.place(
            HERE / "credhelper.toml",
            "../etc/config.toml",
            {PLACEHOLDER: node.host, "https://aps2.platform.illumina.com": node.wired.sandbox.url}
            | etc,
        )
        key = node.wired.world.root / "etc/api-key"
        key.touch(0o600)
        key.write_text(node.wired.sandbox.api_key)
        node.place(
            "credential-provider-config.yaml",
            "providers.yaml",
            **etc,
            **{"/var/cache": f"{root}/var/cache", "/var/lib": f"{root}/var/lib"},
        )
        node.link(f"{FOLDER}/credhelper-credential-provider")
        return node

    return start


@pytest.fixture
def node(open_node: Callable[..., Guarded]) -> Guarded:
    return open_node()


def kubelet(node: Guarded) -> Kubelet:
    home = node.wired.world.home
    return Kubelet(node, home / "providers.yaml", home / FOLDER)


def test_two_kubelets_pull_with_one_token(node: Guarded) -> None:
    for _ in range(2):
        one = kubelet(node)
        assert [one.pull(f"{node.host}/team/{name}") for name in ("tool", "tool", "other")] == [
            200,
            200,
            200,
        ]
        assert one.asked == 1, "the answer is kept for the registry"
        assert not one.log

    assert node.wired.counted() == (1, 0)
    assert {(visit.scheme, visit.username) for visit in node.gate.admitted} == {("Basic", "oauth2")}
    assert not node.gate.refused
    # Nothing lies where a service without a home would have it.
    assert not (node.wired.world.home / ".cache").exists()


def test_an_expired_token_is_renewed_by_the_next_pull(open_node: Callable[..., Guarded]) -> None:
    node = open_node("--token-lifetime", str(SECONDS))
    one = kubelet(node)
    assert one.pull(f"{node.host}/team/tool") == 200
    node.outlive()
    assert one.pull(f"{node.host}/team/tool") == 200
    assert one.asked == 2
    assert node.renewed_once()


def test_setup_wires_the_kubelet_up_and_takes_it_back(node: Guarded) -> None:
    home = node.wired.world.home
    (home / "providers.yaml").write_text("# of this node\n")
    (home / FOLDER / "credhelper-credential-provider").unlink()
    root = node.wired.world.root
    # An administrator who has the node's config, not one of their own.
    node.wired.environ |= {
        "CREDHELPER_CONFIG": str(root / "etc/config.toml"),
        "CREDHELPER_CACHE_DIR": str(root / "var/cache/credhelper"),
        "CREDHELPER_STATE_DIR": str(root / "var/lib/credhelper"),
    }
    where = ("--file", str(home / "providers.yaml"), "--bin", str(home / FOLDER))
    with node.wired.set_up("kubelet", "--service", f"https://{node.host}", *where):
        one = kubelet(node)
        assert [one.pull(f"{node.host}/team/tool") for _ in range(2)] == [200, 200]
        assert (one.asked, one.log) == (1, [])
    assert node.wired.counted() == (1, 0)
    assert not node.gate.refused


def test_a_pods_own_token_is_not_looked_at(node: Guarded) -> None:
    one = kubelet(node)
    one.extra = {
        "serviceAccountToken": "eyJ.pods.own",
        "serviceAccountAnnotations": {"example.org/a": "b"},
    }
    assert one.pull(f"{node.host}/team/tool") == 200
    assert node.wired.counted() == (1, 0)


def test_a_registry_that_no_profile_names_is_pulled_from_without_a_password(node: Guarded) -> None:
    config = node.wired.world.home / "providers.yaml"
    config.write_text(
        config.read_text().replace(node.host, node.host.replace("localhost", "127.*.*.*"))
    )
    one = kubelet(node)
    assert one.pull(f"{node.host.replace('localhost', '127.0.0.1')}/team/tool") == 401
    assert (one.asked, one.log) == (1, [])
    assert [visit.scheme for visit in node.gate.visits] == [""]
    assert node.wired.counted() == (0, 0)


def test_an_image_of_another_registry_is_not_our_business(node: Guarded) -> None:
    one = kubelet(node)
    assert one.pull(f"{node.host.replace('localhost', '127.0.0.1')}/team/tool") == 401
    assert one.asked == 0


def test_when_nobody_can_renew_the_log_has_our_reason(node: Guarded) -> None:
    node.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})
    one = kubelet(node)
    assert one.pull(f"{node.host}/team/tool") == 401
    (told,) = one.log
    assert told.startswith("credhelper: error: ")
    assert [visit.scheme for visit in node.gate.visits] == [""]
