"""The shared slot itself: clocks that differ, disks that take nothing, sessions that are due."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from credhelper.config import fleet as fleets
from credhelper.core.flock import EarlyLocks
from credhelper.core.model import Secret
from credhelper.core.record import Held, number
from credhelper.fleet.member import Member
from credhelper.fleet.redis_store import RedisStore
from credhelper.fleet.seal import Ring, new_key
from credhelper.fleet.shared import SharedSlot
from tests.support.hosts import Hosts
from tests.support.sandboxes import RunningSandbox
from tests.support.stores import Store

LIFE = 3600
HOUR = 3600

Join = Callable[..., SharedSlot]


@pytest.fixture
def join(plain: Store, tmp_path: Path) -> Join:
    """Give this test a way to be hosts with a slot each: `ahead`, seconds; `leads`."""
    ring = Ring(new_key())
    address = fleets.address_of(plain.url, plain=False)

    def host(name: str, ahead: float = 0, *, leads: bool = True) -> SharedSlot:
        folder = tmp_path / name
        folder.mkdir(0o700)
        member = Member(
            connect=lambda: RedisStore(address, password=None, ca_file=None, timeout=10),
            address=plain.url,
            ring=ring,
            names=ring.names(["one"]),
            owner=name,
            leads=leads,
            prepare=lambda: "",
            whose=lambda fields: "",
            wrong=lambda fields: "",
            owned={"profile": "main", "grant": ""},
        )
        return SharedSlot(
            str(folder),
            "r" * 32,
            warn=lambda message, hint: None,
            lock_folders=(),
            alarm=False,
            early=EarlyLocks(),
            waiting=None,
            join=lambda: member,
            stamp="",
            host=name,
            trace=lambda event, **facts: None,
            clock=lambda: time.time() + ahead,
        )

    return host


def made(text: str, ahead: float) -> dict[str, str]:
    """Return the record of a token that an API with the right time made for a host."""
    now = int(time.time())
    return {
        "kind": "jwt",
        "host": "one",
        "grant": "",
        "skew": str(-int(ahead)),
        "issued": str(now),
        "not_before": str(now),
        "expires": str(now + LIFE),
        "assumed": "0",
        "due": "0",
        "token": text,
    }


def enough(fields: Mapping[str, str]) -> bool:
    """Tell whether there is any token."""
    return bool(fields.get("token"))


def make(slot: SharedSlot, text: str, ahead: float = 0) -> None:
    """Have a host make a token."""
    lock = slot.lock(5, enough=lambda fields: False)
    assert lock
    slot.keep(made(text, ahead))
    lock.release()


def take(slot: SharedSlot) -> dict[str, str]:
    """Have a host take what others made."""
    lock = slot.lock(5, enough=enough)
    assert lock
    lock.release()
    found = slot.find()
    assert found
    return found


@pytest.mark.parametrize("ahead", [0, HOUR, -HOUR])
@pytest.mark.parametrize("others", [0, HOUR, -HOUR])
def test_no_clock_has_to_be_right(ahead: int, others: int, join: Join) -> None:
    make(join("one", ahead), "made", ahead)
    held = Held(take(join("two", others)), "two")
    assert held.secret == Secret("made")
    left = held.expires_at - (time.time() + others)
    assert LIFE - 30 < left <= LIFE + 2


def test_hosts_with_different_clocks_make_ever_later_generations(join: Join) -> None:
    slow, fast = join("slow", -HOUR), join("fast", HOUR)
    make(fast, "first", HOUR)
    make(slow, "second", -HOUR)
    first, second = fast.find() or {}, slow.find() or {}
    assert 0 < number(second, "generation") - number(first, "generation") < 60_000


def test_a_token_that_stays_is_not_published_again(join: Join, plain: Store) -> None:
    slot = join("one")
    make(slot, "made")
    before = plain.content()
    make(slot, "made")  # only its session was due
    assert number(slot.find() or {}, "generation") > 0
    assert plain.content().partition(b"gen")[2] == before.partition(b"gen")[2]


def test_a_disk_that_takes_nothing_is_no_reason_not_to_take(
    hosts: Hosts, running_sandbox: RunningSandbox
) -> None:
    token = hosts.host().get()
    bare = hosts.host()
    bare.cache.write_text("this is no folder")
    told = bare.run("get")
    assert (told.status, told.token) == (0, token)
    assert "continuing without a cache" in told.told
    assert running_sandbox.stats()["created"] == 1
