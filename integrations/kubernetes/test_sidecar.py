"""The manifests: read by Kubernetes' own client, and their containers played in a namespace."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from integrations.fleet.test_kubernetes import NAMESPACES, READ
from integrations.wired import UPSTREAM
from tests.support.programs import clean_environment
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import TIMEOUT, tokens_in

HERE = Path(__file__).parent
# What a pod has: volumes that are open to everybody, and a /tmp that is nobody's.
POD = """
set -eu
mount -t tmpfs -o mode=755 none /run
mkdir -m 777 /run/token
chmod 777 /run/token
mkdir -m 1777 /run/tmp
chmod 1777 /run/tmp
"""


def document(name: str) -> Any:
    return yaml.safe_load((HERE / name).read_text().replace("/tmp/", "/run/tmp/"))


@pytest.mark.parametrize("name", ["sidecar.yaml", "cronjob.yaml"])
def test_kubernetes_own_client_reads_the_manifest(client: Callable[[str], str], name: str) -> None:
    python = client("python-kubernetes")
    told = document(name)

    def read() -> subprocess.CompletedProcess[bytes]:
        asked = json.dumps([told]).encode()
        return subprocess.run([python, "-c", READ], input=asked, capture_output=True)

    done = read()
    assert (done.stdout.split(), done.returncode) == ([told["kind"].encode()], 0), done.stderr
    told["spec"]["replica"] = 1
    assert b"AssertionError" in read().stderr, "a member that is misspelled is found"


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    found = RunningSandbox()
    yield found
    found.stop()


@pytest.fixture
def secret(client: Callable[[str], str], tmp_path: Path, sandbox: RunningSandbox) -> dict[str, str]:
    """Return the data of the Secret that the README makes."""
    client("credhelper")
    tried = (*NAMESPACES, "mount", "-t", "tmpfs", "none", "/run")
    if not shutil.which(tried[0]) or subprocess.run(tried, capture_output=True).returncode:
        pytest.skip("no namespaces are to be had here: unshare fails")
    (tmp_path / "api-key").write_text(sandbox.api_key)
    lines = (HERE / "README.md").read_text().splitlines()
    (line,) = [one for one in lines if one.startswith("kubectl create secret")]
    done = subprocess.run(
        [client("kubectl"), *line.split()[1:], "--dry-run=client", "-o", "yaml"],
        capture_output=True,
        env=clean_environment(tmp_path),
        cwd=tmp_path,
        check=True,
        timeout=TIMEOUT,
    )
    made = yaml.safe_load(done.stdout)
    assert made["metadata"]["name"] == "credhelper-key"
    return {name: base64.b64decode(text).decode() for name, text in made["data"].items()}


def exports(container: Any, secret: dict[str, str], url: str) -> str:
    """Return shell lines that set what the manifest sets; the key stays in a variable."""
    lines = []
    for each in container["env"]:
        value = each.get("value")
        if value is None:
            source = each["valueFrom"]["secretKeyRef"]
            assert (source["name"], secret[source["key"]]) == ("credhelper-key", secret["api-key"])
            lines.append(f'export {each["name"]}="$SECRET"')
        else:
            lines.append(f"export {each['name']}='{value.replace(UPSTREAM, url)}'")
    return "\n".join(lines) + "\n"


def quoted(words: list[str]) -> str:
    return " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)


def play(script: str, folder: Path, secret: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    program = folder / "work.sh"
    program.touch(0o755)
    program.chmod(0o755)
    environ = clean_environment("/nonexistent") | {"SECRET": secret["api-key"]}
    return subprocess.run(
        [*NAMESPACES, "sh", "-c", POD + script],
        env=environ,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TIMEOUT,
    )


def test_a_program_beside_the_sidecar_reads_a_token_and_has_no_key(
    tmp_path: Path, secret: dict[str, str], sandbox: RunningSandbox
) -> None:
    spec = document("sidecar.yaml")["spec"]["template"]["spec"]
    (sidecar,), (worker,) = spec["initContainers"], spec["containers"]
    (tmp_path / "work.sh").write_text(
        '#!/bin/sh\ncat "$BEARER_TOKEN_FILE"; echo\necho "key: ${CREDHELPER_API_KEY-none}"\n'
    )
    probe = quoted(sidecar["startupProbe"]["exec"]["command"])
    script = (
        f"(\n{exports(sidecar, secret, sandbox.url)}exec {quoted(sidecar['command'])}\n) &\n"
        f"side=$!\nunset SECRET\n"
        f"until {probe}; do kill -0 $side; sleep 0.1; done\n"
        f"(\n{exports(worker, {}, '')}exec {quoted(worker['command'])}\n)\n"
        "stat -c %a /run/token/own /run/token/own/token\n"
        "kill -TERM $side\nwait $side || true\n"
    )
    done = play(script, tmp_path, secret)
    assert done.returncode == 0, done.stderr
    (token,) = set(tokens_in(done.stdout))
    assert sandbox.admits(token.decode())
    assert done.stdout.split(b"\n")[-4:] == [b"key: none", b"700", b"600", b""]
    assert not tokens_in(done.stderr)


def test_the_jobs_program_has_a_token_and_no_key(
    tmp_path: Path, secret: dict[str, str], sandbox: RunningSandbox
) -> None:
    spec = document("cronjob.yaml")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    (tmp_path / "work.sh").write_text(
        '#!/bin/sh\necho "$ICA_ACCESS_TOKEN"\necho "key: ${CREDHELPER_API_KEY-none}"\n'
    )
    told = exports(container, secret, sandbox.url)
    done = play(f"{told}unset SECRET\nexec {quoted(container['command'])}\n", tmp_path, secret)
    assert (done.returncode, done.stderr) == (0, b""), done.stderr
    token, key = done.stdout.split(b"\n")[:2]
    assert sandbox.admits(token.decode())
    assert key == b"key: none"
    assert sandbox.stats()["created"] == 1
