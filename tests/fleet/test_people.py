"""What people do with a fleet: make a key, check, look at the status, log out."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from credhelper.fleet.seal import key_flaw, new_key
from tests.support.hosts import SHARE, Hosts, change
from tests.support.sandboxes import RunningSandbox
from tests.support.stores import Secure, Single, Store
from tests.support.troubled_stores import Full, ReadOnly
from tests.support.worlds import Outcome, World

STATES = ("pass", "warn", "fail", "skipped")


def results(outcome: Outcome) -> dict[str, str]:
    """Return the state of each check, by its name."""
    lines = [line.split(maxsplit=1) for line in outcome.stdout.decode().splitlines()]
    found = {}
    for state, *rest in (line for line in lines if line):
        if state in STATES and rest:
            found[rest[0].partition(":")[0]] = state
    return found


def test_a_key_is_new_each_time(scratch_world: World) -> None:
    keys = [scratch_world.run("fleet", "key").stdout.decode() for _ in range(2)]
    assert keys[0] != keys[1]
    assert [key_flaw(key.rstrip("\n")) for key in keys] == ["", ""]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("topology", ["plain", "secure", "socket", "sentinels", "cluster"])
def test_a_fleet_that_works_passes(
    topology: str, lend: Callable[[str], Store], fleet_at: Callable[[Store], Hosts]
) -> None:
    store = lend(topology)
    told = fleet_at(store).host().run("fleet", "check")
    assert told.status == 0, told
    assert "fail" not in results(told).values()
    assert results(told)["rights"] == "pass"
    keys = ("packages", "key", "shares", "store", "tls", "rights", "store clock", "part")
    assert set(keys) < set(results(told)) | {"store", "store clock"}


def test_what_a_check_puts_there_ends(hosts: Hosts, plain: Store) -> None:
    hosts.host().run("fleet", "check")
    keys = plain.keys()
    for key in keys:
        assert 0 < int(plain.ask("PTTL", key)) <= 60_000


def test_without_a_fleet_a_check_says_how_to_begin(scratch_world: World) -> None:
    told = scratch_world.run("fleet", "check")
    assert (told.status, "configures no fleet" in told.told) == (6, True)


def _edit(host: World, old: str, new: str) -> None:
    text = host.config.read_text()
    assert old in text
    host.config.write_text(text.replace(old, new))


class Planted(NamedTuple):
    """A mistake, and what finds it.

    Parameters: `make`, plants it in a host; `check`, the check that shows it; `state`, how; `says`,
    what it says.
    """

    make: Callable[[Hosts, pytest.FixtureRequest], World]
    check: str
    state: str
    says: str


def _with_key(text: str) -> Callable[[Hosts, pytest.FixtureRequest], World]:
    return lambda hosts, _: hosts.host(key=text)


def _readable(hosts: Hosts, _: pytest.FixtureRequest) -> World:
    host = hosts.host()
    os.chmod(host.root / "fleet.key", 0o644)
    return host


def _no_key(hosts: Hosts, _: pytest.FixtureRequest) -> World:
    host = hosts.host()
    (host.root / "fleet.key").unlink()
    return host


def _at(fixture: str) -> Callable[[Hosts, pytest.FixtureRequest], World]:
    def make(hosts: Hosts, request: pytest.FixtureRequest) -> World:
        hosts.url = request.getfixturevalue(fixture).url
        return hosts.host()

    return make


def _own(kind: Callable[..., Store], *options: str) -> Callable[..., World]:
    def make(hosts: Hosts, request: pytest.FixtureRequest) -> World:
        hosts.url = request.getfixturevalue("own_store")(kind, *options).url
        return hosts.host()

    return make


def _secure(**changes: Any) -> Callable[[Hosts, pytest.FixtureRequest], World]:
    def make(hosts: Hosts, request: pytest.FixtureRequest) -> World:
        store = request.getfixturevalue("secure")
        sandbox = request.getfixturevalue("running_sandbox")
        told: dict[str, Any] = {
            "url": store.url,
            "password": store.password,
            "ca_file": store.ca_file,
            **changes,
        }
        root = request.getfixturevalue("tmp_path") / "secure"
        root.mkdir()
        return Hosts(root, sandbox, **told).host()

    return make


def _few_rights(hosts: Hosts, request: pytest.FixtureRequest) -> World:
    own = request.getfixturevalue("own_store")
    certificate = request.getfixturevalue("certificate")
    few = "~credhelper:* resetchannels -@all +eval +hello +auth +ping +select +hmget +time"

    def kind(folder: Path) -> Store:
        return Secure(folder, certificate, rights=few)

    store = own(kind)
    root = request.getfixturevalue("tmp_path") / "few"
    root.mkdir()
    sandbox = request.getfixturevalue("running_sandbox")
    return Hosts(root, sandbox, store.url, store.password, store.ca_file).host()


def _no_grant(hosts: Hosts, _: pytest.FixtureRequest) -> World:
    host = hosts.host()
    (host.root / "api-key").unlink()
    return host


PLANTED = {
    "a short key": Planted(_with_key("c2hvcnQ"), "key", "fail", "is too short"),
    "a key that is none": Planted(_with_key("not a key"), "key", "fail", "other characters"),
    "a missing key": Planted(_no_key, "key", "fail", "does not exist"),
    "a key that others can read": Planted(_readable, "key", "fail", "can be read by others"),
    "a port that refuses": Planted(_at("closed"), "store", "fail", "cannot be reached"),
    "a store that is silent": Planted(_at("silent"), "store", "fail", "no answer in time"),
    "another program": Planted(_at("foreign"), "store", "fail", "is no Redis"),
    "a wrong password": Planted(_secure(password="wrong"), "store", "fail", "refuses the user"),
    "a password that is gone": Planted(
        lambda hosts, _: hosts.host(fleet={"password": {"file": "/nowhere/password"}}),
        "store",
        "fail",
        "the store's password: grant file /nowhere/password does not exist",
    ),
    "no authority": Planted(_secure(ca_file=None), "store", "fail", "certificate is not trusted"),
    "an authority that is not there": Planted(
        _secure(ca_file=Path("/nowhere/ca.pem")), "store", "fail", "cannot be read: No such file"
    ),
    "an authority that is none": Planted(
        _secure(ca_file=Path(__file__)), "store", "fail", "holds no certificates"
    ),
    "an account without rights": Planted(_few_rights, "rights", "fail", "may not do"),
    "a store that is read-only": Planted(_own(ReadOnly), "rights", "fail", "is read-only"),
    "a store that is full": Planted(_own(Full), "rights", "fail", "is full"),
    "a store that evicts": Planted(
        _own(Single, "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"),
        "eviction",
        "warn",
        "drops tokens",
    ),
    "no grant": Planted(_no_grant, "part", "warn", "takes only"),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", PLANTED)
def test_a_check_finds_a_planted_mistake(
    name: str, hosts: Hosts, request: pytest.FixtureRequest
) -> None:
    planted = PLANTED[name]
    told = planted.make(hosts, request).run("fleet", "check")
    line = next(
        line
        for line in told.stdout.decode().splitlines()
        if line.strip().startswith(planted.state) and f" {planted.check}: " in line
    )
    assert planted.says in line
    assert (told.status != 0) == (planted.state == "fail")


def test_who_has_a_wrong_key_is_told_of_the_one_that_other_hosts_have(hosts: Hosts) -> None:
    told = hosts.host(key="c2hvcnQ").run("fleet", "check").stdout.decode()
    assert "fix: copy it from another host of the fleet, or make one for all hosts" in told


def test_a_profile_that_shares_nothing_is_noted(hosts: Hosts) -> None:
    host = hosts.host()
    _edit(host, f'share = "{SHARE}"\n', "")
    assert results(host.run("fleet", "check"))["shares"] == "warn"


def test_the_doctor_looks_at_the_fleet(hosts: Hosts) -> None:
    told = hosts.host().run("doctor", "--json")
    found = {one["name"]: one["state"] for one in json.loads(told.stdout)["checks"]}
    assert found["rights"] == "pass"


def test_status_tells_who_made_the_token_and_when_to_look_again(hosts: Hosts) -> None:
    host, other = hosts.host(), hosts.host()
    host.get()
    other.get()
    told = other.run("status").stdout.decode()
    assert f"shares as {SHARE}, made " in told
    assert f"by {os.uname().nodename}, looks again in " in told
    (entry,) = json.loads(other.run("status", "--json").stdout)["profiles"]
    assert (entry["share"], entry["maker"]) == (SHARE, os.uname().nodename)
    assert entry["looks_again_at"]


def test_status_tells_that_a_token_is_not_shared(
    own_store: Callable[..., Store], fleet_at: Callable[[Store], Hosts]
) -> None:
    store = own_store(Single)
    hosts = fleet_at(store)
    host = hosts.host()
    store.servers[0].kill()
    assert host.run("get").status == 0
    told = host.run("status").stdout.decode()
    assert f"shares as {SHARE}, but this token was made " in told
    assert "ago without the fleet" in told


def test_a_host_that_had_a_token_shares_from_its_next_get_on(
    hosts: Hosts, running_sandbox: RunningSandbox
) -> None:
    host, taker = hosts.host(share=None), hosts.taker()
    before = host.get()
    _edit(host, '[profiles."main"]', f'[profiles."main"]\nshare = "{SHARE}"')
    shared = host.get()
    assert shared != before
    assert taker.get() == shared
    assert running_sandbox.stats()["created"] == 2
    assert len(host.records()) == 2
    told = host.run("logout").stdout.decode()
    assert host.held() == []
    # The other hosts have the one, and nobody has the other.
    assert running_sandbox.admits(shared)
    assert not running_sandbox.admits(before)
    assert "forgotten here, not revoked: other hosts share it" in told


def test_a_login_gives_its_token_to_all_hosts(
    hosts: Hosts, running_sandbox: RunningSandbox
) -> None:
    host, taker = hosts.host(), hosts.taker()
    key = str(host.root / "api-key")
    assert host.run("login", "--grant-file", key).status == 0
    assert host.get() == taker.get()
    assert running_sandbox.stats()["created"] == 1


def test_a_login_takes_the_token_that_hosts_have_and_revokes_its_own(
    hosts: Hosts, running_sandbox: RunningSandbox
) -> None:
    first, second = hosts.host(), hosts.host()
    token = first.get()
    key = str(second.root / "api-key")
    assert second.run("login", "--grant-file", key).status == 0
    assert second.get() == token
    stats = running_sandbox.stats()
    assert (stats["created"], stats["revoked"]) == (2, 1)


def test_a_host_that_takes_is_not_told_to_log_in(hosts: Hosts) -> None:
    told = json.loads(hosts.taker().run("status", "--json").stdout)["profiles"]
    assert told[0]["state"] == "none"
    assert "login" not in told[0]["fix"]


def test_a_logout_for_all_revokes_and_lets_nobody_take_it(
    hosts: Hosts, running_sandbox: RunningSandbox
) -> None:
    host, other = hosts.host(), hosts.host()
    token = host.get()
    told = host.run("logout", "--fleet")
    assert told.status == 0, told
    assert b"other hosts serve their copy" in told.stdout
    assert not running_sandbox.admits(token)
    assert other.get() != token
    assert running_sandbox.stats()["created"] == 2


def test_a_logout_of_one_host_leaves_the_others_their_token(
    hosts: Hosts, running_sandbox: RunningSandbox
) -> None:
    host, taker = hosts.host(), hosts.taker()
    token = host.get()
    assert taker.get() == token
    for one in (host, taker):
        told = one.run("logout")
        assert told.status == 0
        assert b"forgotten here, not revoked: other hosts share it" in told.stdout
        takes = b"the next get will take what other hosts share, or log in again with the file "
        assert (takes in told.stdout) == (one is host)  # the taker has no grant
        assert not one.held()
    assert running_sandbox.admits(token)
    assert hosts.host().get() == token


def test_a_logout_that_does_not_reach_the_store_says_so(
    own_store: Callable[..., Store], fleet_at: Callable[[Store], Hosts]
) -> None:
    store = own_store(Single)
    host = fleet_at(store).host()
    host.get()
    store.servers[0].kill()
    told = host.run("logout", "--fleet")
    assert told.status == 5
    assert b"NOT removed" in told.stdout


def test_what_exec_starts_has_neither_key_nor_password(
    hosts: Hosts, running_sandbox: RunningSandbox
) -> None:
    host = hosts.host()
    host.config.unlink()
    secrets = {
        "CREDHELPER_API_KEY": running_sandbox.api_key,
        "CREDHELPER_FLEET_KEY": hosts.key,
        "CREDHELPER_FLEET_PASSWORD": "",
    }
    told = {"CREDHELPER_URL": running_sandbox.url, "CREDHELPER_SHARE": SHARE}
    host.environ |= {**secrets, **told, "CREDHELPER_FLEET_STORE": hosts.url}
    shows = "import os, sys; sys.stdout.write(' '.join(os.environ))"
    names = host.run("exec", "--", sys.executable, "-c", shows).stdout.decode().split()
    assert set(names).isdisjoint(secrets)
    assert "CREDHELPER_FLEET_STORE" in names
    # Inside, the record answers; when it has ended, a hint tells why nothing new comes.
    token = host.get()
    inner = host.run("exec", "--", "credhelper", "get")
    assert inner.token == token
    change(host, expires="1", due="0")
    outer = host.run("exec", "--", "sh", "-c", "true")
    assert outer.status == 0


def by_variables(host: World, hosts: Hosts, sandbox: RunningSandbox, **more: str) -> World:
    """Take a host's config away, and say the same by variables."""
    host.config.unlink()
    host.environ |= {
        "CREDHELPER_URL": sandbox.url,
        "CREDHELPER_API_KEY": sandbox.api_key,
        "CREDHELPER_SHARE": SHARE,
        "CREDHELPER_FLEET_STORE": hosts.url,
        "CREDHELPER_FLEET_KEY": hosts.key,
        **more,
    }
    return host


def test_variables_alone_make_a_fleet(hosts: Hosts, running_sandbox: RunningSandbox) -> None:
    leader, taker = (by_variables(hosts.host(), hosts, running_sandbox) for _ in range(2))
    del taker.environ["CREDHELPER_API_KEY"]
    taker.environ["CREDHELPER_FLEET_LEAD"] = "0"
    assert leader.get() == taker.get()
    assert hosts.host().get() == taker.get()
    assert running_sandbox.stats()["created"] == 1


@pytest.mark.parametrize("variable", ["CREDHELPER_FLEET_CA_FILE", "SSL_CERT_FILE"])
def test_a_variable_names_the_authority_of_the_store(
    variable: str,
    secure: Store,
    fleet_at: Callable[[Store], Hosts],
    running_sandbox: RunningSandbox,
) -> None:
    hosts = fleet_at(secure)
    token = hosts.host().get()
    told = {"CREDHELPER_FLEET_PASSWORD": secure.password, variable: str(secure.ca_file)}
    assert by_variables(hosts.host(), hosts, running_sandbox, **told).get() == token
    del told[variable]
    outcome = by_variables(hosts.host(), hosts, running_sandbox, **told).run("get")
    assert "its certificate is not trusted here" in outcome.told
    assert outcome.token != token


def test_a_key_is_changed_without_a_new_token_for_each_host(
    hosts: Hosts, running_sandbox: RunningSandbox
) -> None:
    token = hosts.host().get()
    new = new_key().reveal()
    assert hosts.host(key=f"{new}\n{hosts.key}").get() == token
    assert running_sandbox.stats()["created"] == 1


def test_another_key_shares_nothing(hosts: Hosts, running_sandbox: RunningSandbox) -> None:
    token = hosts.host().get()
    assert hosts.host(key=new_key().reveal()).get() != token


def _spoilt_key(how: str, host: World) -> None:
    key = host.root / "fleet.key"
    if how == "missing":
        key.unlink()
    elif how == "readable":
        key.chmod(0o644)
    else:
        key.write_text(how)


@pytest.mark.parametrize("how", ["c2hvcnQ", "not a key", "missing", "readable"])
def test_a_key_that_is_none_stops_nobody(how: str, hosts: Hosts) -> None:
    host = hosts.host()
    _spoilt_key(how, host)
    told = host.run("get")
    assert told.status == 0
    assert "continuing without the fleet" in told.told
    assert "c2hvcnQ" not in told.told


@pytest.mark.parametrize("how", ["c2hvcnQ", "missing", "readable"])
def test_a_taker_whose_key_is_none_says_so(how: str, hosts: Hosts) -> None:
    taker = hosts.taker()
    _spoilt_key(how, taker)
    told = taker.run("get")
    assert told.status != 0
    assert "fleet" in told.told and "c2hvcnQ" not in told.told
