"""Nextflow's workflow and config beside this file, run by a stand-in: see task_runner.py."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.servers.certificates import Certificate
from integrations.servers.samples import Samples, data_of
from integrations.servers.web import serving
from integrations.wired import Wired

HERE = Path(__file__).parent
PLACEHOLDER = "files.example.org"


@pytest.mark.parametrize(("lifetime", "tasks"), [("86400", "6"), ("10", "1")])
def test_tasks_share_a_token_and_renew_it(
    wire: Callable[..., Wired],
    client: Callable[[str], str],
    certificate: Certificate,
    lifetime: str,
    tasks: str,
) -> None:
    client("curl")  # the tasks call it
    wired = wire("--token-lifetime", lifetime)
    server = Samples(wired.sandbox.url, PLACEHOLDER)
    with serving(server, certificate) as port:
        places = {PLACEHOLDER: f"localhost:{port}"}
        wired.configure(HERE / "credhelper.toml", places)
        wired.place(HERE / "main.nf", "work/main.nf", places)
        wired.place(HERE / "nextflow.config", "work/nextflow.config", {})
        work = wired.world.home / "work"
        environ = {"CURL_CA_BUNDLE": str(certificate.authority)}
        words = (sys.executable, str(HERE / "task_runner.py"), str(work), tasks)
        outcome = wired.run(*words, environ=environ)
    assert (outcome.status, outcome.told) == (0, "")
    assert {path.read_text() for path in work.glob("work/*/sample-*")} == data_of(range(1, 13))
    assert server.gate.refused == []
    assert len(server.gate.admitted) == 12
    created, _ = wired.counted()
    if lifetime == "86400":
        assert created == 1
