"""What a store promises, whichever way it is reached: five calls, each of them whole."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from credhelper.config import fleet as fleets
from credhelper.core.model import Secret
from credhelper.fleet.redis_store import RedisStore
from credhelper.fleet.store import Look
from tests.support.stores import Store, until

NAME = "a" * 32
A, B = "owner-a", "owner-b"

# Each topology in `--thorough`; otherwise each test at some of them.
pytestmark = pytest.mark.sampled(4)

Connect = Callable[[], RedisStore]


@pytest.fixture
def connect(store: Store) -> Iterator[Connect]:
    """Give this test a way to be one more host at each topology in turn."""
    made = []

    def another() -> RedisStore:
        address = fleets.address_of(store.url, plain=False)
        password = Secret(store.password) if store.password else None
        ca_file = str(store.ca_file) if store.ca_file else None
        made.append(RedisStore(address, password=password, ca_file=ca_file, timeout=10))
        return made[-1]

    yield another
    for each in made:
        each.close()


@pytest.fixture
def driver(connect: Connect) -> RedisStore:
    """Give this test a host at each topology in turn."""
    return connect()


def told(look: Look) -> tuple[int, bytes, bytes, bool, bool]:
    """Return what does not depend on the time."""
    return look.generation, look.value, look.failure, look.leads, look.busy > 0


def test_an_empty_store_lets_the_first_one_lead(driver: RedisStore) -> None:
    assert told(driver.look(NAME, 0, A, 10)) == (0, b"", b"", True, False)
    assert told(driver.look(NAME, 0, B, 10)) == (0, b"", b"", False, True)
    assert told(driver.look(NAME, 0, A, 10)) == (0, b"", b"", True, False)


def test_who_only_looks_takes_nothing(driver: RedisStore) -> None:
    assert not driver.look(NAME, 0, A, 0).leads
    assert driver.look(NAME, 0, B, 10).leads


def test_a_lease_ends_by_itself(driver: RedisStore) -> None:
    assert driver.look(NAME, 0, A, 0.2).leads
    until(lambda: driver.look(NAME, 0, B, 10).leads, lambda: "the lease goes on")


def test_its_owner_extends_a_lease(driver: RedisStore) -> None:
    assert driver.look(NAME, 0, A, 1).leads
    assert driver.look(NAME, 0, A, 60).leads
    assert 30 < driver.look(NAME, 0, B, 10).busy <= 60


def test_a_lease_is_given_back(driver: RedisStore) -> None:
    assert driver.look(NAME, 0, A, 60).leads
    driver.release(NAME, B)  # it is not this one's
    assert not driver.look(NAME, 0, B, 10).leads
    driver.release(NAME, A)
    assert driver.look(NAME, 0, B, 10).leads


def test_what_is_published_is_seen_and_ends_the_lease(driver: RedisStore) -> None:
    driver.look(NAME, 0, A, 60)
    assert driver.publish(NAME, 0, 5, b"\x00one\xff", 60, A)
    assert told(driver.look(NAME, 0, B, 10)) == (5, b"\x00one\xff", b"", False, False)


def test_who_knows_the_generation_may_make_the_next(driver: RedisStore) -> None:
    driver.publish(NAME, 0, 5, b"one", 60, A)
    assert driver.look(NAME, 4, B, 10).leads is False
    assert driver.look(NAME, 5, B, 10).leads is True
    assert driver.publish(NAME, 5, 9, b"two", 60, B)
    assert told(driver.look(NAME, 5, A, 10)) == (9, b"two", b"", False, False)


def test_a_late_value_is_refused(driver: RedisStore) -> None:
    driver.publish(NAME, 0, 5, b"one", 60, A)
    driver.publish(NAME, 5, 9, b"two", 60, B)
    assert not driver.publish(NAME, 5, 10, b"late", 60, A)
    assert told(driver.look(NAME, 0, A, 0)) == (9, b"two", b"", False, False)


def test_a_late_value_counts_if_nobody_has_published(driver: RedisStore) -> None:
    assert driver.look(NAME, 0, A, 0.05).leads
    time.sleep(0.06)
    assert driver.look(NAME, 0, B, 60).leads
    assert driver.publish(NAME, 0, 5, b"late", 60, A)
    assert told(driver.look(NAME, 0, A, 0)) == (5, b"late", b"", False, True)


def test_a_value_is_taken_by_a_store_that_was_emptied(driver: RedisStore, store: Store) -> None:
    driver.publish(NAME, 0, 5, b"one", 60, A)
    store.reset()
    assert driver.publish(NAME, 5, 9, b"two", 60, A)


def test_a_value_ends_with_its_life(driver: RedisStore) -> None:
    driver.publish(NAME, 0, 5, b"one", 0.2, A)
    until(lambda: driver.look(NAME, 0, A, 0).generation == 0, lambda: "it is still there")


def test_a_failure_counts_for_a_while(driver: RedisStore) -> None:
    driver.look(NAME, 0, A, 60)
    driver.release(NAME, A, b"no", 30)
    seen = driver.look(NAME, 0, B, 10)
    assert told(seen) == (0, b"", b"no", False, False)
    assert 20 < seen.failing <= 30
    assert driver.look(NAME, 0, B, 10, despite=True).leads
    assert driver.publish(NAME, 0, 5, b"one", 60, B)
    assert driver.look(NAME, 0, A, 0).failure == b""


def test_a_failure_ends(driver: RedisStore) -> None:
    driver.look(NAME, 0, A, 60)
    driver.release(NAME, A, b"no", 0.2)
    until(lambda: driver.look(NAME, 0, B, 10).leads, lambda: "it still counts")


def test_a_failure_counts_for_who_asked_before_its_end(driver: RedisStore) -> None:
    driver.look(NAME, 0, A, 60)
    driver.release(NAME, A, b"no", 0.05)
    time.sleep(0.1)
    late = driver.look(NAME, 0, B, 0, waited=30)
    assert (late.failure, late.failing) == (b"no", 0)
    assert driver.look(NAME, 0, B, 0, waited=0.01).failure == b""


def test_only_who_leads_leaves_a_failure(driver: RedisStore) -> None:
    driver.release(NAME, B, b"no", 30)
    assert driver.look(NAME, 0, A, 10).leads


def test_a_tombstone_is_later_than_what_was_there(driver: RedisStore) -> None:
    later = int(driver.look(NAME, 0, A, 0).now * 1000) + 10**9
    driver.publish(NAME, 0, later, b"one", 60, A)
    driver.remove(NAME, 60)
    seen = driver.look(NAME, 0, A, 10)
    assert (seen.generation > later, seen.value, seen.leads) == (True, b"", False)
    assert not driver.publish(NAME, later, later + 9, b"late", 60, A)
    assert driver.look(NAME, seen.generation, A, 10).leads


def test_names_do_not_meet(driver: RedisStore) -> None:
    driver.publish(NAME, 0, 5, b"one", 60, A)
    for letter in "bcdef0123":
        assert driver.look(letter * 32, 0, A, 0).generation == 0


def test_a_store_tells_the_time(driver: RedisStore) -> None:
    before = time.time()
    now = driver.look(NAME, 0, A, 0).now
    assert before - 1 <= now <= time.time() + 1


def test_everything_ends(driver: RedisStore, store: Store) -> None:
    driver.look(NAME, 0, A, 10)
    driver.look("b" * 32, 0, A, 10)
    driver.release("b" * 32, A, b"no", 10)
    driver.publish("c" * 32, 0, 5, b"one", 60, A)
    driver.remove("d" * 32, 60)
    keys = store.keys()
    assert len(keys) == 4
    for key in keys:
        assert 0 < int(store.ask("PTTL", key).splitlines()[-1]) <= 70_000


def test_of_many_at_once_one_leads(connect: Connect) -> None:
    drivers = [connect() for _ in range(8)]
    leads: list[bool] = []
    gate = threading.Barrier(len(drivers))

    def ask(number: int) -> None:
        drivers[number].look("b" * 32, 0, f"warm-{number}", 0)
        gate.wait(30)
        leads.append(drivers[number].look(NAME, 0, f"owner-{number}", 30).leads)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(drivers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(leads) == [False] * 7 + [True]


def test_a_connection_that_was_let_go_is_made_anew(driver: RedisStore) -> None:
    driver.publish(NAME, 0, 5, b"one", 60, A)
    driver.close()
    assert driver.look(NAME, 0, A, 0).value == b"one"
