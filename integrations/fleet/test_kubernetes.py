"""The manifest: read by Kubernetes' own client, and its pods played in namespaces of their own."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from integrations.fleet.stage import HERE, STORE
from integrations.servers.certificates import Certificate
from integrations.wired import UPSTREAM
from tests.support.programs import clean_environment, command
from tests.support.sandboxes import RunningSandbox
from tests.support.stores import Secure
from tests.support.worlds import TIMEOUT, Outcome, tokens_in

MANIFEST = HERE / "deployment.yaml"
PODS = 4
OWN, OPEN = "1777", "777"  # modes: of /tmp in a container, and of an emptyDir
NAMESPACES = ("unshare", "--user", "--map-root-user", "--mount")
# As the API would read it: a member that it does not know, or of another type, does not come back.
READ = """
import json, sys
from kubernetes import client
api = client.ApiClient()
for document in json.load(sys.stdin):
    found = api.deserialize(json.dumps(document), "V1" + document["kind"], "application/json")
    assert api.sanitize_for_serialization(found) == document, document["kind"]
    print(document["kind"])
"""


class Pods:
    """What the manifest mounts, and a way to start its pods.

    Parameters: `root`, of the files; `documents`, of the manifest; `secret`, as kubectl makes it.
    """

    def __init__(self, root: Path, documents: list[Any], secret: Any) -> None:
        config, deployment = documents
        self._spec = deployment["spec"]["template"]["spec"]
        (self._container,) = self._spec["containers"]
        volumes = {volume["name"]: volume for volume in self._spec["volumes"]}
        self._root = root
        self._mounts = []
        for mount in self._container["volumeMounts"]:
            volume = volumes[mount["name"]]
            folder = root / mount["name"]
            folder.mkdir()
            if "configMap" in volume:
                assert volume["configMap"]["name"] == config["metadata"]["name"]
                data = {name: text.encode() for name, text in config["data"].items()}
                mode = 0o644
            else:
                assert volume["secret"]["secretName"] == secret["metadata"]["name"]
                data = {name: base64.b64decode(text) for name, text in secret["data"].items()}
                mode = volume["secret"]["defaultMode"]
            for name, content in data.items():
                (folder / name).write_bytes(content)
                (folder / name).chmod(mode)
            self._mounts.append(f"{folder}={mount['mountPath']}")

    def start(self, mode: str, script: str) -> subprocess.Popen[bytes]:
        """Start a pod whose program is `script`, and whose own folder has this mode."""
        program = self._root / "work.sh"
        program.write_text(f"#!/bin/sh\nset -eu\n{script}\n")
        program.chmod(0o755)
        told = {each["name"]: each["value"] for each in self._container["env"]}
        return subprocess.Popen(
            [*NAMESPACES, "sh", str(HERE / "pod.sh"), mode, *self._mounts, "--"]
            + self._container["command"],
            env=clean_environment("/nonexistent") | told,
            cwd=self._root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def finish(self, pod: subprocess.Popen[bytes]) -> Outcome:
        """Wait for a pod's end."""
        stdout, stderr = pod.communicate(timeout=TIMEOUT)
        assert not tokens_in(stderr)
        return Outcome(pod.returncode, stdout, stderr)


def documents_with(places: dict[str, str]) -> list[Any]:
    """Return the manifest's documents, with the placeholders filled in."""
    text = MANIFEST.read_text()
    for placeholder, value in places.items():
        assert placeholder in text, placeholder
        text = text.replace(placeholder, value)
    return list(yaml.safe_load_all(text))


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    found = RunningSandbox()
    yield found
    found.stop()


@pytest.fixture
def pods(
    tmp_path: Path,
    client: Callable[[str], str],
    certificate: Certificate,
    sandbox: RunningSandbox,
) -> Iterator[Pods]:
    kubectl = client("kubectl")
    client("credhelper")
    tried = (*NAMESPACES, "mount", "-t", "tmpfs", "none", "/run")
    if not shutil.which(tried[0]) or subprocess.run(tried, capture_output=True).returncode:
        pytest.skip("no namespaces are to be had here: unshare fails")
    with ExitStack() as stack:
        store = Secure(tmp_path / "store", certificate)
        stack.callback(store.stop)
        folder = tmp_path / "secrets-of-an-admin"
        folder.mkdir()
        (folder / "api-key").write_text(sandbox.api_key)
        (folder / "store.password").write_text(store.password)
        shutil.copy(certificate.authority, folder / "redis-ca.pem")
        made = subprocess.run([*command(), "fleet", "key"], capture_output=True, check=True)
        (folder / "fleet.key").write_bytes(made.stdout)
        readme = (HERE / "README.md").read_text()
        (line,) = [one for one in readme.splitlines() if one.startswith("kubectl create secret")]
        done = subprocess.run(
            [kubectl, *line.split()[1:], "--dry-run=client", "-o", "yaml"],
            capture_output=True,
            env=clean_environment(tmp_path),
            cwd=folder,
            check=True,
            timeout=TIMEOUT,
        )
        places = {UPSTREAM: sandbox.url, STORE: store.url, "/tmp/": "/run/tmp/"}
        (tmp_path / "pods").mkdir()
        yield Pods(tmp_path / "pods", documents_with(places), yaml.safe_load(done.stdout))


def test_kubernetes_own_client_reads_the_manifest(client: Callable[[str], str]) -> None:
    python = client("python-kubernetes")
    documents = documents_with({})

    def read() -> subprocess.CompletedProcess[bytes]:
        asked = json.dumps(documents).encode()
        return subprocess.run([python, "-c", READ], input=asked, capture_output=True)

    done = read()
    assert (done.stdout.split(), done.returncode) == ([b"ConfigMap", b"Deployment"], 0), done.stderr
    documents[1]["spec"]["template"]["spec"]["containers"][0]["volumeMount"] = []
    assert b"AssertionError: Deployment" in read().stderr, "a member that is misspelled is found"


def test_pods_that_start_together_share_one_token(pods: Pods, sandbox: RunningSandbox) -> None:
    running = [pods.start(OWN, 'cat "$BEARER_TOKEN_FILE"') for _ in range(PODS)]
    outcomes = [pods.finish(pod) for pod in running]

    assert {(outcome.status, outcome.told) for outcome in outcomes} == {(0, "")}
    assert len({outcome.token for outcome in outcomes}) == 1
    assert sandbox.admits(outcomes[0].token)
    assert sandbox.stats()["created"] == 1


def test_an_empty_dir_is_not_trusted_and_a_pod_says_so(pods: Pods) -> None:
    outcome = pods.finish(pods.start(OPEN, "credhelper get"))

    assert outcome.status == 0, outcome
    assert "credhelper: warning: " in outcome.told
    assert "/run/tmp" in outcome.told
