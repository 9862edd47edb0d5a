"""What a warm answer loads: nothing but our own short list, and what the interpreter has anyway."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from credhelper import cache
from tests.support.programs import INSTALLED
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World

pytestmark = pytest.mark.skipif(
    not INSTALLED, reason="needs the wheel beside this Python: an import path of its own costs more"
)

PROGRAM = Path(sys.executable).parent / "credhelper"
IMPORT = re.compile(r"^import time: +\d+ \| +\d+ \| +(\S+)$", re.MULTILINE)

OURS = {
    "credhelper",
    "credhelper.entry",
    "credhelper.encode",
    "credhelper.freshness",
    "credhelper.model",
    "credhelper.paths",
    "credhelper.protocols",
    "credhelper.records",
    "credhelper.routes",
    "credhelper.service",
    "credhelper.warm",
}
# Built into the interpreter: their import costs nothing.
FREE = {"_signal", "errno", "posix", "sys", "time"}
HEAVY = {
    "_hashlib",
    "base64",
    "click",
    "collections",
    "dataclasses",
    "datetime",
    "enum",
    "filelock",
    "hashlib",
    "importlib.metadata",
    "json",
    "logging",
    "pathlib",
    "platformdirs",
    "re",
    "requests",
    "signal",
    "site",
    "socket",
    "ssl",
    "subprocess",
    "threading",
    "tomllib",
    "typing",
    "urllib.parse",
    "urllib3",
}

# What each call says on stdin, and what it loads beyond OURS.
CALLS: dict[str, tuple[Sequence[str], bytes, set[str]]] = {
    "get": (["get"], b"", {"credhelper.protocols.get", "credhelper.protocols.options"}),
    "get service": (
        ["get", "https://ica.example/x", "--min-ttl", "60"],
        b"",
        {"credhelper.protocols.get", "credhelper.protocols.options"},
    ),
    "get json": (
        ["get", "--format", "json"],
        b"",
        {"credhelper.protocols.get", "credhelper.protocols.options"},
    ),
    "git": (
        ["git", "get"],
        b"protocol=https\nhost=ica.example\n\n",
        {"credhelper.protocols.git", "credhelper.protocols.options"},
    ),
    "docker": (
        ["docker", "get"],
        b"https://ica.example",
        {"credhelper.protocols.docker", "credhelper.protocols.options"},
    ),
    "kubectl": (
        ["kubectl", "--service", "https://ica.example"],
        b"",
        {"credhelper.protocols.kubectl", "credhelper.protocols.options"},
    ),
    "kubelet": (
        ["kubelet"],
        b'{"kind":"CredentialProviderRequest","apiVersion":"credentialprovider.kubelet.k8s.io/v1",'
        b'"image":"ica.example/team/tool"}\n',
        {
            "credhelper.protocols.documents",
            "credhelper.protocols.kubelet",
            "credhelper.protocols.options",
        },
    ),
    "bazel": (
        ["bazel", "get"],
        b'{"uri":"https://ica.example/x.tar"}',
        {
            "credhelper.protocols.bazel",
            "credhelper.protocols.documents",
            "credhelper.protocols.options",
        },
    ),
    "headers": (
        ["headers"],
        b"",
        {"credhelper.protocols.headers", "credhelper.protocols.options"},
    ),
    "goauth": (
        ["goauth", "https://ica.example/mod/@v/list"],
        b"",
        {"credhelper.protocols.goauth", "credhelper.protocols.options"},
    ),
    "token": (["token"], b"", {"credhelper.protocols.bare", "credhelper.protocols.options"}),
    "vault": (
        ["vault", "get"],
        b"",
        {"credhelper.protocols.vault", "credhelper.protocols.options"},
    ),
    "terraform": (
        ["terraform", "get", "ica.example"],
        b"",
        {"credhelper.protocols.options", "credhelper.protocols.terraform"},
    ),
    "google": (["google"], b"", {"credhelper.protocols.google", "credhelper.protocols.options"}),
    "askpass": (
        ["askpass", "Password for 'https://oauth2@ica.example': "],
        b"",
        {"credhelper.protocols.askpass", "credhelper.protocols.options"},
    ),
    "databricks": (
        ["databricks", "auth", "token", "--host", "https://ica.example"],
        b"",
        {"credhelper.protocols.databricks", "credhelper.protocols.options"},
    ),
    "reclient": (
        ["reclient", "--service", "https://ica.example"],
        b"",
        {"credhelper.protocols.options", "credhelper.protocols.reclient"},
    ),
    "keyring": (
        ["keyring", "get", "https://ica.example/simple/", "oauth2"],
        b"",
        {"credhelper.protocols.keyring", "credhelper.protocols.options"},
    ),
}
# What some of them learn from the environment.
TOLD = {
    "kubectl": {
        "KUBERNETES_EXEC_INFO": '{"kind":"ExecCredential",'
        '"apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false}}\n'
    },
    "headers": {"CLAUDE_CODE_MCP_SERVER_URL": "https://ica.example/mcp"},
    "vault": {"VAULT_ADDR": "https://ica.example"},
}


def loaded(
    words: Sequence[str], stdin: bytes = b"", environ: dict[str, str] | None = None
) -> tuple[set[str], bytes]:
    """Return what Python imports for `words`, and what was answered."""
    done = subprocess.run(
        [str(PROGRAM.parent / "python3"), "-X", "importtime", "-I", "-S", *words],
        input=stdin,
        capture_output=True,
        env=environ or {},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr[-500:]
    return set(IMPORT.findall(done.stderr.decode())), done.stdout


@pytest.fixture(scope="module")
def bare() -> set[str]:
    """Give what the interpreter loads for `pass`."""
    return loaded(["-c", "pass"])[0]


@pytest.mark.parametrize("name", CALLS)
def test_a_warm_answer_loads_its_short_list_and_nothing_else(
    scratch_world: World, bare: set[str], name: str
) -> None:
    words, stdin, more = CALLS[name]
    token = scratch_world.get()
    environ = {**scratch_world.environ, **TOLD.get(name, {})}
    found, answer = loaded([str(PROGRAM), *words], stdin, environ)
    assert token.encode() in answer
    assert found - bare - FREE == OURS | more


def test_a_warm_answer_from_a_key_in_the_environment_loads_a_digest_more(
    scratch_world: World, running_sandbox: RunningSandbox, bare: set[str]
) -> None:
    scratch_world.configure(
        running_sandbox.url, running_sandbox.api_key, main={"grant": {"env": "KEY"}}
    )
    scratch_world.environ["KEY"] = running_sandbox.api_key
    token = scratch_world.get()
    found, answer = loaded([str(PROGRAM), "get"], b"", scratch_world.environ)
    assert answer.decode().strip() == token
    assert found - bare - FREE == OURS | CALLS["get"][2] | {"credhelper.digest"}


def test_what_is_free_is_built_in() -> None:
    assert set(sys.builtin_module_names) >= FREE


def test_a_waiter_in_a_herd_loads_nothing_heavy(scratch_world: World) -> None:
    # It sleeps at the gate of a record that has expired, until somebody has renewed it.
    token = scratch_world.get()
    (record,) = scratch_world.records()
    data = record.read_bytes()
    scratch_world.age(10**6)
    lock = cache.acquire(f"{record}.lock", wait=0, alarm=False)
    assert lock
    waiter = subprocess.Popen(
        [str(PROGRAM.parent / "python3"), "-X", "importtime", "-I", "-S", str(PROGRAM), "get"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=scratch_world.environ,
    )
    deadline = time.monotonic() + 20
    while not asleep_at(waiter.pid, f"{record}.lock") and time.monotonic() < deadline:
        time.sleep(0.01)
    cache.replace(str(record), data)
    lock.release()
    stdout, stderr = waiter.communicate(timeout=60)
    found = set(IMPORT.findall(stderr.decode()))
    assert stdout.decode().strip() == token
    assert "credhelper.gate" in found
    assert found & HEAVY == set()
    assert found.isdisjoint({"credhelper.wiring", "credhelper.edge", "credhelper.broker"})


def test_a_refusal_that_is_remembered_loads_nothing_heavy(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    running_sandbox.fault({"status": 401, "times": "always"})
    assert scratch_world.run("get").status == 5
    done = subprocess.run(
        [str(PROGRAM.parent / "python3"), "-X", "importtime", "-I", "-S", str(PROGRAM), "get"],
        capture_output=True,
        env=scratch_world.environ,
    )
    assert done.returncode == 5
    found = set(IMPORT.findall(done.stderr.decode()))
    assert found & (HEAVY - {"collections", "enum"}) == set()


def asleep_at(pid: int, path: str) -> bool:
    """Tell whether the process has `path` open, and sleeps."""
    folder = f"/proc/{pid}/fd"
    try:
        handles = [os.readlink(f"{folder}/{name}") for name in os.listdir(folder)]
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return path in handles and state == "S"
