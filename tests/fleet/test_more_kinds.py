"""AWS credentials and ready tokens through the same store, and v2."""

from __future__ import annotations

import json

import pytest

from tests.support.hosts import Hosts, change
from tests.support.sandboxes import RunningSandbox

FOLDER = {"folder": "fol.a"}


def keys(stdout: bytes) -> str:
    """Return the access key of an answer to the AWS CLI."""
    found: str = json.loads(stdout)["AccessKeyId"]
    return found


def test_aws_credentials_are_bought_once_for_all(
    hosts: Hosts, running_sandbox: RunningSandbox
) -> None:
    all_of_them = [hosts.host(aws=FOLDER) for _ in range(4)]
    running = [host.start("aws") for host in all_of_them]
    told = [host.finish(one) for host, one in zip(all_of_them, running, strict=True)]
    assert {(one.status, one.told) for one in told} == {(0, "")}
    assert len({keys(one.stdout) for one in told}) == 1
    assert (running_sandbox.stats()["created"], running_sandbox.stats()["exchanged"]) == (1, 1)


def test_a_taker_has_aws_credentials(hosts: Hosts, running_sandbox: RunningSandbox) -> None:
    told = hosts.host(aws=FOLDER).run("aws")
    assert keys(hosts.taker(aws=FOLDER).run("aws").stdout) == keys(told.stdout)
    assert running_sandbox.stats()["exchanged"] == 1


def test_credentials_for_something_else_are_others(
    hosts: Hosts, running_sandbox: RunningSandbox
) -> None:
    one = hosts.host(aws=FOLDER).run("aws")
    other = hosts.host(aws={"folder": "fol.b"}).run("aws")
    assert keys(one.stdout) != keys(other.stdout)
    assert (running_sandbox.stats()["created"], running_sandbox.stats()["exchanged"]) == (1, 2)


def test_hosts_of_v2_share(hosts: Hosts, running_sandbox: RunningSandbox) -> None:
    one, other = hosts.host(api="ica"), hosts.host(api="ica")
    assert one.get() == other.get()
    assert running_sandbox.stats()["created"] == 1


@pytest.mark.parametrize("form", ["file", "command"])
def test_a_host_beside_a_rotator_shares_what_it_is_given(
    form: str, hosts: Hosts, running_sandbox: RunningSandbox
) -> None:
    given = running_sandbox.jwt()
    leader = hosts.host(auth="token", grant={"env": "X"})
    path = leader.secret_file("given", given)
    leader.canaries.remove(given)
    grant = f'{{ file = "{path}" }}' if form == "file" else f'{{ command = ["cat", "{path}"] }}'
    leader.config.write_text(
        leader.config.read_text().replace('{ env = "X" }', grant).replace('{ "env" = "X" }', grant)
    )
    running_sandbox.count_from_here()
    assert leader.get() == given
    taker = hosts.taker()
    assert taker.get() == given
    assert running_sandbox.stats()["requests"] == 0
    if form == "file":  # a command is not asked again within a minute
        rotated = running_sandbox.jwt()
        path.write_text(rotated)
        assert leader.get() == rotated
        change(taker, due="1")
        assert taker.get() == rotated
    for host in (taker, leader):
        assert b"not revoked" in host.run("logout").stdout
    assert running_sandbox.admits(given)
