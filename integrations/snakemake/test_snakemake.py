"""Snakemake, with the Snakefile beside this file."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integrations.servers.certificates import Certificate
from integrations.servers.samples import Samples, data_of
from integrations.servers.web import serving
from integrations.wired import Wired

HERE = Path(__file__).parent
PLACEHOLDER = "files.example.org"


@pytest.fixture
def run(
    wire: Callable[..., Wired], client: Callable[[str], str], certificate: Certificate
) -> Iterator[Callable[..., tuple[Wired, Samples, Callable[[], None]]]]:
    snakemake = client("snakemake")
    with ExitStack() as stack:

        def start(*options: str) -> tuple[Wired, Samples, Callable[[], None]]:
            wired = wire(*options)
            server = Samples(wired.sandbox.url, PLACEHOLDER)
            port = stack.enter_context(serving(server, certificate))
            places = {PLACEHOLDER: f"localhost:{port}"}
            wired.configure(HERE / "credhelper.toml", places)
            wired.place(HERE / "Snakefile", "work/Snakefile", places)
            work = wired.world.home / "work"
            environ = {"CURL_CA_BUNDLE": str(certificate.authority)}

            def run_all() -> None:
                shutil.rmtree(work / "samples", ignore_errors=True)
                words = (snakemake, "--cores", "4", "--quiet")
                outcome = wired.run(*words, environ=environ, cwd=work)
                assert outcome.status == 0, outcome
                fetched = {path.read_text() for path in work.glob("samples/*.txt")}
                assert fetched == data_of(range(1, 13))

            return wired, server, run_all

        yield start


def test_jobs_share_a_token(run: Callable[..., tuple[Wired, Samples, Callable[[], None]]]) -> None:
    wired, server, run_all = run()
    run_all()
    run_all()
    assert wired.counted() == (1, 0)
    assert server.gate.refused == []
    assert len(server.gate.admitted) == 24


def test_a_token_that_has_expired_is_renewed_by_the_next_job(
    run: Callable[..., tuple[Wired, Samples, Callable[[], None]]],
) -> None:
    wired, server, run_all = run("--token-lifetime", "10")
    run_all()
    last = max(visit.expires for visit in server.gate.admitted)
    wired.wait_until(last)
    run_all()
    assert server.gate.refused == []
    assert max(visit.expires for visit in server.gate.admitted) > last
