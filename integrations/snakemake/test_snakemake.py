"""Snakemake, with the Snakefile beside this file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.servers.certificates import Certificate
from integrations.servers.samples import Samples, data_of
from integrations.servers.web import serving
from integrations.wired import Wired

HERE = Path(__file__).parent
PLACEHOLDER = "files.example.org"


@pytest.mark.parametrize(("lifetime", "jobs"), [("86400", "4"), ("4", "1")])
def test_jobs_share_a_token_and_renew_it(
    wire: Callable[..., Wired],
    client: Callable[[str], str],
    certificate: Certificate,
    lifetime: str,
    jobs: str,
) -> None:
    snakemake = client("snakemake")
    wired = wire("--token-lifetime", lifetime)
    server = Samples(wired.sandbox.url, PLACEHOLDER)
    with serving(server, certificate) as port:
        places = {PLACEHOLDER: f"localhost:{port}"}
        wired.configure(HERE / "credhelper.toml", places)
        wired.place(HERE / "Snakefile", "work/Snakefile", places)
        work = wired.world.home / "work"
        environ = {"CURL_CA_BUNDLE": str(certificate.authority)}
        outcome = wired.run(snakemake, "--cores", jobs, "--quiet", environ=environ, cwd=work)
    assert outcome.status == 0, outcome
    assert {path.read_text() for path in work.glob("samples/*.txt")} == data_of(range(1, 13))
    assert server.gate.refused == []
    assert len(server.gate.admitted) == 12
    created, _ = wired.counted()
    expiries = len({visit.expires for visit in server.gate.admitted})
    assert created == 1 if lifetime == "86400" else created >= expiries >= 2
