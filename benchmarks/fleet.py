"""What a fleet costs: `python benchmarks/fleet.py [HOSTS [RUNS]]`, with real servers on loopback.

It prints what is promised, in brackets, beside what was seen: tokens made by cold herds at each
kind of store, requests to the store for each host, requests to the API when all hosts meet the same
trouble, what adopting and leading cost in bare Pythons, and how long a host waits without a store.
Hosts are processes with homes of their own.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import measure

sys.path.append(str(Path(__file__).parent.parent))

from integrations.servers import certificates
from tests.support import troubled_stores
from tests.support.hosts import Hosts
from tests.support.sandboxes import RunningSandbox
from tests.support.stores import Cluster, Secure, Sentinels, Single, Socket, Store
from tests.support.worlds import World

HOSTS = int(sys.argv[1]) if len(sys.argv) > 1 else 200
RUNS = int(sys.argv[2]) if len(sys.argv) > 2 else 20
MANY = max(2, HOSTS // 2)
ATTEMPTS = 3  # of one call, by the host that makes it
TIMEOUT = 2.0  # seconds, as a config has it
SAMPLES = 9
GET = [str(measure.BIN / "credhelper"), "get"]


class Bench:
    """A folder, an API, and stores that end with it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._count = 0
        self.sandbox = RunningSandbox("--latency", "0.05")
        stack.callback(self.sandbox.stop)

    def folder(self) -> Path:
        """Return a new folder's path, which nobody has made yet."""
        self._count += 1
        return self._folder / str(self._count)

    def store(self, kind: Callable[..., Store], *options: object) -> Store:
        """Start a store."""
        found = kind(self.folder(), *options)
        self._stack.callback(found.stop)
        return found

    def hosts(self, store: Store) -> Hosts:
        """Return hosts that share a store."""
        return self.hosts_at(store.url, store.password, store.ca_file)

    def hosts_at(self, url: str, password: str = "", ca_file: Path | None = None) -> Hosts:
        """Return hosts that share what is at a URL."""
        root = self.folder()
        root.mkdir()
        return Hosts(root, self.sandbox, url, password, ca_file)

    def secure(self) -> Store:
        """Start a server with TLS and accounts."""
        folder = self.folder()
        folder.mkdir()
        return self.store(Secure, certificates.make(folder))


def together(worlds: list[World], *words: str) -> list[tuple[int, bytes]]:
    """Have all hosts ask at once; return status and output of each."""
    running = [
        subprocess.Popen(
            [*GET, *words],
            env=world.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for world in worlds
    ]
    told = [process.communicate()[0] for process in running]
    return [(process.returncode, text) for process, text in zip(running, told, strict=True)]


def herds(bench: Bench) -> None:
    """Print how many tokens cold herds made, at each kind of store."""
    kinds: dict[str, Callable[[], Store]] = {
        "a server": lambda: bench.store(Single),
        "TLS and accounts": bench.secure,
        "a socket": lambda: bench.store(Socket),
        "Sentinels": lambda: bench.store(Sentinels),
        "a cluster": lambda: bench.store(Cluster),
    }
    for name, start in kinds.items():
        store = start()
        made, asked, spent = [], [], []
        for _ in range(RUNS):
            hosts = bench.hosts(store)
            worlds = [hosts.host() for _ in range(HOSTS)]
            store.reset()
            bench.sandbox.count_from_here()
            begun = time.perf_counter()
            told = together(worlds)
            spent.append(time.perf_counter() - begun)
            assert {status for status, _ in told} == {0}, told[:3]
            made.append(bench.sandbox.stats()["created"])
            asked.append(store.counted() / HOSTS)
        ones = made.count(1)
        print(
            f"{HOSTS} cold hosts, {name:17} created 1 in {ones} runs of {RUNS} (worst {max(made)});"
            f" {statistics.mean(asked):.1f} requests a host (8); {statistics.median(spent):.1f} s"
        )
        store.stop()


def trouble(bench: Bench, store: Store) -> None:
    """Print how often hosts that meet the same trouble ask the API."""
    # A host that gets a 429 tries again itself, if it may wait for as long as the API says.
    later = {"Retry-After": "60"}
    faults: dict[str, tuple[dict[str, object], int]] = {
        "a 401": ({"status": 401}, 1),
        "a 403": ({"status": 403}, 1),
        "a 429, in 60 s": ({"status": 429, "headers": later}, 1),
        "a 429": ({"status": 429}, ATTEMPTS),
    }
    for name, (fault, most) in faults.items():
        hosts = bench.hosts(store)
        worlds = [hosts.host() for _ in range(MANY)]
        with _counted(bench, {**fault, "times": "always"}) as seen:
            told = together(worlds)
        assert {status for status, _ in told} == {5}
        print(f"{MANY} hosts, {name:14} {seen['requests']} request ({most})")
    hosts = bench.hosts(store)
    worlds = [hosts.host() for _ in range(MANY)]
    with _counted(bench, {"status": 429, "times": ATTEMPTS - 1}) as seen:
        told = together(worlds)
    assert {status for status, _ in told} == {0}
    asked = f"{seen['requests']} request ({ATTEMPTS}), {seen['created']} token"
    print(f"{MANY} hosts, 429 that ends  {asked}")
    hosts = bench.hosts(store)
    worlds = [hosts.host() for _ in range(MANY)]
    with _counted(bench) as seen:
        together(worlds, "--min-ttl", "100000")
    print(f"{MANY} hosts, a long min_ttl  {seen['requests']} request (1)")
    hosts = bench.hosts(store)
    worlds = [hosts.host() for _ in range(MANY)]
    (token,) = {text.decode().strip() for _, text in together(worlds)}
    time.sleep(10)  # what was just made is not replaced
    for world in worlds:
        world.age(61)
        for _ in range(2):
            asked = f"protocol=https\nhost=ica.example\nusername=oauth2\npassword={token}\n\n"
            world.run("git", "erase", stdin=asked.encode())
    with _counted(bench) as seen:
        tokens = {text for _, text in together(worlds)}
    print(f"{MANY} hosts, a reject       {seen['requests']} request (1), {len(tokens)} token")


@contextmanager
def _counted(bench: Bench, *faults: dict[str, object]) -> Iterator[dict[str, int]]:
    """Give a dictionary that holds the API's counts once the `with` has ended."""
    bench.sandbox.reset()
    bench.sandbox.fault(*faults)
    found: dict[str, int] = {}
    yield found
    found |= bench.sandbox.stats()
    bench.sandbox.reset()


def costs(bench: Bench, store: Store) -> None:
    """Print what adopting, leading and going alone cost, in bare Pythons of CPU time."""
    hosts = bench.hosts(store)
    seen: dict[str, list[float]] = {"bare": [], "alone": [], "leads": [], "adopts": []}
    for _ in range(SAMPLES):
        store.reset()
        cases = {"leads": hosts.host(), "adopts": hosts.host(), "alone": hosts.host(share=None)}
        for name, world in cases.items():
            seen[name].append(measure.cpu(GET, world.environ))
        seen["bare"].append(measure.cpu(measure.BARE, hosts.host().environ))
    bare = statistics.median(seen["bare"])
    told = {name: statistics.median(each) / bare for name, each in seen.items()}
    print(f"cold get alone {told['alone']:.1f} bare Pythons")
    print(f"adopts {told['adopts']:.1f} (12.1), leads {told['leads']:.1f} (26.4)")


def without_a_store(bench: Bench) -> None:
    """Print how long the slowest cold get takes without a store, beside what it may take."""
    alone = bench.hosts_at("unix:///")
    ordinary = max(measure.wall(GET, alone.host(share=None).environ) for _ in range(3))
    allowed = ordinary + 2 * TIMEOUT + 2
    closed, silent = troubled_stores.Closed(), troubled_stores.Silent()
    for name, url in {"refuses": closed.url, "is silent": silent.url}.items():
        hosts = bench.hosts_at(url)
        slowest = max(measure.wall(GET, hosts.host().environ) for _ in range(5))
        print(f"the store {name:9} slowest cold get {slowest:.1f} s ({allowed:.1f} s)")
    closed.stop()
    silent.stop()


def main() -> None:
    """Print one line for each figure; what is promised stands in brackets."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        bench = Bench(Path(folder), stack)
        print(f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.0f}")
        store = bench.store(Single)
        costs(bench, store)
        without_a_store(bench)
        trouble(bench, store)
        herds(bench)


if __name__ == "__main__":
    main()
