"""A session that hosts share: one login, one refresh, and its successor is not lost on the way."""

from __future__ import annotations

import os
import signal
import time

import pytest

from credhelper.client.http.transport import DEADLINE
from tests.support import api_doors
from tests.support.hosts import Hosts, change
from tests.support.sandboxes import RunningSandbox
from tests.support.session_hosts import (
    ROTATES,
    come_due,
    end_leases,
    forget_tokens,
    log_in,
    ready,
    refreshing,
    session,
    sharing,
)
from tests.support.stores import Store
from tests.support.stories import Stories

HERD = 20

STORIES = Stories()


def test_a_login_on_one_host_serves_the_others(
    hosts: Hosts, plain: Store, running_sandbox: RunningSandbox
) -> None:
    user = running_sandbox.username
    one, alike = (sharing(hosts, user=user) for _ in range(2))
    other, third = (sharing(hosts, user=user, scopes=["GDS.FILES.READ"]) for _ in range(2))
    told = one.run("login", "--user", user, stdin=running_sandbox.password.encode())
    assert told.status == 0, told
    running_sandbox.count_from_here()
    assert alike.get() == one.get()
    assert running_sandbox.stats()["minted"] == 0
    token = other.get()
    assert running_sandbox.admits(token)
    assert third.get() == token
    stats = running_sandbox.stats()
    assert (stats["created"], stats["minted"], stats["refreshed"]) == (0, 1, 0)
    assert session(other)["token"] == session(one)["token"]
    assert not session(third)  # a token was enough
    assert not session(alike)


def test_a_session_that_is_not_shared_stays_on_its_host(
    hosts: Hosts, plain: Store, running_sandbox: RunningSandbox
) -> None:
    one, other = (hosts.host(auth="session", grant=None) for _ in range(2))
    log_in(one, running_sandbox)
    token = one.get()
    assert other.get() == token
    assert not session(other)
    assert len(plain.keys()) == 1
    come_due(one)
    change(other, due="1")
    running_sandbox.count_from_here()
    assert (one.get(), other.get()) == (token, token)
    assert running_sandbox.stats()["refreshed"] == 1


@pytest.mark.sampled(2)
@pytest.mark.parametrize("cold", [True, False])
def test_a_session_that_is_due_is_refreshed_once_for_all(
    cold: bool,
    hosts: Hosts,
    plain: Store,
    running_sandbox: RunningSandbox,
    request: pytest.FixtureRequest,
) -> None:
    herd = HERD if request.config.getoption("--thorough") else HERD // 3
    all_of_them = [sharing(hosts) for _ in range(herd)]
    log_in(all_of_them[0], running_sandbox)
    for host in all_of_them:
        host.prepare()
    come_due(*all_of_them, cold=plain if cold else None)
    running_sandbox.fault(ROTATES)
    running_sandbox.count_from_here()
    told = hosts.all_get(all_of_them)
    assert {(one.status, one.told) for one in told} == {(0, "")}
    assert running_sandbox.stats()["refreshed"] == 1


@STORIES.story
def two_projects_refresh_their_session_once(
    hosts: Hosts, plain: Store, running_sandbox: RunningSandbox
) -> None:
    both = [sharing(hosts, cid=cid) for cid in ("project-a", "project-b")]
    log_in(both[0], running_sandbox)
    tokens = [host.prepare() for host in both]
    assert tokens[0] != tokens[1]
    come_due(*both, cold=plain)
    running_sandbox.fault(ROTATES)
    running_sandbox.count_from_here()
    assert {one.status for one in hosts.all_get(both)} == {0}
    stats = running_sandbox.stats()
    assert (stats["refreshed"], stats["minted"]) == (1, 2)


@STORIES.story
def whoever_is_due_refreshes_and_the_others_take_it(
    hosts: Hosts, plain: Store, running_sandbox: RunningSandbox
) -> None:
    one, other = sharing(hosts), sharing(hosts)
    first = log_in(one, running_sandbox)
    one.prepare()
    other.prepare()
    running_sandbox.fault(ROTATES)
    come_due(one, other, cold=plain)
    assert other.get()  # not the one that logged in
    second = session(other)["token"]
    assert second != first
    forget_tokens(plain, one)
    assert one.get()
    assert session(one)["token"] == second


@pytest.mark.sampled(2)
@pytest.mark.parametrize("cold", [False, True])
def test_a_refresher_that_is_killed_before_its_call_loses_nothing(
    cold: bool,
    door: api_doors.Door,
    hosts: Hosts,
    plain: Store,
    running_sandbox: RunningSandbox,
) -> None:
    one, other = ready(hosts, running_sandbox, door)
    come_due(one, other, cold=plain if cold else None)
    process = refreshing(one, running_sandbox, door, api_doors.REQUEST)
    process.kill()
    process.communicate()
    door.drop()
    end_leases(plain)
    assert other.get()
    assert door.heard == 1
    forget_tokens(plain, one)
    assert one.get()
    assert session(one)["token"] == session(other)["token"]


@STORIES.story
def a_refresher_that_is_killed_with_the_answer_on_its_way_loses_the_login_and_says_so(
    door: api_doors.Door, hosts: Hosts, plain: Store, running_sandbox: RunningSandbox
) -> None:
    one, other = ready(hosts, running_sandbox, door)
    come_due(one, other, cold=plain)
    process = refreshing(one, running_sandbox, door, api_doors.ANSWER)
    process.kill()
    process.communicate()
    door.drop()
    end_leases(plain)
    told = other.run("get")
    assert told.status == 4
    assert "the session of profile main has ended" in told.told
    assert "a host that was stopped while it renewed" in told.told
    assert "credhelper login" in told.told
    # A new login, on any host, serves all again.
    log_in(other, running_sandbox)
    forget_tokens(plain, one)
    assert one.get()


@STORIES.story
def a_refresher_that_was_paused_past_its_lease_shares_what_it_got(
    door: api_doors.Door, hosts: Hosts, plain: Store, running_sandbox: RunningSandbox
) -> None:
    one, other = ready(hosts, running_sandbox, door)
    come_due(one, other, cold=plain)
    process = refreshing(one, running_sandbox, door, api_doors.ANSWER)
    os.kill(process.pid, signal.SIGSTOP)
    end_leases(plain)
    assert other.run("get").status == 4  # nobody has the next session yet
    door.let_go()
    os.kill(process.pid, signal.SIGCONT)
    assert one.finish(process).status == 0
    forget_tokens(plain, other)
    assert other.get()
    assert session(other)["token"] == session(one)["token"]


@STORIES.story
def a_refresher_that_was_paused_before_its_call_takes_what_others_made(
    door: api_doors.Door, hosts: Hosts, plain: Store, running_sandbox: RunningSandbox
) -> None:
    one, other = ready(hosts, running_sandbox, door)
    come_due(one, other, cold=plain)
    process = refreshing(one, running_sandbox, door, api_doors.REQUEST)
    os.kill(process.pid, signal.SIGSTOP)
    end_leases(plain)
    assert other.get()
    door.let_go()  # it is refused: its session is the one before
    os.kill(process.pid, signal.SIGCONT)
    told = one.finish(process)
    assert told.status == 0, told
    assert session(one)["token"] == session(other)["token"]


@pytest.mark.waits
def test_a_refresher_that_was_paused_past_its_deadline_reads_what_has_come(
    door: api_doors.Door, hosts: Hosts, plain: Store, running_sandbox: RunningSandbox
) -> None:
    one, other = (sharing(hosts, url=door.url) for _ in range(2))
    before = log_in(one, running_sandbox)
    one.prepare()
    come_due(one, cold=plain)
    process = refreshing(one, running_sandbox, door, api_doors.ANSWER)
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(DEADLINE + 2)
    door.let_go()
    assert door.answered.wait(60)
    os.kill(process.pid, signal.SIGCONT)
    one.finish(process)  # its time for a token may be over
    assert session(one)["token"] != before
    forget_tokens(plain, other)
    assert other.get()
    assert session(other)["token"] == session(one)["token"]


@STORIES.story
def a_session_of_another_account_is_not_used(
    hosts: Hosts, plain: Store, running_sandbox: RunningSandbox
) -> None:
    planted, wary = (sharing(hosts, user="somebody.else@example.org") for _ in range(2))
    log_in(planted, running_sandbox)
    told = wary.run("get")
    assert (told.status, told.stdout) == (4, b"")
    assert "not using the session that hosts share as pipeline" in told.told
    assert "another user's" in told.told


@pytest.mark.sampled(5)
@pytest.mark.parametrize("story", STORIES.names())
def test_it_holds_that(story: str, request: pytest.FixtureRequest) -> None:
    STORIES.tell(story, request)
