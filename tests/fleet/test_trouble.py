"""The table of failures: a host, the API or the store in trouble, and what it costs the others."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from credhelper.config import fleet as fleets
from credhelper.fleet.redis_store import RedisStore
from tests.support import troubled_stores
from tests.support.hosts import Hosts, change, field
from tests.support.sandboxes import RunningSandbox
from tests.support.stores import Sentinels, Single, Store, until
from tests.support.worlds import Outcome, World

SLOW = {"delay": 3.0, "times": 1}


def alone(outcome: Outcome) -> str:
    """Return the token of a host that went on without the store, and said so."""
    assert outcome.status == 0, outcome
    assert "continuing without the fleet's store" in outcome.told
    return outcome.token


def leading(store: Store) -> bool:
    """Tell whether somebody has a lease."""
    return b"owner" in store.content()


def called(sandbox: RunningSandbox) -> None:
    """Wait until the API was called once."""
    until(lambda: sandbox.stats()["requests"] == 1, lambda: "no call came")


def rested(*hosts: World) -> None:
    """Have hosts ask their store again, as if they had left it alone for long enough."""
    for host in hosts:
        for path in host.cache.glob("fleet-*.rest"):
            path.unlink()


@pytest.fixture
def own(
    own_store: Callable[..., Store], fleet_at: Callable[[Store], Hosts]
) -> Callable[..., tuple[Store, Hosts]]:
    """Give this test a way to have hosts with a store of their own, which it may end."""

    def start(kind: type[Store] = Single) -> tuple[Store, Hosts]:
        store = own_store(kind)
        return store, fleet_at(store)

    return start


@contextlib.contextmanager
def killed(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Kill a process at the end, however the end is reached."""
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.waits
def test_a_leader_that_is_killed_before_its_call_is_followed_by_the_next(
    hosts: Hosts, plain: Store, running_sandbox: RunningSandbox
) -> None:
    leader, next_one = hosts.host(), hosts.host()
    running_sandbox.spoilt = True
    os.kill(running_sandbox.pid, signal.SIGSTOP)  # so that it still leads when it is seen to
    try:
        with killed(leader.start("get")):
            until(lambda: leading(plain), lambda: "nobody leads")
    finally:
        os.kill(running_sandbox.pid, signal.SIGCONT)
    assert next_one.get()


@pytest.mark.waits
def test_a_leader_that_is_killed_in_its_call_is_followed_by_the_next(
    hosts: Hosts, running_sandbox: RunningSandbox
) -> None:
    leader, next_one = hosts.host(), hosts.host()
    running_sandbox.fault({"delay": 20.0, "times": 1})
    with killed(leader.start("get")):
        called(running_sandbox)
    assert next_one.get()


def test_another_process_of_a_killed_leaders_host_goes_on_at_once(
    hosts: Hosts, plain: Store, running_sandbox: RunningSandbox
) -> None:
    running_sandbox.fault({"delay": 20.0, "times": 1})
    host = hosts.host()
    with killed(host.start("get")):
        called(running_sandbox)
    host.get()
    # Nobody else's lease was waited for: there was no look in vain.
    assert plain.counted() <= 6


def test_a_leader_that_is_stopped_gives_its_lease_back(
    hosts: Hosts, plain: Store, running_sandbox: RunningSandbox
) -> None:
    running_sandbox.fault({"delay": 20.0, "times": 1})
    process = hosts.host().start("get")
    called(running_sandbox)
    process.terminate()
    process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert not leading(plain)


@pytest.mark.waits
def test_a_late_leader_replaces_nothing_that_others_made_meanwhile(
    hosts: Hosts, plain: Store, running_sandbox: RunningSandbox
) -> None:
    running_sandbox.fault(SLOW)
    leader, other = hosts.host(), hosts.host()
    process = leader.start("get")
    called(running_sandbox)
    os.kill(process.pid, signal.SIGSTOP)
    token = other.get()
    os.kill(process.pid, signal.SIGCONT)
    # Its answer may have come in time for it, or not: then it takes what the other one made.
    assert leader.finish(process).status == 0
    assert hosts.host().get() == token
    assert running_sandbox.stats()["created"] == 2


@pytest.mark.sampled(2)
@pytest.mark.parametrize("status", [401, 403, 429, 503])
def test_what_the_api_said_counts_for_all(
    status: int, hosts: Hosts, running_sandbox: RunningSandbox
) -> None:
    running_sandbox.fault({"status": status, "times": "always", "headers": {"Retry-After": "30"}})
    told = hosts.all_get([hosts.host() for _ in range(8)])
    assert {one.status for one in told} == {5}
    assert running_sandbox.stats()["requests"] == 1
    assert sum("another host of the fleet" in one.told for one in told) == 7


def test_a_429_that_passes_is_tried_again_by_one_host_and_stops_nobody(
    hosts: Hosts, running_sandbox: RunningSandbox
) -> None:
    running_sandbox.fault({"status": 429, "times": 2})
    told = hosts.all_get([hosts.host() for _ in range(8)])
    assert {(one.status, one.told) for one in told} == {(0, "")}
    assert len({one.token for one in told}) == 1
    assert (running_sandbox.stats()["requests"], running_sandbox.stats()["created"]) == (3, 1)


def test_a_refusal_counts_for_the_same_key_alone(
    hosts: Hosts, running_sandbox: RunningSandbox
) -> None:
    bad, good = hosts.host(), hosts.host()
    (bad.root / "api-key").write_text("not-the-key")
    assert bad.run("get").status == 5
    assert good.get()


def test_what_the_network_did_is_one_hosts_own_affair(
    hosts: Hosts, plain: Store, running_sandbox: RunningSandbox
) -> None:
    lost, good = hosts.host(), hosts.host()
    running_sandbox.fault({"drop": True, "times": "always"})
    assert lost.run("get").status == 5
    running_sandbox.reset()
    assert b"fail" not in plain.content()
    assert good.get()


@pytest.mark.parametrize("trouble", ["silent", "closed", "foreign"])
def test_a_store_that_gives_nothing_stops_nobody(
    trouble: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    running_sandbox: RunningSandbox,
) -> None:
    hosts = Hosts(tmp_path, running_sandbox, request.getfixturevalue(trouble).url)
    one, other = hosts.host(), hosts.host()
    assert alone(one.run("get")) != alone(other.run("get"))
    assert one.get()


def test_a_store_in_trouble_is_left_alone_for_a_while(
    hosts: Hosts, foreign: troubled_stores.Foreign, running_sandbox: RunningSandbox
) -> None:
    hosts.url = foreign.url
    host = hosts.host()
    alone(host.run("get"))
    visits = len(foreign.requests)
    assert visits == 2
    for path in host.records():
        path.unlink()
    alone(host.run("get"))
    assert len(foreign.requests) == visits


def test_a_token_that_lives_is_served_while_the_store_is_gone(
    own: Callable[..., tuple[Store, Hosts]], running_sandbox: RunningSandbox
) -> None:
    store, hosts = own()
    host = hosts.host()
    token = host.get()
    now = field(host, "due")
    store.servers[0].kill()
    change(host, due="1", spread="1")
    assert host.get() == token
    assert running_sandbox.stats()["created"] == 1
    # Its end is near: now it counts that there is a next one.
    host.age(86400 - 30)
    change(host, due=str(now), spread=str(now))
    assert alone(host.run("get")) != token


def test_a_host_with_a_token_waits_for_no_leader(
    hosts: Hosts, running_sandbox: RunningSandbox
) -> None:
    leader, other = hosts.host(), hosts.host()
    before = leader.get()
    assert other.get() == before
    for host in (leader, other):
        change(host, due="1")
    running_sandbox.count_from_here()
    running_sandbox.fault({"delay": 20.0, "times": 1})
    with killed(leader.start("get")) as process:
        called(running_sandbox)
        assert other.get() == before
        assert process.poll() is None  # it still leads
    assert running_sandbox.stats()["requests"] == 1


def test_a_store_that_comes_back_is_shared_again(
    own: Callable[..., tuple[Store, Hosts]], running_sandbox: RunningSandbox
) -> None:
    store, hosts = own()
    one, other = hosts.host(), hosts.host()
    store.servers[0].kill()
    assert alone(one.run("get")) != alone(other.run("get"))
    store.servers[0].start()
    rested(one, other)
    for host in (one, other):
        change(host, due="1")
    assert one.get() == other.get()
    assert running_sandbox.stats()["created"] == 3


@pytest.mark.waits
def test_a_store_that_hangs_in_between_costs_the_leader_nothing(
    own: Callable[..., tuple[Store, Hosts]], running_sandbox: RunningSandbox
) -> None:
    store, hosts = own()
    running_sandbox.fault({"delay": 2.0, "times": 1})
    leader = hosts.host()
    process = leader.start("get")
    called(running_sandbox)
    store.servers[0].freeze()
    told = leader.finish(process)
    assert told.status == 0
    assert leader.get() == told.token
    assert running_sandbox.stats()["created"] == 1


def test_a_taker_serves_what_lives_while_the_store_is_gone(
    own: Callable[..., tuple[Store, Hosts]],
) -> None:
    store, hosts = own()
    token, taker = hosts.host().get(), hosts.taker()
    assert taker.get() == token
    store.servers[0].kill()
    change(taker, due="1")
    assert taker.get() == token


def test_a_taker_without_a_store_says_what_is_wrong(
    hosts: Hosts, closed: troubled_stores.Closed
) -> None:
    hosts.url = closed.url
    taker = hosts.taker()
    told = taker.run("get")
    assert told.status == 5
    assert "gave no token" in told.told
    assert "credhelper fleet check" in told.told
    told = taker.run("get")
    assert told.status == 5
    assert "moment ago; credhelper asks it again after 18 s at most" in told.told


def test_a_store_that_dies_in_between_costs_a_token_each(
    own: Callable[..., tuple[Store, Hosts]], running_sandbox: RunningSandbox
) -> None:
    store, hosts = own()
    running_sandbox.fault({"delay": 2.0, "times": "always"})
    running = [(host, host.start("get")) for host in (hosts.host(), hosts.host())]
    called(running_sandbox)
    store.servers[0].kill()
    told = [host.finish(process) for host, process in running]
    assert [one.status for one in told] == [0, 0]
    assert running_sandbox.stats()["created"] == 2


def test_a_store_that_was_emptied_costs_one_token(
    hosts: Hosts, plain: Store, running_sandbox: RunningSandbox
) -> None:
    all_of_them = [hosts.host() for _ in range(3)]
    for host in all_of_them:
        host.get()
    plain.reset()
    for host in all_of_them:
        change(host, due="1")
        host.get()
    assert running_sandbox.stats()["created"] == 2


@pytest.mark.waits
def test_a_slow_store_serves_all(
    plain: Store, fleet_at: Callable[[Store], Hosts], running_sandbox: RunningSandbox
) -> None:
    hosts = fleet_at(plain)
    with troubled_stores.slow(plain.servers[0]):
        told = hosts.all_get([hosts.host() for _ in range(5)])
    assert {one.status for one in told} == {0}
    assert running_sandbox.stats()["created"] == 1


@pytest.mark.parametrize("kind", [troubled_stores.ReadOnly, troubled_stores.Full])
def test_a_store_that_takes_nothing_stops_nobody(
    kind: type[Store], own: Callable[..., tuple[Store, Hosts]]
) -> None:
    _, hosts = own(kind)
    alone(hosts.host().run("get"))


def test_a_failover_keeps_the_token(
    own: Callable[..., tuple[Store, Hosts]], running_sandbox: RunningSandbox
) -> None:
    store, hosts = own(Sentinels)
    assert isinstance(store, Sentinels)
    token = hosts.host().get()
    until(lambda: store.servers[1].ask("DBSIZE") == "1", lambda: "the replica is behind")
    store.fail_over()
    assert hosts.host().get() == token
    assert running_sandbox.stats()["created"] == 1


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("done", [False, True])
def test_a_connection_that_is_cut_stops_nobody(
    number: int,
    done: bool,
    relay: troubled_stores.Relay,
    tmp_path: Path,
    running_sandbox: RunningSandbox,
) -> None:
    hosts = Hosts(tmp_path, running_sandbox, relay.url)
    relay.cut_at, relay.done = number, done
    assert hosts.host().run("get").status == 0
    assert running_sandbox.stats()["created"] == 1


def damaged(store: Store, alter: Callable[[RedisStore, str, bytes, int], None]) -> None:
    """Have a store change what it holds."""
    (key,) = store.keys()
    name = key.partition("{")[2].rstrip("}")
    driver = RedisStore(
        fleets.address_of(store.url, plain=False), password=None, ca_file=None, timeout=10
    )
    seen = driver.look(name, 0, "x", 0)
    alter(driver, name, seen.value, seen.generation)
    driver.close()


def _flip(driver: RedisStore, name: str, value: bytes, generation: int) -> None:
    driver.publish(name, generation, generation + 1, value[:-1] + bytes([value[-1] ^ 1]), 60, "x")


def _replay(driver: RedisStore, name: str, value: bytes, generation: int) -> None:
    driver.publish(name, generation, generation + 1, value, 60, "x")


def _junk(driver: RedisStore, name: str, value: bytes, generation: int) -> None:
    driver.publish(name, generation, generation + 1, b"junk", 60, "x")


def _grown(driver: RedisStore, name: str, value: bytes, generation: int) -> None:
    driver.publish(name, generation, generation + 1, value + bytes(10_000_000), 60, "x")


@pytest.mark.parametrize("alter", [_flip, _replay, _junk, _grown])
def test_a_value_that_the_store_changed_is_not_believed_and_overwritten(
    alter: Callable[[RedisStore, str, bytes, int], None],
    hosts: Hosts,
    plain: Store,
    running_sandbox: RunningSandbox,
) -> None:
    first = hosts.host().get()
    damaged(plain, alter)
    told = hosts.host().run("get")
    assert told.status == 0
    assert told.token != first
    assert hosts.host().get() == told.token
    assert running_sandbox.stats()["created"] == 2
