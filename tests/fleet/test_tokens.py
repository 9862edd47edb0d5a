"""Hosts that share make one token between them: cold, stale, refused, too short."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.hosts import Hosts, change, field
from tests.support.programs import INSTALLED
from tests.support.sandboxes import RunningSandbox
from tests.support.stores import Store
from tests.support.worlds import SERVICE, World

HERD = 50 if INSTALLED else 10
YOUNG = 60  # seconds in which the first reject keeps a token
PAUSE = 10  # and those in which no host replaces what was just made


def refuse(world: World, token: str) -> None:
    """Tell a host twice that a service refused its token, as git does."""
    told = f"protocol=https\nhost=ica.example\nusername=oauth2\npassword={token}\n\n".encode()
    for _ in range(2):
        assert world.run("git", "erase", stdin=told).status == 0


@pytest.mark.sampled(3)
@pytest.mark.waits
@pytest.mark.parametrize("topology", ["plain", "secure", "socket", "sentinels", "cluster"])
def test_a_cold_herd_of_hosts_makes_one_token(
    topology: str,
    lend: Callable[[str], Store],
    fleet_at: Callable[[Store], Hosts],
    running_sandbox: RunningSandbox,
) -> None:
    hosts = fleet_at(lend(topology))
    herd = HERD if topology == "plain" else HERD // 5
    told = hosts.all_get([hosts.host() for _ in range(herd)])
    assert {(one.status, one.told) for one in told} == {(0, "")}
    assert len({one.token for one in told}) == 1
    assert running_sandbox.stats()["requests"] == 1


def test_a_host_that_has_a_token_asks_nobody(hosts: Hosts, plain: Store) -> None:
    host = hosts.host()
    token = host.get()
    asked = plain.counted()
    assert 2 <= asked <= 3
    assert host.get() == token
    assert host.run("token", SERVICE).token == token
    assert plain.counted() == asked


def test_a_host_whose_key_is_gone_goes_on_with_the_token_that_it_took(
    hosts: Hosts, running_sandbox: RunningSandbox
) -> None:
    one, other = hosts.host(), hosts.host()
    token = one.get()
    for host in (one, other):
        assert host.get() == token
        (host.root / "api-key").unlink()
        for _ in range(2):
            assert host.get() == token
    assert running_sandbox.stats()["created"] == 1


def test_a_stale_token_is_replaced_once_for_all(
    hosts: Hosts, running_sandbox: RunningSandbox
) -> None:
    all_of_them = [hosts.host() for _ in range(5)]
    (before,) = {host.get() for host in all_of_them}
    for host in all_of_them:
        change(host, due="1")
    tokens = {one.token for one in hosts.all_get(all_of_them)}
    assert tokens <= {before, *tokens} and len(tokens - {before}) == 1
    (after,) = {host.get() for host in all_of_them}
    assert after != before
    assert running_sandbox.stats()["created"] == 2


@pytest.mark.waits
def test_a_refused_token_is_replaced_once_for_all(
    hosts: Hosts, running_sandbox: RunningSandbox
) -> None:
    all_of_them = [hosts.host() for _ in range(5)]
    (before,) = {host.get() for host in all_of_them}
    time.sleep(PAUSE)
    for host in all_of_them:
        host.age(YOUNG + 1)
        refuse(host, before)
    tokens = {one.token for one in hosts.all_get(all_of_them)}
    assert len(tokens) == 1 and tokens != {before}
    assert running_sandbox.stats()["created"] == 2


def test_a_token_that_was_just_made_is_not_replaced_for_the_whole_fleet(
    hosts: Hosts, running_sandbox: RunningSandbox
) -> None:
    host = hosts.host()
    token = host.get()
    refuse(host, token)
    assert host.get() == token
    assert running_sandbox.stats()["created"] == 1


def test_a_life_that_no_token_has_is_asked_for_once(
    hosts: Hosts, start_sandbox: Callable[..., RunningSandbox], tmp_path: Path
) -> None:
    sandbox = start_sandbox("--token-lifetime", "3600")
    short = Hosts(tmp_path, sandbox, hosts.url)
    told = short.all_get([short.host() for _ in range(10)], "--min-ttl", "7200")
    assert {one.status for one in told} == {5}
    assert all("live only 3600 s" in one.told for one in told), told
    assert sandbox.stats()["requests"] == 1


def test_hosts_look_for_the_next_token_at_different_moments(hosts: Hosts) -> None:
    all_of_them = [hosts.host() for _ in range(6)]
    for host in all_of_them:
        host.get()
    moments = [field(host, "due") for host in all_of_them]
    ends = field(all_of_them[0], "expires")
    assert len(set(moments)) > 3
    assert all(ends - 3661 <= moment <= ends - 60 for moment in moments)


def test_a_host_looks_before_the_margin_that_its_profile_wants(hosts: Hosts) -> None:
    both = [hosts.host(refresh_before="15m") for _ in range(2)]
    for host in both:
        host.get()
    ends = field(both[0], "expires")
    assert all(ends - 3600 - 901 <= field(host, "due") <= ends - 900 for host in both)


def test_hosts_whose_profiles_differ_share_nothing(
    hosts: Hosts, running_sandbox: RunningSandbox
) -> None:
    one, other, third = hosts.host(), hosts.host(cid="project-a"), hosts.host(share="other")
    assert len({host.get() for host in (one, other, third)}) == 3
    assert running_sandbox.stats()["created"] == 3


def test_the_place_of_the_key_makes_no_difference(
    hosts: Hosts, running_sandbox: RunningSandbox
) -> None:
    one, other = hosts.host(), hosts.host(grant={"env": "OUR_KEY"}, services=["https://a.example"])
    other.environ["OUR_KEY"] = running_sandbox.api_key
    assert one.get() == other.get()


def test_a_host_without_a_key_takes(hosts: Hosts, running_sandbox: RunningSandbox) -> None:
    taker = hosts.taker()
    waiting = taker.start("get")
    token = hosts.host().get()
    assert taker.finish(waiting).token == token
    assert taker.get() == token
    assert running_sandbox.stats()["created"] == 1


@pytest.mark.waits
def test_a_host_that_makes_none_says_so_when_nobody_does(hosts: Hosts) -> None:
    told = hosts.taker().run("get")
    assert told.status == 5
    assert "no other host has made a token within 30 s" in told.told
    assert "whether it shares its token: credhelper status" in told.told


def test_a_taker_serves_what_lives_while_nobody_makes_the_next(hosts: Hosts) -> None:
    leader, taker = hosts.host(), hosts.taker()
    token = leader.get()
    assert taker.get() == token
    change(taker, due="1")
    assert taker.get() == token


def test_an_adopted_token_is_judged_by_this_hosts_clock(
    hosts: Hosts, running_sandbox: RunningSandbox
) -> None:
    running_sandbox.fault({"date": 3600, "times": "always"})
    leader, taker = hosts.host(), hosts.taker()
    leader.get()
    taker.get()
    assert abs(field(leader, "skew") - 3600) < 10
    assert abs(field(taker, "skew") - field(leader, "skew")) <= 2
