"""Stores for a fleet: real servers that the tests of one process share, and some in trouble."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integrations.servers import certificates
from tests.support import api_doors, troubled_stores
from tests.support.hosts import Hosts
from tests.support.sandboxes import RunningSandbox
from tests.support.stores import Cluster, Secure, Sentinels, Single, Socket, Store

TOPOLOGIES = (
    "plain",
    "secure",
    "socket",
    "sentinels",
    "secure sentinels",
    "cluster",
    "secure cluster",
    "valkey",
)


class Shared:
    """The stores of this process, each started when a test first asks for its topology."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, Store] = {}
        self._certificate: certificates.Certificate | None = None
        self._count = 0

    def lend(self, topology: str) -> Store:
        """Return the store of a topology, as good as new: one of `TOPOLOGIES`."""
        if topology in self._running and self._running[topology].spoilt:
            self._running.pop(topology).stop()
        if topology not in self._running:
            self._count += 1
            self._running[topology] = self._start(topology, self._folder / str(self._count))
        self._running[topology].reset()
        return self._running[topology]

    @property
    def certificate(self) -> certificates.Certificate:
        """What servers with TLS show."""
        if self._certificate is None:
            folder = self._folder / "certificate"
            folder.mkdir()
            self._certificate = certificates.make(folder)
        return self._certificate

    def stop(self) -> None:
        """End all of them."""
        for store in self._running.values():
            store.stop()

    def _start(self, topology: str, folder: Path) -> Store:
        if topology == "secure":
            return Secure(folder, self.certificate)
        if topology == "secure sentinels":
            return Sentinels(folder, certificate=self.certificate)
        if topology == "secure cluster":
            return Cluster(folder, certificate=self.certificate)
        if topology == "valkey":
            return Single(folder, program="valkey")
        kinds: dict[str, Callable[[Path], Store]] = {
            "plain": Single,
            "socket": Socket,
            "sentinels": Sentinels,
            "cluster": Cluster,
        }
        return kinds[topology](folder)


@pytest.fixture(scope="session")
def shared_stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """Keep the stores that tests of this process share; `lend` is the one to use."""
    shared = Shared(tmp_path_factory.mktemp("stores"))
    yield shared
    shared.stop()


@pytest.fixture
def certificate(shared_stores: Shared) -> certificates.Certificate:
    """Give this test what the servers with TLS show."""
    return shared_stores.certificate


@pytest.fixture
def lend(shared_stores: Shared) -> Callable[[str], Store]:
    """Give this test a way to have a store of a topology: see `TOPOLOGIES`."""
    return shared_stores.lend


@pytest.fixture(params=TOPOLOGIES)
def store(request: pytest.FixtureRequest, lend: Callable[[str], Store]) -> Store:
    """Give this test each topology in turn."""
    return lend(request.param)


@pytest.fixture
def plain(lend: Callable[[str], Store]) -> Store:
    """Give this test one server, without TLS or a password."""
    return lend("plain")


@pytest.fixture
def secure(lend: Callable[[str], Store]) -> Store:
    """Give this test one server with TLS, and an account that may do what a fleet needs."""
    return lend("secure")


@pytest.fixture
def sentinels(lend: Callable[[str], Store]) -> Sentinels:
    """Give this test a primary and a replica, watched by three sentinels."""
    found = lend("sentinels")
    assert isinstance(found, Sentinels)
    return found


@pytest.fixture
def cluster(lend: Callable[[str], Store]) -> Store:
    """Give this test a cluster of three nodes."""
    return lend("cluster")


@pytest.fixture
def own_store(tmp_path: Path) -> Iterator[Callable[..., Store]]:
    """Give this test a way to start stores of its own: kind, options; they end with it."""
    with ExitStack() as stack:
        count = 0

        def start(kind: Callable[..., Store], *options: object) -> Store:
            nonlocal count
            count += 1
            found = kind(tmp_path / f"store-{count}", *options)
            stack.callback(found.stop)
            return found

        yield start


@pytest.fixture
def silent() -> Iterator[troubled_stores.Silent]:
    """Give this test a store that takes connections and never answers."""
    found = troubled_stores.Silent()
    yield found
    found.stop()


@pytest.fixture
def closed() -> Iterator[troubled_stores.Closed]:
    """Give this test a port that refuses."""
    found = troubled_stores.Closed()
    yield found
    found.stop()


@pytest.fixture
def foreign() -> Iterator[troubled_stores.Foreign]:
    """Give this test a web server where a store should be."""
    found = troubled_stores.Foreign()
    yield found
    found.stop()


@pytest.fixture
def relay(plain: Store) -> Iterator[troubled_stores.Relay]:
    """Give this test a door to `plain` that can be cut."""
    found = troubled_stores.Relay(plain.servers[0])
    yield found
    found.stop()


@pytest.fixture
def fleet_at(tmp_path: Path, running_sandbox: RunningSandbox) -> Callable[[Store], Hosts]:
    """Give this test a way to have hosts that share a store."""

    def hosts(store: Store) -> Hosts:
        return Hosts(tmp_path, running_sandbox, store.url, store.password, store.ca_file)

    return hosts


@pytest.fixture
def hosts(plain: Store, fleet_at: Callable[[Store], Hosts]) -> Hosts:
    """Give this test hosts that share a plain server."""
    return fleet_at(plain)


@pytest.fixture
def door(running_sandbox: RunningSandbox) -> Iterator[api_doors.Door]:
    """Give this test a door to its sandbox at which a refresh can be held."""
    found = api_doors.Door(running_sandbox)
    yield found
    found.stop()
