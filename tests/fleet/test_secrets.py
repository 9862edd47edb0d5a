"""What a store, its admin, and anybody beside it can see: no token, key or password; no URL."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from credhelper.config import fleet as fleets
from credhelper.core.model import Secret
from credhelper.fleet.redis_store import RedisStore
from tests.support.hosts import SHARE, Hosts
from tests.support.sandboxes import RunningSandbox
from tests.support.stores import Store
from tests.support.worlds import SERVICE, tokens_in


def hidden(hosts: Hosts, token: str) -> list[bytes]:
    """Return what nobody may see beside the hosts themselves."""
    parts = token.split(".")
    words = [*hosts.canaries, *parts, SHARE, SERVICE, "illumina", os.uname().nodename + "\n"]
    return [word.encode() for word in words]


@pytest.mark.parametrize("topology", ["plain", "secure", "cluster"])
def test_a_store_and_its_admin_see_nothing(
    topology: str, lend: Callable[[str], Store], fleet_at: Callable[[Store], Hosts], tmp_path: Path
) -> None:
    store = lend(topology)
    hosts = fleet_at(store)
    seen = tmp_path / "seen"
    with store.monitored(seen):
        host = hosts.host()
        token = host.get()
        assert hosts.host().get() == token
        host.run("fleet", "check")
        content = store.content()
        keys = store.keys()
        dumps = b"".join(each.read("DUMP", key) for each in store.servers for key in keys)
        host.run("logout", "--fleet")
    assert b"credhelper:1:{" in content and dumps
    for what in (content, dumps, seen.read_bytes()):
        for canary in hidden(hosts, token):
            assert canary not in what
        assert not tokens_in(what)


def test_a_failure_in_the_store_tells_nothing(
    hosts: Hosts, plain: Store, running_sandbox: RunningSandbox
) -> None:
    running_sandbox.fault({"status": 401, "times": "always"})
    assert hosts.host().run("get").status == 5
    content = plain.content()
    assert b"fail" in content
    for word in (b"401", b"Rejected", b"key", running_sandbox.url.encode()):
        assert word not in content


@pytest.mark.parametrize("topology", ["plain", "secure"])
def test_a_trace_and_what_is_said_hold_no_secret(
    topology: str, lend: Callable[[str], Store], fleet_at: Callable[[Store], Hosts]
) -> None:
    hosts = fleet_at(lend(topology))
    told = [
        host.run("get", environ={"CREDHELPER_TRACE": "1"})
        for host in (hosts.host(), hosts.host(), hosts.host(key="c2hvcnQ"))
    ]
    for outcome in told:
        assert "fleet" in outcome.told
        for canary in hosts.canaries:
            assert canary not in outcome.told


@pytest.mark.sampled(3)
@pytest.mark.parametrize("topology", ["secure", "secure sentinels", "secure cluster"])
def test_no_file_gets_the_keys_of_a_connection_in_a_python_program(
    topology: str,
    lend: Callable[[str], Store],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = lend(topology)
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    driver = RedisStore(
        fleets.address_of(store.url, plain=False),
        password=Secret(store.password),
        ca_file=str(store.ca_file),
        timeout=10,
    )
    assert driver.look("a" * 32, 0, "x", 0.0).now
    driver.close()
    assert not (tmp_path / "keys").exists()


def test_no_secret_is_in_the_words_of_a_process(
    hosts: Hosts, running_sandbox: RunningSandbox
) -> None:
    running_sandbox.fault({"delay": 2.0, "times": 1})
    host = hosts.host()
    process = host.start("get")
    words = Path(f"/proc/{process.pid}/cmdline").read_bytes()
    host.finish(process)
    for canary in hosts.canaries:
        assert canary.encode() not in words


def test_what_a_host_keeps_of_a_fleet_is_its_own(hosts: Hosts) -> None:
    host = hosts.host()
    host.get()
    for path in host.cache.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0
    assert (host.cache / "fleet.owner").read_text() not in host.get()
