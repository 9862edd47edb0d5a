"""A store that lies, repeats itself, grows or drips: it stops nobody, and nobody believes it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from credhelper.core.record import decode
from tests.support.bad_members import PLANTED, plant
from tests.support.hosts import Hosts, change, field
from tests.support.lying_stores import LIES, Liar
from tests.support.sandboxes import RunningSandbox
from tests.support.stores import Store


@pytest.fixture
def lying() -> Iterator[Callable[[str], Liar]]:
    """Give this test a way to start a store that lies."""
    running: list[Liar] = []

    def start(name: str) -> Liar:
        running.append(Liar(LIES[name]))
        return running[-1]

    yield start
    for each in running:
        each.stop()


@pytest.mark.sampled(3)
@pytest.mark.waits
@pytest.mark.parametrize("name", LIES)
def test_a_store_that_lies_stops_nobody(
    name: str,
    lying: Callable[[str], Liar],
    tmp_path: Path,
    running_sandbox: RunningSandbox,
) -> None:
    hosts = Hosts(tmp_path, running_sandbox, lying(name).url)
    host = hosts.host()
    told = host.run("get")
    assert told.status == 0
    assert running_sandbox.admits(told.token)
    assert "evil.example" not in told.told
    assert host.get() == told.token
    # By one of years ahead it would shut out all hosts once the store is honest again.
    assert field(host, "generation") < (time.time() + 40 * 86400) * 1000


def test_a_failure_that_is_repeated_counts_once(
    hosts: Hosts, plain: Store, running_sandbox: RunningSandbox
) -> None:
    running_sandbox.fault({"status": 401, "times": 1})
    assert hosts.host().run("get").status == 5
    (key,) = plain.keys()
    sealed = plain.servers[0].read("HGET", key, "fail").rstrip(b"\n")
    assert sealed
    host = hosts.host()
    first = host.run("get")
    assert "another host of the fleet" in first.told
    # As if its time were over here, while the store goes on to tell it.
    (path,) = host.failures()
    fields = decode(path.read_bytes())
    assert fields is not None
    host.rewrite(path, at="0", until="1")
    assert host.run("get").status == 0


def test_another_accounts_token_is_not_taken(
    hosts: Hosts, start_sandbox: Callable[..., RunningSandbox], running_sandbox: RunningSandbox
) -> None:
    # A member whose API is another one has the same profile, and plants what it gets there.
    hosts.host().get()
    wary = hosts.host(user="somebody.else@example.org")
    planted = hosts.host(user="somebody.else@example.org")
    planted.get()
    told = wary.run("get")
    assert told.status == 0
    assert "another user's" in told.told


def test_a_token_of_somebody_else_than_before_is_not_taken(
    hosts: Hosts, running_sandbox: RunningSandbox
) -> None:
    one, other = hosts.host(), hosts.host()
    token = one.get()
    assert other.get() == token
    change(other, due="1", generation="1", whose="0" * 16)
    told = other.run("get")
    assert told.status == 0
    assert "another account's" in told.told
    assert told.token != token


def test_a_token_of_somebody_else_than_the_one_made_without_the_fleet_is_not_taken(
    hosts: Hosts, plain: Store, running_sandbox: RunningSandbox
) -> None:
    alone = hosts.host()
    text = alone.config.read_text()
    alone.config.write_text(text.replace(hosts.url, "redis://127.0.0.1:1/0"))
    assert "continuing without the fleet" in alone.run("get").told
    hosts.host().get()
    plant(hosts, plain, PLANTED["another account"])
    alone.config.write_text(text)
    change(alone, due="1")
    told = alone.run("get")
    assert "another account's" in told.told
    assert running_sandbox.admits(told.token)


def test_a_host_never_goes_back_to_an_older_token(
    hosts: Hosts, plain: Store, running_sandbox: RunningSandbox
) -> None:
    one, other = hosts.host(), hosts.host()
    one.get()
    (key,) = plain.keys()
    old = _content(plain, key)
    change(one, due="1")
    newer = one.get()
    assert other.get() == newer
    _put(plain, key, old)
    change(other, due="1")
    assert other.get() not in (newer, old)
    assert field(other, "generation") > int(old[b"gen"])


def _content(store: Store, key: str) -> dict[bytes, bytes]:
    names = (b"gen", b"val")
    return {name: store.servers[0].read("HGET", key, name.decode())[:-1] for name in names}


def _put(store: Store, key: str, fields: dict[bytes, bytes]) -> None:
    from redis import Redis

    server = Redis(port=store.servers[0].port)
    server.delete(key)
    for name, value in fields.items():
        server.hset(key, name, value)
    server.pexpire(key, 60_000)
    server.close()
