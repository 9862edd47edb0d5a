"""A store as a step of a Slurm job, in a real Slurm of two nodes."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator

import pytest

from integrations.fleet.stage import HERE
from integrations.servers.certificates import Certificate
from integrations.servers.samples import Samples, data_of
from integrations.servers.web import serving
from integrations.slurm import cluster as clusters
from integrations.wired import UPSTREAM, Wired
from tests.support.worlds import tokens_in

PLACEHOLDER = "files.example.org"
NODES = ("one", "two")
TASKS = 8


@pytest.fixture
def cluster(
    tmp_path_factory: pytest.TempPathFactory, client: Callable[[str], str]
) -> Iterator[clusters.Cluster]:
    for name in ("slurm", "redis-server", "openssl", "curl"):
        client(name)
    if os.geteuid() != 0 or not all(map(shutil.which, ("slurmctld", "munged"))):
        pytest.skip("slurmd has to be root, to start jobs")
    with clusters.running(tmp_path_factory.mktemp("slurm") / "cluster", NODES) as found:
        yield found


@pytest.fixture
def user(
    wire: Callable[..., Wired], certificate: Certificate, cluster: clusters.Cluster
) -> Iterator[tuple[Wired, Samples]]:
    """Give a user with an API key and the job in the folder `jobs`, and what the tasks ask."""
    wired = wire()
    server = Samples(wired.sandbox.url, PLACEHOLDER)
    with serving(server, certificate) as port:
        host = {PLACEHOLDER: f"localhost:{port}"}
        wired.environ |= {"CURL_CA_BUNDLE": str(certificate.authority), "USER": "root"}
        key = wired.world.home / ".config/credhelper/api-key"
        key.parent.mkdir(0o700, parents=True)
        key.touch(0o600)
        key.write_text(wired.sandbox.api_key)
        wired.place(HERE / "task.sh", "jobs/task.sh", host)
        wired.place(HERE / "account.sh", "jobs/account.sh", {})
        here = {
            UPSTREAM: wired.sandbox.url,
            "/tmp/": f"{wired.world.root}/",
            "$(hostname)": "localhost",
            '--tls-port "$port"': '--tls-port "$port" --bind 127.0.0.1',
            # Both nodes are this machine: to them, the folder is the same one.
            'mkdir "$fleet"': 'mkdir -p "$fleet"',
            "rm -rf": "true",
        }
        wired.place(HERE / "fleet.sh", "jobs/fleet.sh", host | here)
        for name in ("fleet.sh", "task.sh"):
            (wired.world.home / "jobs" / name).chmod(0o700)
        yield wired, server


def test_the_nodes_of_a_job_share_one_token_through_a_store_of_its_own(
    user: tuple[Wired, Samples], cluster: clusters.Cluster
) -> None:
    wired, server = user
    jobs = wired.world.home / "jobs"

    job = cluster.run(jobs / "fleet.sh", wired.environ)

    told = "".join(path.read_text() for path in jobs.glob("slurm-*.out"))
    assert not tokens_in(told.encode())
    assert {path.read_text() for path in jobs.glob("sample-*")} == data_of(range(TASKS)), told
    assert (told, server.gate.refused) == ("", [])
    fleet = wired.world.root / f"credhelper-{job}"
    records = [list((fleet / node).glob("*[0-9a-f]")) for node in NODES]
    assert all(records), "each node has a cache of its own"
    assert wired.counted() == (1, 0)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", 20000 + int(job) % 10000))
