"""What a store may bring, whichever way it is reached: some bytes, and no way to other hosts."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from credhelper.config import fleet as fleets
from credhelper.fleet import metered
from credhelper.fleet.redis_store import RedisStore
from credhelper.fleet.store import StoreError
from tests.support import lying_stores
from tests.support.lying_stores import LIES, Answer, Liar

MOST = 32 * 1024 * 1024  # bytes: four times what we take, for what lies in buffers on the way
ELSEWHERE = "192.0.2.1"  # an address of nobody (RFC 5737)


@pytest.fixture
def lying() -> Iterator[Callable[..., Liar]]:
    """Give this test a way to start a store that lies: as for `Liar`."""
    running: list[Liar] = []

    def start(*words: Any) -> Liar:
        running.append(Liar(*words))
        return running[-1]

    yield start
    for each in running:
        each.stop()


def trouble(url: str, **how: Any) -> str:
    """Return why a store at a URL is of no use."""
    address = fleets.address_of(url, plain=False)
    store = RedisStore(address, password=None, ca_file=None, timeout=10, **how)
    try:
        with pytest.raises(StoreError) as caught:
            store.look("a" * 32, 0, "x", 0.0)
    finally:
        store.close()
    return caught.value.why


def test_a_server_that_grows_is_hung_up_on(lying: Callable[..., Liar]) -> None:
    liar = lying(LIES["grows"])
    assert trouble(liar.url) == "it cannot be reached, or is no Redis"
    assert liar.sent < MOST


def test_a_sentinel_that_grows_is_hung_up_on(lying: Callable[..., Liar]) -> None:
    liar = lying(LIES["grows"], (b"SENTINEL",))
    assert trouble(f"redis+sentinel://127.0.0.1:{liar.port}/mymaster")
    assert 0 < liar.sent < MOST


def test_a_primary_that_grows_behind_a_sentinel_is_hung_up_on(lying: Callable[..., Liar]) -> None:
    liar = lying(LIES["grows"])
    named = lying(lying_stores.sentinel("127.0.0.1", liar.port), (b"SENTINEL",))
    assert trouble(f"redis+sentinel://127.0.0.1:{named.port}/mymaster")
    assert 0 < liar.sent < MOST


def test_a_node_of_a_cluster_that_grows_is_hung_up_on(lying: Callable[..., Liar]) -> None:
    liar = lying(LIES["grows"], (b"CLUSTER", b"COMMAND"))
    assert trouble(f"redis+cluster://127.0.0.1:{liar.port}")
    assert 0 < liar.sent < MOST


@pytest.mark.parametrize(
    ("url", "command", "answer"),
    [
        ("redis+sentinel://127.0.0.1:{}/mymaster", b"SENTINEL", lying_stores.sentinel),
        ("redis+cluster://127.0.0.1:{}", b"CLUSTER", lying_stores.cluster),
    ],
)
def test_nobody_leads_to_another_host_without_tls(
    url: str,
    command: bytes,
    answer: Callable[[str, int], Answer],
    lying: Callable[..., Liar],
) -> None:
    liar = lying(answer(ELSEWHERE, 6379), (command,))
    assert "leads to another host without TLS" in trouble(url.format(liar.port))


@pytest.mark.parametrize(
    "name", ["lives in the past", "lives in the future", "has a generation of years ahead"]
)
def test_a_time_that_cannot_be_is_not_believed(name: str, lying: Callable[..., Liar]) -> None:
    assert "differs from ours by more than a day" in trouble(lying(LIES[name]).url)


def test_a_connection_ends() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = metered._Metered(ours)
        theirs.send(b"x")
        connection._ends = 0.0  # its time is over
        with pytest.raises(Exception, match="more than a store of ours has"):
            connection.recv(1)


@pytest.mark.parametrize("reads", ["recv", "recv_into"])
def test_a_connection_counts_however_it_is_read(reads: str) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = metered._Metered(ours)
        how: Any = {"recv": 1, "recv_into": bytearray(1)}[reads]
        theirs.send(b"xy")
        getattr(connection, reads)(how)
        connection._left = 0
        with pytest.raises(Exception, match="more than a store of ours has"):
            getattr(connection, reads)(how)
