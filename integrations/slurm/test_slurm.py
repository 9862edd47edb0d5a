"""Slurm, a real one of one node, with the job scripts beside this file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integrations.servers.certificates import Certificate
from integrations.servers.samples import Samples, data_of
from integrations.servers.web import serving
from integrations.slurm import cluster as clusters
from integrations.wired import Wired
from tests.support.worlds import tokens_in

HERE = Path(__file__).parent
PLACEHOLDER = "files.example.org"
TASKS = 20


class Centre:
    """A cluster, a file server, and a user's home that both can reach.

    Attributes: `wired`; `cluster`; `gate`, what the file server saw; `folder`, of the jobs.
    """

    def __init__(
        self,
        wired: Wired,
        cluster: clusters.Cluster,
        certificate: Certificate,
        stack: ExitStack,
    ) -> None:
        self.wired = wired
        self.cluster = cluster
        server = Samples(wired.sandbox.url, PLACEHOLDER)
        self.gate = server.gate
        port = stack.enter_context(serving(server, certificate))
        self.host = f"localhost:{port}"
        wired.environ |= {"CURL_CA_BUNDLE": str(certificate.authority), "USER": "root"}
        wired.configure(HERE / "credhelper.toml", {PLACEHOLDER: self.host})
        self.folder = wired.world.home / "jobs"
        self.folder.mkdir()

    def submit(self, script: str, *more: str) -> str:
        """Put the scripts into the user's folder, submit one, and wait; returns the job's id."""
        for name in (script, *more):
            places = {PLACEHOLDER: self.host} if PLACEHOLDER in (HERE / name).read_text() else {}
            self.wired.place(HERE / name, f"jobs/{name}", places)
            (self.folder / name).chmod(0o700)
        return self.cluster.run(self.folder / script, self.wired.environ)

    def told(self) -> str:
        """Return what all jobs printed; no secret may be in it."""
        found = "".join(path.read_text() for path in self.folder.glob("slurm-*.out"))
        assert not tokens_in(found.encode())
        return found

    def samples(self) -> set[str]:
        """Return what the jobs fetched."""
        return {path.read_text() for path in self.folder.glob("sample-*")}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[clusters.Cluster | None]:
    if os.geteuid() != 0 or not all(map(shutil.which, ("slurmctld", "slurmd", "munged"))):
        yield None
        return
    with clusters.running(tmp_path_factory.mktemp("slurm") / "cluster") as found:
        yield found


@pytest.fixture
def open_centre(
    wire: Callable[..., Wired],
    client: Callable[[str], str],
    certificate: Certificate,
    cluster: clusters.Cluster | None,
) -> Iterator[Callable[..., Centre]]:
    client("slurm")
    if cluster is None:
        pytest.skip("slurmd has to be root, to start jobs")
    with ExitStack() as stack:
        yield lambda *options: Centre(wire(*options), cluster, certificate, stack)


def test_an_array_of_jobs_takes_one_token(open_centre: Callable[..., Centre]) -> None:
    centre = open_centre()
    centre.submit("array.sh")
    assert centre.told() == ""
    assert centre.samples() == data_of(range(1, TASKS + 1))
    assert centre.wired.counted() == (1, 0)
    assert len(centre.gate.admitted) == TASKS
    assert centre.gate.refused == []
    centre.submit("array.sh")
    assert centre.wired.counted() == (1, 0)


def test_a_job_that_outlives_its_token_is_never_refused(open_centre: Callable[..., Centre]) -> None:
    centre = open_centre("--token-lifetime", "8")
    centre.submit("long.sh", "three-days.sh")
    assert centre.samples() == data_of(range(1, 13))
    assert centre.gate.refused == []
    assert len({visit.expires for visit in centre.gate.admitted}) >= 3
    told = centre.told()
    assert "credhelper: warning: the token in ICA_ACCESS_TOKEN lives another" in told
    assert "may run 3 days" in told
    assert "error" not in told


def test_what_slurm_sends_a_job_reaches_it(open_centre: Callable[..., Centre]) -> None:
    centre = open_centre()
    script = centre.folder / "three-days.sh"
    lines = ["#!/bin/sh", "trap 'echo saved; exit 0' TERM", "touch ready", "while :; do sleep 0.1"]
    script.write_text("\n".join([*lines, "done\n"]))
    script.chmod(0o700)
    centre.wired.place(HERE / "long.sh", "jobs/long.sh", {})
    environ = centre.wired.environ
    job = centre.cluster.ask(
        "sbatch", "--parsable", "long.sh", environ=environ, cwd=centre.folder
    ).strip()
    clusters.until((centre.folder / "ready").exists, centre.cluster.told)
    # As `#SBATCH --signal=B:TERM@60` has it sent, a minute before the time is over.
    centre.cluster.ask("scancel", "--signal=TERM", "--batch", job, environ=environ)
    centre.cluster.wait(job, environ)
    assert "saved" in centre.told()
    assert not list((centre.wired.world.root / "run/credhelper").iterdir())
