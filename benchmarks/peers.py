"""Other helpers and ours in the same cases: `python benchmarks/peers.py [--runs N] [--only WORD]`.

First, once: `python benchmarks/peers.py --install`. Prints the tables of docs/comparison.md, and
writes them there, unless `--only` leaves some out. Run it with the Python of a virtual environment
that holds the wheel of this checkout.

- Start: an answer from what is kept, in ratio to a bare Python of the same round.
- Herd: 50 programs at once. Who only stores gets 50 different secrets: how many are there then? Who
  renews has nothing that is good any more: how many tokens does that cost? Its API answers once
  all of them wait, for it or for each other: on few cores, slow programs would come one by one.
- Kill: `kill -9` just before each operation on the files that are kept, by strace. Does the next
  ask get the secret, does the next change work, and are more files left than usual afterwards?
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import measure
import peers_install
import peers_known
from peers_known import NATIVE_NAME as NATIVE
from peers_known import Call, Peer, secret

PAGE = Path(__file__).parent.parent / "docs/comparison.md"
MARKS = ("<!-- figures: python benchmarks/peers.py -->", "<!-- end of figures -->")
HERD = 50
POINTS = 20
PATIENCE = 120.0
CHANGES = (
    "openat,open,creat,write,pwrite64,writev,rename,renameat,renameat2,link,linkat,unlink,unlinkat,"
    "fsync,fdatasync,ftruncate,chmod,fchmod,fchmodat,mkdir,mkdirat,flock,fcntl"
)


@dataclass
class Ran:
    """How one run of a program ended. Parameters: `status`; `output`; `seconds`."""

    status: int
    output: str
    seconds: float


def main() -> None:
    """Measure, and print the tables."""
    options = argparse.ArgumentParser()
    options.add_argument("--install", action="store_true")
    options.add_argument("--runs", type=int, default=40)
    options.add_argument("--only", default="")
    asked = options.parse_args()
    if asked.install:
        peers_install.install()
        return
    # A clean /tmp path is short enough for sockets, and a disk is what users have.
    with tempfile.TemporaryDirectory(prefix="peers-") as scratch, contextlib.ExitStack() as stack:
        found: list[Peer] = []
        for known in peers_known.ALL:
            if asked.only in known.__name__:
                found += stack.enter_context(known(Path(scratch)))
        text = "\n".join(_said(_tables(found, asked.runs))).format(load=f"{os.getloadavg()[0]:.1f}")
    sys.stdout.write(text + "\n")
    if not asked.only:
        before, _, rest = PAGE.read_text().partition(MARKS[0])
        _, _, after = rest.partition(MARKS[1])
        PAGE.write_text(f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{after}")


def _said(lines: Iterator[str]) -> Iterator[str]:
    """Pass lines on, and show each as it comes."""
    for line in lines:
        _log(line)
        yield line


def _tables(found: Sequence[Peer], runs: int) -> Iterator[str]:
    """Yield the lines of all tables."""
    for peer in found:
        if peer.change:
            _must(run(peer.change(0)), peer)
        _must(run(peer.ask(0)), peer)
        if peer.change and not peer.daemon:
            shutil.copytree(peer.home, _kept(peer), symlinks=True)
    began = os.getloadavg()[0]
    starts = _starts(found, runs)
    python = ".".join(map(str, sys.version_info[:3]))
    yield f"Measured on {os.cpu_count()} cores with Python {python}, {runs} rounds; the load was"
    yield f"{began:.1f} at the start and {{load}} at the end."
    yield ""
    yield "| | version | wall | CPU |"
    yield "|---|---|--:|--:|"
    for peer, (wall, cpu) in zip(found, starts, strict=True):
        yield f"| {peer.name} | {peer.version} | {wall:.2f} | {cpu:.2f} |"
    yield ""
    yield f"| {HERD} at once | what is asked of them | what came of it |"
    yield "|---|---|---|"
    for peer in (each for each in found if each.change or each.expire):
        yield herd(peer)
    yield ""
    told = ("points", "the next ask fails", "the next change fails", "files are left")
    yield f"| kill -9 | {' | '.join(told)} |"
    yield "|---|--:|--:|--:|--:|"
    # The native front renews nothing. All others at once: each has its own files, and nothing here
    # is a time.
    renewed = [each for each in found if (each.change or each.expire) and each.name != NATIVE]
    with ThreadPoolExecutor(len(renewed) or 1) as pool:
        yield from pool.map(kills, renewed)


def _starts(found: Sequence[Peer], runs: int) -> list[tuple[float, float]]:
    """Return the medians of wall and CPU of an answer, in bare Pythons of the same rounds."""
    calls = [Call(measure.BARE, measure.clean()), *(peer.ask(0) for peer in found)]
    walls: list[list[float]] = [[] for _ in calls]
    cpus: list[list[float]] = [[] for _ in calls]
    for _ in range(runs):
        for at, call in enumerate(calls):

            def once(call: Call = call, at: int = at) -> None:
                walls[at].append(run(call).seconds)

            cpus[at].append(measure.cpu_of(once))
    wall, cpu = ([statistics.median(each) for each in all_] for all_ in (walls, cpus))
    return [(wall[at] / wall[0], cpu[at] / cpu[0]) for at in range(1, len(calls))]


def herd(peer: Peer) -> str:
    """Return the row of a helper whose herd comes at once."""
    _log(f"herd of {peer.name}")
    if peer.change:
        asked = f"{HERD} secrets to store"
        _ends(_started([peer.change(number) for number in range(1, HERD + 1)]))
        answers = _ends(_started([peer.ask(number) for number in range(1, HERD + 1)]))
        kept = sum(_is_good(peer, each, number) for number, each in enumerate(answers, 1))
        return f"| {peer.name} | {asked} | {kept} are there |"
    assert peer.expire
    peer.expire()
    before = peer.made()
    peer.hold()
    started = _started([peer.ask(0)] * HERD)
    _settle(started)
    peer.release()
    answered = sum(_is_good(peer, each, 0) for each in _ends(started))
    made = peer.made() - before
    return f"| {peer.name} | a token, none is good | {made} made, {answered} answered |"


def _started(calls: Sequence[Call]) -> list[subprocess.Popen[bytes]]:
    """Start all of them at once."""
    started = []
    for call in calls:
        with tempfile.TemporaryFile() as stdin:
            stdin.write(call.stdin)
            stdin.seek(0)
            started.append(
                subprocess.Popen(
                    call.command,
                    env=call.environ,
                    stdin=stdin,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                )
            )
    return started


def _settle(started: Sequence[subprocess.Popen[bytes]]) -> None:
    """Wait until none of them has run for two seconds: all that live wait for something."""
    quiet = 0
    while quiet < 20:
        time.sleep(0.1)
        quiet = 0 if any(_runs(process.pid) for process in started) else quiet + 1


def _runs(pid: int) -> bool:
    try:
        told = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return told.rpartition(")")[2].split()[0] in "RD"


def _ends(started: Sequence[subprocess.Popen[bytes]]) -> list[Ran]:
    """Return how all of them ended."""
    ends = []
    for process in started:
        told, _ = process.communicate()
        ends.append(Ran(process.returncode, told.decode(errors="replace"), 0))
    return ends


def kills(peer: Peer) -> str:
    """Return the row of a helper that is killed at each of its operations."""
    _log(f"kills of {peer.name}")
    if peer.daemon:
        os.kill(peer.daemon, signal.SIGKILL)
        lost = "no" if good(peer, 0) else "yes"
        return f"| {peer.name}: its daemon | 1 | {lost} | - | - |"

    def again() -> Call:
        if peer.change:
            shutil.rmtree(peer.home, ignore_errors=True)
            shutil.copytree(_kept(peer), peer.home, symlinks=True)
            return peer.change(1)
        assert peer.expire
        peer.expire()
        return peer.ask(0)

    run(again())
    files = _files(peer.home)
    places = points(again(), peer.home)
    reached, no_ask, no_change, left = 0, 0, 0, 0
    for name, nth in places[:: max(1, -(-len(places) // POINTS))]:
        if not killed_at(again(), name, nth):
            continue
        reached += 1
        asked = run(peer.ask(0))
        no_ask += not _is_good(peer, asked, 0)
        changed = run(peer.change(1)) if peer.change else asked
        no_change += bool(changed.status)
        left += _files(peer.home) > files
    if not reached:
        return f"| {peer.name} | 0 | - | - | - |"
    told = no_change if peer.change else "-"
    return f"| {peer.name} | {reached} | {no_ask} | {told} | {left} |"


def _files(folder: Path) -> int:
    return sum(not path.is_dir() for path in folder.rglob("*"))


def points(call: Call, home: Path) -> list[tuple[str, int]]:
    """Return the operations on files below `home` that could change them: name, and which one.

    As strace does it, each process and thread counts for itself.
    """
    with tempfile.NamedTemporaryFile() as log:
        words = ["strace", "-f", "-y", "-qq", "-e", "signal=none", "-o", log.name]
        run(Call([*words, "-e", f"trace={CHANGES}", *call.command], call.environ, call.stdin))
        lines = Path(log.name).read_text(errors="replace").split("\n")
    counts: dict[tuple[str, str], int] = {}
    found = []
    for line in lines:
        told = re.match(r"(\d+) +(\w+)\((.*)", line)
        if not told:
            continue
        pid, name, rest = told.groups()
        counts[pid, name] = counts.get((pid, name), 0) + 1
        reads = name in ("open", "openat") and not re.search("O_CREAT|O_WRONLY|O_RDWR", rest)
        if str(home) in rest and not reads:
            found.append((name, counts[pid, name]))
    return list(dict.fromkeys(found))


def killed_at(call: Call, name: str, nth: int) -> bool:
    """Run `call`, kill it just before its nth `name`, and return whether that was reached."""
    with tempfile.NamedTemporaryFile() as log:
        words = ["strace", "-f", "-o", log.name, "-e", f"trace={name}"]
        words += ["-e", f"inject={name}:signal=KILL:when={nth}"]
        run(Call([*words, *call.command], call.environ, call.stdin))
        return "+++ killed by SIGKILL" in Path(log.name).read_text(errors="replace")


def good(peer: Peer, number: int) -> bool:
    """Return whether the helper tells secret `number`."""
    return _is_good(peer, run(peer.ask(number)), number)


def _is_good(peer: Peer, ran: Ran, number: int) -> bool:
    return (secret(number) if peer.change else peer.expected) in ran.output


def run(call: Call) -> Ran:
    """Run one program to its end; one that takes minutes has failed, and ends with its children."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        call.command,
        env=call.environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        told, _ = process.communicate(call.stdin, PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return Ran(1, "", PATIENCE)
    return Ran(process.returncode, told.decode(errors="replace"), time.perf_counter() - begun)


def _kept(peer: Peer) -> Path:
    """Return where the state with secret number 0 alone is kept."""
    return peer.home.with_name(f"{peer.home.name}.kept")


def _must(ran: Ran, peer: Peer) -> None:
    if ran.status:
        raise SystemExit(f"{peer.name} failed: {ran}")


def _log(text: str) -> None:
    sys.stderr.write(f"{text}\n")


main()
