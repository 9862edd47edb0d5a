"""A session that hosts share: one login, one refresh, and nothing lost on the way."""

from __future__ import annotations

import pytest

from tests.support.hosts import Hosts, change, field
from tests.support.sandboxes import RunningSandbox
from tests.support.stores import Store
from tests.support.worlds import World


def login(host: World, sandbox: RunningSandbox) -> str:
    """Have a person log in with a password, and return the session."""
    told = host.run("login", "--user", sandbox.username, stdin=sandbox.password.encode())
    assert told.status == 0, told
    return session(host)["token"]


def session(host: World) -> dict[str, str]:
    """Return the record of the one session that a host has."""
    from credhelper.core import record as records

    (path,) = [one for one in (host.state / "sessions").iterdir() if "." not in one.name]
    return records.decode(path.read_bytes()) or {}


def test_a_login_on_one_host_serves_the_others(hosts: Hosts, running_sandbox: RunningSandbox) -> None:
    one, other = (hosts.host(auth="session", user=running_sandbox.username, grant=None, share_session=True) for _ in range(2))
    login(one, running_sandbox)
    running_sandbox.count_from_here()
    token = other.get()
    assert running_sandbox.admits(token)
    print(running_sandbox.stats(), session(one), session(other), other.held(), one.held())
