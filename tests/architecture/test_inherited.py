"""Tests begin with the same signals, limits and variables, however the suite was started."""

from __future__ import annotations

import json
import locale
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.programs import python_environment

REPORT = """
import json, os, resource, signal, sys, tempfile, time
ignored = [n for n in signal.valid_signals() if signal.getsignal(n) is signal.SIG_IGN]
umask = os.umask(0)
try:
    os.setpriority(os.PRIO_PROCESS, 0, 0)
    refused = False
except PermissionError:
    refused = True
print(json.dumps({
    "ignored": sorted(ignored),
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
    "umask": umask,
    "nice": 0 if refused else int(sys.argv[1]),
    "limits": {
        name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))
        for name in ("CORE", "FSIZE", "NOFILE")
    },
    "environ": dict(os.environ),
    "zone": time.tzname,
    "scratch": tempfile.gettempdir(),
}))
"""

# Starts what it is told as an odd parent does.
ODD_PARENT = """
import os, resource, signal, sys
for name in ("SIGHUP", "SIGQUIT", "SIGCHLD", "SIGUSR1", "SIGTSTP"):
    signal.signal(getattr(signal, name), signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGALRM, signal.SIGUSR2})
os.umask(0o077)
os.nice(5)
for limit, soft in ((resource.RLIMIT_FSIZE, 1 << 30), (resource.RLIMIT_NOFILE, 256)):
    hard = resource.getrlimit(limit)[1]
    resource.setrlimit(limit, (soft, hard))
os.execv(sys.argv[1], sys.argv[1:])
"""

ODD_ENVIRONMENT = {
    "TZ": "Asia/Kolkata",
    "LANG": "C",
    "LANGUAGE": "de",
    "LC_ALL": "C",
    "TERM": "dumb",
    "COLUMNS": "7",
    "NO_COLOR": "1",
    "AWS_PROFILE": "x",
    "BAO_ADDR": "http://127.0.0.1:9",
    "CARGO_HOME": "/nowhere",
    "CREDHELPER_PROFILE": "x",
    "CREDHELPER_TRACE": "1",
    "CURL_CA_BUNDLE": "/nowhere",
    "DATABRICKS_HOST": "http://127.0.0.1:9",
    "DOCKER_CONFIG": "/nowhere",
    "FLYTECTL_CONFIG": "/nowhere",
    "GIT_DIR": "/nowhere",
    "GOFLAGS": "-mod=vendor",
    "GOOGLE_APPLICATION_CREDENTIALS": "/nowhere",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "ICA_ACCESS_TOKEN": "x",
    "ICAV2_ACCESS_TOKEN": "x",
    "KUBECONFIG": "/nowhere",
    "MAKEFLAGS": "-k",
    "NETRC": "/nowhere",
    "NUGET_PACKAGES": "/nowhere",
    "PIP_INDEX_URL": "http://127.0.0.1:9",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONIOENCODING": "latin-1",
    "PYTHONPATH": "/nowhere",
    "PYTHONWARNINGS": "ignore",
    "RCLONE_CONFIG": "/nowhere",
    "REGISTRY_AUTH_FILE": "/nowhere",
    "REQUESTS_CA_BUNDLE": "/nowhere",
    "SSH_ASKPASS": "/nowhere",
    "SSLKEYLOGFILE": "/nowhere",
    "SSL_CERT_FILE": "/nowhere",
    "TF_CLI_CONFIG_FILE": "/nowhere",
    "UV_INDEX": "http://127.0.0.1:9",
    "VAULT_ADDR": "http://127.0.0.1:9",
    "XDG_CONFIG_HOME": "/nowhere",
    "http_proxy": "http://127.0.0.1:9",
}
MAY_STAY = {"CI", "CREDHELPER_PROMISED", "HOME", "LANG", "PATH", "RUSTUP_HOME"}


def test_what_a_test_starts_begins_clean() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", REPORT, str(os.getpriority(os.PRIO_PROCESS, 0))],
        capture_output=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert found["ignored"] == [signal.SIGPIPE, signal.SIGXFSZ]  # by Python, and by it alone
    assert found["blocked"] == []
    assert found["umask"] == 0o022
    assert found["nice"] == 0
    hard = {name: limits[1] for name, limits in found["limits"].items()}
    soft = {name: limits[0] for name, limits in found["limits"].items()}
    handles = 4096 if hard["NOFILE"] == resource.RLIM_INFINITY else min(4096, hard["NOFILE"])
    assert soft == {"CORE": 0, "FSIZE": hard["FSIZE"], "NOFILE": handles}
    names = {name for name in found["environ"] if not name.startswith(("PYTEST_", "COV"))}
    assert names <= MAY_STAY
    assert found["environ"]["LANG"] == "C.UTF-8"
    assert found["zone"] == list(time.tzname)
    assert found["scratch"] == tempfile.gettempdir()
    assert locale.getencoding().lower() == "utf-8"


@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "in a worker"])
def test_no_parent_shows_in_what_a_test_starts(tmp_path: Path, workers: list[str]) -> None:
    scratch = tmp_path / "scratch"
    suite = [sys.executable, "-P", "-m", "pytest", "-p", "no:cacheprovider", *workers]
    suite.append(f"{__file__}::{test_what_a_test_starts_begins_clean.__name__}")
    done = subprocess.run(
        [sys.executable, "-I", "-c", ODD_PARENT, *suite],
        env={**python_environment(), **ODD_ENVIRONMENT, "TMPDIR": str(scratch)},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


@pytest.fixture(scope="module")
def folders() -> Iterator[list[Path]]:
    """Give a list of the folders of tests that must have nothing running when they are over."""
    of_tests: list[Path] = []
    yield of_tests
    assert [list(processes.below(folder)) for folder in of_tests] == [[]] * len(of_tests)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc")
def test_what_a_test_leaves_running_ends_with_it(folders: list[Path], tmp_path: Path) -> None:
    subprocess.run(
        # Its parent ends at once: nobody but a look at all processes finds it.
        ["/bin/sh", "-c", "sleep 600 >/dev/null 2>&1 &"],
        env={"PATH": os.defpath, "HOME": f"{tmp_path}/home"},
        check=True,
        start_new_session=True,
    )
    folders.append(tmp_path)
    assert len(list(processes.below(tmp_path))) == 1


def test_what_another_test_runs_does_not_end(tmp_path: Path) -> None:
    another = subprocess.Popen(["sleep", "600"], env={"HOME": f"{tmp_path}0/home"})
    try:
        processes.end(tmp_path)
        assert another.poll() is None
    finally:
        another.kill()
        another.wait()
