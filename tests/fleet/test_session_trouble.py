"""A shared session when the store is gone, forgets, lies or fails over, and after a logout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import api_doors, troubled_stores
from tests.support.hosts import Hosts, change
from tests.support.sandboxes import RunningSandbox
from tests.support.session_hosts import (
    ROTATES,
    come_due,
    end_leases,
    forget_tokens,
    log_in,
    place,
    refreshing,
    session,
    session_key,
    sharing,
)
from tests.support.stores import Sentinels, Single, Store, until
from tests.support.stories import Stories
from tests.support.worlds import World

STORIES = Stories()


def content(store: Store, key: str) -> dict[str, bytes]:
    """Return what a store has under a key."""
    names = ("gen", "val")
    return {name: store.servers[0].read("HGET", key, name)[:-1] for name in names}


def put(store: Store, key: str, fields: dict[str, bytes]) -> None:
    """Let a store have something under a key, and nothing else there."""
    from redis import Redis

    server = Redis(port=store.servers[0].port)
    server.delete(key)
    for name, value in fields.items():
        server.hset(key, name, value)
    server.close()


@STORIES.story
def what_a_refresher_could_not_share_is_shared_by_its_next_get(
    hosts: Hosts,
    plain: Store,
    relay: troubled_stores.Relay,
    door: api_doors.Door,
    running_sandbox: RunningSandbox,
) -> None:
    direct, hosts.url = hosts.url, relay.url
    one = sharing(hosts, url=door.url)
    hosts.url = direct
    other = sharing(hosts, url=door.url)
    log_in(one, running_sandbox)
    one.prepare()
    other.prepare()
    come_due(one, other, cold=plain)
    process = refreshing(one, running_sandbox, door, api_doors.ANSWER)
    relay.cut_at = 1  # what it publishes never arrives
    before = session(one)["token"]
    door.let_go()
    until(lambda: session(one)["token"] != before, lambda: "nothing was written down")
    process.kill()
    process.communicate()
    end_leases(plain)
    relay.cut_at = None
    forget_tokens(plain, one, other)  # it may have shared a token before it was killed
    assert other.run("get").status == 4  # the store has the session before
    for rest in one.cache.glob("*.rest"):
        rest.unlink()
    one.get()
    forget_tokens(plain, one, other)
    assert other.get()
    assert session(other)["token"] == session(one)["token"] != before


@pytest.mark.sampled(2)
@pytest.mark.parametrize("forgets", ["all", "the last session"])
def test_a_store_that_forgets_is_told_again_by_the_host_that_knows(
    forgets: str, hosts: Hosts, plain: Store, running_sandbox: RunningSandbox
) -> None:
    one, other = sharing(hosts), sharing(hosts)
    log_in(one, running_sandbox)
    one.prepare()
    come_due(one, other, cold=plain)
    old = content(plain, session_key(one))
    running_sandbox.fault(ROTATES)
    one.get()
    if forgets == "all":
        plain.reset()
    else:
        put(plain, session_key(one), old)
    forget_tokens(plain, one, other)
    assert other.run("get").status == 4  # what it has is of no use, and it knows no other
    one.get()
    forget_tokens(plain, other)
    assert other.get()
    assert session(other)["token"] == session(one)["token"]


def test_an_older_session_is_never_taken(
    hosts: Hosts, plain: Store, running_sandbox: RunningSandbox
) -> None:
    host = sharing(hosts)
    log_in(host, running_sandbox)
    host.prepare()
    key = session_key(host)
    old = content(plain, key)
    come_due(host, cold=plain)
    running_sandbox.fault(ROTATES)
    host.get()
    new, generation = session(host)["token"], session(host)["generation"]
    later = str(int(generation) + 60_000).encode()
    for lie in (old, {**old, "gen": later}, {"gen": later, "val": b"junk"}, {"gen": later}):
        put(plain, key, lie)
        forget_tokens(plain, host)
        assert host.run("get").status == 0
        assert session(host)["token"] == new
    newest = sharing(hosts)
    newest.get()
    forget_tokens(plain, newest)
    newest.get()
    assert session(newest)["token"] == new


@STORIES.story
def a_session_is_not_refreshed_without_the_store(
    hosts: Hosts,
    closed: troubled_stores.Closed,
    plain: Store,
    running_sandbox: RunningSandbox,
) -> None:
    host = sharing(hosts)
    log_in(host, running_sandbox)
    token = host.prepare()
    come_due(host)
    running_sandbox.count_from_here()
    host.config.write_text(host.config.read_text().replace(hosts.url, closed.url))
    told = host.run("get")
    assert (told.status, told.token) == (0, token)
    forget_tokens(plain, host)
    told = host.run("get")  # it is due, and lives: tokens still come from it
    assert told.status == 0
    assert "continuing without the fleet's store" in told.told
    running_sandbox.revoke_all()
    forget_tokens(plain, host)
    told = host.run("get")
    assert told.status == 5
    assert "hosts share the session of profile main, and it cannot be renewed now" in told.told
    assert "credhelper fleet check" in told.told
    assert running_sandbox.stats()["refreshed"] == 0


@STORIES.story
def a_host_with_a_key_makes_a_token_without_the_session(
    hosts: Hosts, closed: troubled_stores.Closed, running_sandbox: RunningSandbox
) -> None:
    hosts.url = closed.url
    host = hosts.host(keep_session=True, share_session=True)
    assert host.run("get").status == 0
    assert not session(host)
    assert running_sandbox.stats()["created"] == 1


@STORIES.story
def hosts_with_keys_open_one_session(hosts: Hosts, running_sandbox: RunningSandbox) -> None:
    all_of_them = [hosts.host(keep_session=True, share_session=True, cid=f"p-{n}") for n in (1, 2)]
    for host in all_of_them:
        host.prepare()
    stats = running_sandbox.stats()
    assert (stats["created"], stats["minted"]) == (1, 2)
    assert len({session(host)["token"] for host in all_of_them}) == 1


@STORIES.story
def a_failover_keeps_the_session(
    own_store: Callable[..., Store],
    fleet_at: Callable[[Store], Hosts],
    running_sandbox: RunningSandbox,
) -> None:
    store = own_store(Sentinels)
    assert isinstance(store, Sentinels)
    hosts = fleet_at(store)
    one, other = sharing(hosts), sharing(hosts)
    log_in(one, running_sandbox)
    store.fail_over()
    running_sandbox.count_from_here()
    assert other.get()
    assert running_sandbox.stats()["minted"] == 1
    assert session(other)["token"] == session(one)["token"]


@STORIES.story
def a_login_without_the_store_is_shared_later(
    own_store: Callable[..., Store],
    fleet_at: Callable[[Store], Hosts],
    running_sandbox: RunningSandbox,
) -> None:
    store = own_store(Single)
    hosts = fleet_at(store)
    user = running_sandbox.username
    one, other = sharing(hosts, user=user), sharing(hosts, user=user)
    store.servers[0].kill()
    told = one.run("login", "--user", user, stdin=running_sandbox.password.encode())
    assert told.status == 0
    assert "other hosts do not have it yet" in told.told
    store.servers[0].start()
    for path in [*one.records(), *one.cache.glob("*.rest")]:
        path.unlink()
    one.get()
    forget_tokens(store, other)
    assert other.get()
    assert session(other)["token"] == session(one)["token"]


@STORIES.story
def a_logout_of_one_host_leaves_the_others_their_session(
    hosts: Hosts, plain: Store, running_sandbox: RunningSandbox
) -> None:
    one, other = sharing(hosts), sharing(hosts)
    secret = log_in(one, running_sandbox)
    one.prepare()
    told = one.run("logout")
    assert told.status == 0
    assert told.stdout.count(b"forgotten here, not revoked: other hosts share it") == 2
    assert not session(one)
    assert running_sandbox.lives(secret)
    forget_tokens(plain, other)
    assert other.get()


def test_a_logout_for_all_ends_the_session_everywhere(
    hosts: Hosts, plain: Store, running_sandbox: RunningSandbox
) -> None:
    one, other, third = (sharing(hosts) for _ in range(3))
    secret = log_in(one, running_sandbox)
    for host in (one, other):
        host.prepare()
        forget_tokens(plain, host)
    told = third.run("logout", "--fleet")  # it has nothing itself
    assert told.status == 0, told
    assert not running_sandbox.lives(secret)
    told = other.run("get")
    assert told.status == 4
    assert "not logged in to profile main" in told.told
    assert not session(other)
    log_in(one, running_sandbox)
    forget_tokens(plain, other)
    assert other.get()


@STORIES.story
def a_logout_for_all_ends_what_a_host_is_refreshing(
    door: api_doors.Door, hosts: Hosts, plain: Store, running_sandbox: RunningSandbox
) -> None:
    one, other = (sharing(hosts, url=door.url) for _ in range(2))
    log_in(one, running_sandbox)
    one.prepare()
    come_due(one, cold=plain)
    process = refreshing(one, running_sandbox, door, api_doors.ANSWER)
    assert other.run("logout", "--fleet").status == 0
    running_sandbox.count_from_here()
    door.let_go()
    told = one.finish(process)
    assert told.status == 4, told
    assert not session(one)
    assert running_sandbox.stats()["revoked"] == 1


@STORIES.story
def hosts_of_v2_refresh_each_others_session(
    hosts: Hosts, plain: Store, running_sandbox: RunningSandbox
) -> None:
    user = running_sandbox.username
    one, other = (sharing(hosts, api="ica", user=user) for _ in range(2))
    told = one.run("login", "--user", user, stdin=running_sandbox.password.encode())
    assert told.status == 0, told
    first = other.get()
    running_sandbox.count_from_here()
    path = place(other)
    assert path
    other.age_record(path, 50_000)
    change(other, due="1")
    second = other.get()
    assert second != first
    assert running_sandbox.stats()["refreshed"] == 1
    for token in one.records():
        one.rewrite(token, due="1")
    assert one.get() == second
    assert running_sandbox.stats()["refreshed"] == 1


@STORIES.story
def people_see_what_is_shared(hosts: Hosts, plain: Store, running_sandbox: RunningSandbox) -> None:
    one, other = sharing(hosts), sharing(hosts)
    told = other.run("fleet", "check")
    assert (told.status, b"none is shared yet" in told.stdout) == (0, True)
    log_in(one, running_sandbox)
    assert b"ends after" in one.run("status").stdout
    assert b"the next get takes the one that hosts share" in other.run("status").stdout
    assert b"the one here, renewed by" in one.run("fleet", "check").stdout
    told = other.run("fleet", "check")
    assert b"main as pipeline with its session" in told.stdout
    assert b"the next get that needs it takes it" in told.stdout


def hidden(hosts: Hosts, host: World) -> list[bytes]:
    """Return what nobody may see beside the hosts themselves."""
    return [word.encode() for word in (*hosts.canaries, session(host)["token"])]


@STORIES.story
def nobody_but_the_hosts_sees_a_session(
    hosts: Hosts, plain: Store, running_sandbox: RunningSandbox, tmp_path: Path
) -> None:
    one, other = sharing(hosts), sharing(hosts)
    seen, trace = tmp_path / "seen", {"CREDHELPER_TRACE": "1"}
    running_sandbox.fault(ROTATES)
    with plain.monitored(seen):
        log_in(one, running_sandbox)
        secrets = hidden(hosts, one)
        told = [one.run("get", environ=trace)]
        come_due(one, other, cold=plain)
        process = other.start("get", environ=trace)
        words = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        told.append(other.finish(process))
        secrets += hidden(hosts, other)
        keys = plain.keys()
        dumps = b"".join(plain.servers[0].read("DUMP", key) for key in keys)
        told += [one.run("status"), one.run("fleet", "check"), one.run("logout", "--fleet")]
    assert "refresh" in told[1].told
    assert dumps
    shown = b"".join(each.stdout[:0] + each.stderr for each in told)
    printed = b"".join(each.stdout for each in told[2:])
    for what in (seen.read_bytes(), dumps, words, shown, printed):
        for secret in secrets:
            assert secret not in what


@pytest.mark.sampled(5)
@pytest.mark.parametrize("story", STORIES.names())
def test_it_holds_that(story: str, request: pytest.FixtureRequest) -> None:
    STORIES.tell(story, request)
