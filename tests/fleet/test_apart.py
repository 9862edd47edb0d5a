"""Hosts that are apart: namespaces with a hostname, network and home each, on one bridge."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integrations.servers import certificates
from tests.support.hosts import Hosts, change
from tests.support.namespaces import BRIDGE, Bridge, run
from tests.support.sandboxes import RunningSandbox
from tests.support.stores import Store
from tests.support.worlds import World

Apart = tuple[World, list[str]]  # a host, and the words that run a program there

NAMES = ("node-a", "node-b", "node-c")


@pytest.fixture
def apart(plain: Store, running_sandbox: RunningSandbox, tmp_path: Path) -> Iterator[list[Apart]]:
    """Give this test hosts that reach one store and one API over a bridge, and nothing else."""
    with ExitStack() as stack:
        bridge = Bridge(stack)
        certificate = certificates.make(tmp_path, BRIDGE)
        doors = [
            bridge.door(port, certificate.context())
            for port in (plain.servers[0].port, int(running_sandbox.url.rpartition(":")[2]))
        ]
        store, api = (f"{BRIDGE}:{door}" for door in doors)
        hosts = Hosts(tmp_path, running_sandbox, f"rediss://{store}", "", certificate.authority)
        trusted = str(certificate.authority)
        yield [
            (hosts.host(url=f"https://{api}", ca_file=trusted), bridge.host(name)) for name in NAMES
        ]


def test_hosts_with_names_of_their_own_make_one_token_and_know_who_made_it(
    apart: list[Apart], running_sandbox: RunningSandbox
) -> None:
    assert tuple(run(there, "uname", "-n") for _, there in apart) == NAMES
    assert len({run(there, "ip", "-brief", "address") for _, there in apart}) == len(NAMES)

    running = [host.start("get", prefix=there) for host, there in apart]
    told = [host.finish(one) for (host, _), one in zip(apart, running, strict=True)]

    assert {(one.status, one.told) for one in told} == {(0, "")}
    assert len({one.token for one in told}) == 1
    assert running_sandbox.stats()["created"] == 1
    status = [host.run("status", prefix=there).stdout.decode() for host, there in apart]
    makers = {name for name in NAMES if any(f"by {name}, looks again in " in one for one in status)}
    assert len(makers) == 1
    assert all(f"by {maker}, " in one for maker in makers for one in status)


def test_a_host_that_is_cut_off_serves_what_lives(
    apart: list[Apart], running_sandbox: RunningSandbox
) -> None:
    (host, there), (other, elsewhere), _ = apart
    token = host.run("get", prefix=there).token
    assert other.run("get", prefix=elsewhere).token == token
    run(there, "ip", "link", "set", "eth0", "down")
    for each in (host, other):
        change(each, due="1", spread="1")  # nothing but its moment to look

    assert host.run("get", prefix=there).token == token
    later = other.run("get", prefix=elsewhere).token
    assert later != token
    assert running_sandbox.stats()["created"] == 2

    run(there, "ip", "link", "set", "eth0", "up")
    for path in host.cache.glob("*.rest"):
        path.unlink()  # as if the store had been left alone for long enough
    assert host.run("get", prefix=there).token == later
    assert running_sandbox.stats()["created"] == 2
