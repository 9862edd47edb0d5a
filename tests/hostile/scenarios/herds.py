"""Many processes at once: who asks, who waits, and what if the one who asks is no more."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from credhelper.errors import UnreachableError
from credhelper.storage.slot import Slot
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import TIMEOUT, World

_LIFETIME = 86400


@contextmanager
def _held(lock: Path) -> Iterator[None]:
    """Hold a lock as a process of ours would."""
    handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _until(true: Callable[[], bool]) -> None:
    ends = time.monotonic() + TIMEOUT
    while not true():
        assert time.monotonic() < ends, "it never came to that"
        time.sleep(0.02)


def _waiters(lock: Path) -> int:
    """Return how many processes the kernel has waiting for a lock."""
    inode = f":{lock.stat().st_ino} "
    with open("/proc/locks") as told:
        return sum(" -> " in line and inode in line for line in told)


def _start(world: World, *words: str) -> subprocess.Popen[bytes]:
    return world.start("get", *words, stdin=subprocess.DEVNULL)


def _lock_of(world: World) -> Path:
    """Return the lock of the one record, which a first call has made."""
    (record,) = world.records()
    return Path(f"{record}.lock")


# --- rows 80 to 82 --------------------------------------------------------------------------------


def herd(
    processes: int, profiles: int, scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    """Cold and all at once: exactly one token for each profile, and everybody gets it."""
    names = [f"p{number}" for number in range(profiles)]
    scratch_world.configure(
        running_sandbox.url,
        running_sandbox.api_key,
        **{name: {"data": name, "services": [f"https://{name}.example"]} for name in names},
    )
    asking = [
        (names[number % profiles], _start(scratch_world, "--profile", names[number % profiles]))
        for number in range(processes)
    ]
    tokens: dict[str, set[str]] = {}
    for name, process in asking:
        outcome = scratch_world.finish(process)
        assert (outcome.status, outcome.told) == (0, "")
        tokens.setdefault(name, set()).add(outcome.token)
    assert {len(found) for found in tokens.values()} == {1}
    assert len(set.union(*tokens.values())) == profiles
    stats = running_sandbox.stats()
    assert (stats["created"], stats["requests"]) == (profiles, profiles)


def herd_with_an_expired_token(
    processes: int, scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    """They all find it expired while the gate is shut, and all come in at once: one token."""
    old = scratch_world.prepare()
    scratch_world.age(_LIFETIME + 60)
    running_sandbox.count_from_here()
    lock = _lock_of(scratch_world)
    with _held(lock):
        asking = [_start(scratch_world) for _ in range(processes)]
        _until(lambda: _waiters(lock) == processes)
    outcomes = [scratch_world.finish(process) for process in asking]
    assert {(outcome.status, outcome.told) for outcome in outcomes} == {(0, "")}
    (token,) = {outcome.token for outcome in outcomes}
    assert token != old
    assert running_sandbox.stats()["requests"] == 1


def slow_profile(
    scratch_world: World,
    running_sandbox: RunningSandbox,
    start_sandbox: Callable[..., RunningSandbox],
) -> None:
    """While one API thinks, tokens of others are made, and warm answers given."""
    slow = start_sandbox()
    scratch_world.configure(
        running_sandbox.url,
        running_sandbox.api_key,
        warm={"services": ["https://warm.example"]},
        other={"services": ["https://other.example"], "data": "other"},
        slow={
            "url": slow.url,
            "grant": {"file": str(scratch_world.secret_file("slow-key", slow.api_key))},
        },
    )
    warm = scratch_world.get("--profile", "warm")
    slow.fault({"hang": True, "times": "always"})
    waiting = [_start(scratch_world, "--profile", "slow") for _ in range(5)]
    _until(lambda: slow.stats()["requests"] == 1)
    assert scratch_world.get("--profile", "warm") == warm
    assert scratch_world.get("--profile", "other")
    assert [process.poll() for process in waiting] == [None] * 5
    for process in waiting:
        process.kill()
        scratch_world.finish(process)


def herd_in_trouble(
    processes: int,
    status: int,
    requests: int,
    scratch_world: World,
    running_sandbox: RunningSandbox,
) -> None:
    """The one who asks is told no: the others share that, and do not ask again one by one."""
    scratch_world.prepare()
    scratch_world.age(_LIFETIME + 60)
    lock = _lock_of(scratch_world)
    running_sandbox.fault({"status": status, "times": "always"})
    running_sandbox.count_from_here()
    with _held(lock):
        asking = [_start(scratch_world) for _ in range(processes)]
        _until(lambda: _waiters(lock) == processes)
    for process in asking:
        outcome = scratch_world.finish(process)
        assert (outcome.status, outcome.stdout) == (5, b"")
        assert f"answered {status}" in outcome.told
    assert running_sandbox.stats()["requests"] == requests


def waiter_that_wakes_late(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """A failure counts for all that were waiting when it happened, however late they wake up."""
    scratch_world.prepare()
    (held,) = scratch_world.held()
    (record,) = scratch_world.records()
    scratch_world.age(_LIFETIME + 60)
    running_sandbox.count_from_here()
    lock = _lock_of(scratch_world)
    slot = Slot(str(record.parent), record.name, warn=lambda *told: None)
    with _held(lock):
        process = _start(scratch_world)
        _until(lambda: _waiters(lock) == 1)
        slot.remember(UnreachableError("the API is down"), held["grant"], time.time(), seconds=0)
    outcome = scratch_world.finish(process)
    assert outcome.stdout == b""
    assert "the API is down" in outcome.told
    assert running_sandbox.stats()["requests"] == 0


# --- row 76 ---------------------------------------------------------------------------------------


def _leader(world: World, sandbox: RunningSandbox) -> subprocess.Popen[bytes]:
    """Return a process that holds the lock while the API says nothing."""
    sandbox.fault({"hang": True})
    sandbox.count_from_here()
    leader = _start(world)
    _until(lambda: sandbox.stats()["requests"] == 1)
    return leader


def leader_killed(waiters: int, scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """A lock dies with its holder: the next goes on at once, and makes one token for all."""
    scratch_world.prepare()
    scratch_world.age(_LIFETIME + 60)
    lock = _lock_of(scratch_world)
    leader = _leader(scratch_world, running_sandbox)
    asking = [_start(scratch_world) for _ in range(waiters)]
    _until(lambda: _waiters(lock) == waiters)
    leader.kill()
    assert scratch_world.finish(leader).status == -signal.SIGKILL
    outcomes = [scratch_world.finish(process) for process in asking]
    assert {(outcome.status, outcome.told) for outcome in outcomes} == {(0, "")}
    assert len({outcome.token for outcome in outcomes}) == 1
    assert running_sandbox.stats()["requests"] == 2


def leader_stopped(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """A holder that stands still is waited for, but not for ever: then one goes on for all."""
    scratch_world.prepare()
    scratch_world.age(_LIFETIME + 60)
    lock = _lock_of(scratch_world)
    leader = _leader(scratch_world, running_sandbox)
    leader.send_signal(signal.SIGSTOP)
    try:
        asking = [_start(scratch_world) for _ in range(8)]
        _until(lambda: _waiters(lock) == len(asking))
        outcomes = [scratch_world.finish(process) for process in asking]
    finally:
        leader.kill()
        scratch_world.finish(leader)
    warning = "waited 24 s for the process that is renewing profile main"
    assert all((outcome.status, warning in outcome.told) == (0, True) for outcome in outcomes)
    (token,) = {outcome.token for outcome in outcomes}
    assert scratch_world.get() == token
    assert running_sandbox.stats()["requests"] == 2  # the leader's, and one for all


def leader_stopped_while_the_token_lives(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    """Nobody waits for a renewal as long as the token lives, whatever became of the renewer."""
    token = scratch_world.prepare()
    scratch_world.age(_LIFETIME - 45)
    leader = _leader(scratch_world, running_sandbox)
    leader.send_signal(signal.SIGSTOP)
    try:
        assert scratch_world.get() == token
    finally:
        leader.kill()
        scratch_world.finish(leader)
    assert running_sandbox.stats()["requests"] == 1


# --- row 98: signals while one waits or asks ------------------------------------------------------


def _assert_consistent(world: World, sandbox: RunningSandbox) -> None:
    """The next process goes on at once, nothing half-written lies about, and nothing is held."""
    sandbox.reset()
    token = world.prepare()
    assert world.get() == token
    assert sandbox.stats()["requests"] <= 1
    assert not list(world.cache.glob(".*.tmp"))


def signal_during_the_call(
    signal: str, scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    """Asked to end while the API thinks: it ends, and says by which signal."""
    number = _number(signal)
    leader = _leader(scratch_world, running_sandbox)
    leader.send_signal(number)
    outcome = scratch_world.finish(leader)
    assert (outcome.status, outcome.stdout, outcome.stderr) == (128 + number, b"", b"")
    _assert_consistent(scratch_world, running_sandbox)


def signal_during_the_wait(
    signal: str, scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    """Asked to end while another renews: it ends at once, and the other goes on."""
    number = _number(signal)
    scratch_world.prepare()
    scratch_world.age(_LIFETIME + 60)
    lock = _lock_of(scratch_world)
    with _held(lock):
        process = _start(scratch_world)
        _until(lambda: _waiters(lock) == 1)
        process.send_signal(number)
        outcome = scratch_world.finish(process)
    # A waiter has nothing to tidy up, so the system may end it: to a shell that is the same.
    assert outcome.status in (128 + number, -number)
    assert (outcome.stdout, outcome.stderr) == (b"", b"")
    _assert_consistent(scratch_world, running_sandbox)


def signal_while_reading(signal: str, scratch_world: World) -> None:
    """Asked to end before anything was said."""
    number = _number(signal)
    process = scratch_world.start("git", "get")
    _until(lambda: _sleeps(process.pid))
    process.send_signal(number)
    outcome = scratch_world.finish(process)
    assert outcome.status in (128 + number, -number)
    assert (outcome.stdout, outcome.stderr) == (b"", b"")


def _sleeps(pid: int) -> bool:
    # Waiting in the kernel, as Python, after sh has become it.
    status = Path(f"/proc/{pid}/stat").read_text()
    return status.rpartition(")")[2].split()[0] == "S" and "python" in status


def signals_at_any_moment(
    attempts: int, scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    """Wherever it is met, by whichever signal: no half record, no lock that stays, no traceback."""
    for number in range(attempts):
        for path in scratch_world.records():
            path.unlink()
        process = _start(scratch_world)
        time.sleep(0.3 * number / attempts)
        # Not SIGINT: while the interpreter itself starts it is told by a traceback of Python's own.
        asked = (signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)[number % 3]
        process.send_signal(asked)
        outcome = scratch_world.finish(process)
        # Before our own handlers stand, Python's and the system's do their work; and it may have
        # been too late, with all that was to be said said.
        assert outcome.status in (0, 128 + asked, -asked), outcome
        assert outcome.stdout == b"" or outcome.token == scratch_world.held()[0]["token"]
        assert outcome.status or outcome.stdout
        assert len(scratch_world.held()) == len(scratch_world.records())
    for path in scratch_world.cache.glob(".*.tmp"):
        path.unlink()  # SIGKILL leaves them to the next one that sweeps
    _assert_consistent(scratch_world, running_sandbox)


def nohup(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """What was started with nohup goes on when its terminal goes."""
    running_sandbox.fault({"delay": 1})
    process = scratch_world.start("get", prefix=("nohup",), stdin=subprocess.DEVNULL)
    _until(lambda: running_sandbox.stats()["requests"] == 1)
    process.send_signal(signal.SIGHUP)
    outcome = scratch_world.finish(process)
    assert (outcome.status, outcome.token) == (0, scratch_world.held()[0]["token"])


def _number(name: str) -> int:
    return int(signal.Signals[name])


# --- row 104 --------------------------------------------------------------------------------------


def signal_in_a_dialogue(
    signal: str, scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    """A dialogue that is asked to end in the middle of a renewal ends, and holds no lock."""
    number = _number(signal)
    running_sandbox.fault({"hang": True})
    process = scratch_world.start("json")
    assert process.stdin is not None
    process.stdin.write(b'{"action":"get","service":"https://ica.example"}\n')
    _until(lambda: running_sandbox.stats()["requests"] == 1)
    process.send_signal(number)
    process.wait(TIMEOUT)
    outcome = scratch_world.finish(process)
    assert (outcome.status, outcome.stdout, outcome.stderr) == (128 + number, b"", b"")
    _assert_consistent(scratch_world, running_sandbox)
