"""Lets the N-th operation of a program go wrong: on files, locks or the network.

The program runs with `faults.c` preloaded into its whole process tree. A run without a plan counts
and names the operations; a plan then kills, stops, signals, delays or fails one of them, once or
from then on.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.worlds import Outcome, World

# In the order of the library's enum, which is made of this.
KINDS = (
    *("open", "create", "read", "write", "fsync", "truncate", "close", "dup"),
    *("rename", "link", "symlink", "readlink", "unlink", "mkdir", "rmdir", "opendir"),
    *("stat", "fstat", "access", "chmod", "chown", "utime", "lock", "unlock"),
    *("resolve", "socket", "connect", "send", "receive", "hang_up"),
)
NETWORK = KINDS[KINDS.index("resolve") :]
FILES = KINDS[: KINDS.index("resolve")]
# What a full disk refuses.
WRITING = ("create", "write", "fsync", "truncate", "rename", "link", "symlink", "mkdir")

PATIENCE = 60.0

_ACTIONS = ("count", "kill", "stop", "signal", "sleep", "fail", "set")
_STATE = struct.Struct("@QQIIiiIIIiq512s512s64s2480s")
_ENTRY = struct.Struct("@iiii240s")
_LOG_AT = 4096
_MOST_LOGGED = 8192
_SOURCE = Path(__file__).with_name("faults.c")
# What differs from run to run in the names of files, and how a glob spells it.
_ROLES = (
    (re.compile(r"\.\d+\.[0-9a-f]{8}\.tmp"), ".NEW.tmp", ".#.#.tmp"),
    (re.compile(r"\.credhelper-\d+-[0-9a-f]{8}"), ".credhelper-NEW", ".credhelper-#-#"),
    (re.compile(r"\.[0-9a-f]{8}\.old$"), ".FORMER.old", ".#.old"),
    (re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])"), "RECORD", "#"),
    (re.compile(r"routes-[0-9a-f]+"), "ROUTES", "routes-#"),
    (re.compile(r"(?<=/)run-[^/]+-\w{8}"), "run-HOST-NEW", "run-*"),
)


class NoInjector(Exception):
    """This machine cannot have the library: the message says why."""


@dataclass(frozen=True)
class Point:
    """One operation of a run.

    Attributes: `kind`, of `KINDS`; `role`, the path below the world's root, with RECORD, ROUTES
    and NEW for what differs from run to run, or `network`; `nth`, from 1 on, among those of this
    kind and role.
    """

    kind: str
    role: str
    nth: int = 1

    def __str__(self) -> str:
        return f"{self.kind} {self.role} {self.nth}"

    @property
    def glob(self) -> str:
        """What the paths of this role look like: `*` is any text, `#` hexadecimal digits."""
        text = self.role
        for _, role, glob in _ROLES:
            text = text.replace(role, glob)
        return text


@dataclass(frozen=True)
class Plan:
    """What goes wrong, and where.

    Attributes: `action`, one of count, kill, stop, signal, sleep, fail and set (the clock);
    `value`, the signal's number, the errno, or seconds: of sleep, or by which the clock is set
    forward; `kinds` and `glob`, which operations are waited for; `nth` of
    those, from 1 on; `times`, how many operations it befalls, 0 for no end; `then` and `then_glob`,
    the operations that it befalls, too, after the first; `ahead`, seconds of the clock that the
    command sees before the true one, from its start; `host`, the name of the host that it sees.
    """

    action: str = "count"
    value: float = 0
    kinds: Collection[str] = KINDS
    glob: str = "*"
    nth: int = 1
    times: int = 1
    then: Collection[str] = ()
    then_glob: str = "*"
    ahead: int = 0
    host: str = ""


@dataclass(repr=False)
class Ended(Outcome):
    """How a run ended.

    Attributes: those of an Outcome; `points`, its operations in order; `pids`, whose each was;
    `befell`, which of them went wrong; `hung`, whether it had to be ended after `PATIENCE`; `plan`.
    """

    status: int
    stdout: bytes
    stderr: bytes
    points: list[Point]
    pids: list[int]
    befell: list[Point]
    hung: bool
    plan: Plan

    def __repr__(self) -> str:
        return f"Ended({self.status}, {self.stdout[:300]!r}, {self.stderr[:600]!r})"


def at(point: Point, action: str, value: float = 0, **more: object) -> Plan:
    """Return the plan that lets `action` befall `point`; `more` is for Plan."""
    return Plan(action, value, (point.kind,), point.glob, point.nth, **more)  # type: ignore[arg-type]  # Plan's own names


def build(folder: Path) -> Path:
    """Return the library, compiled once for all who share `folder`; raises NoInjector."""
    if not sys.platform.startswith("linux"):
        raise NoInjector("a preloaded library that reads /proc needs Linux")
    compiler = shutil.which("cc")
    if compiler is None:
        raise NoInjector("there is no C compiler (cc) to build the fault injector with")
    library = folder / "faults.so"
    with open(folder / "faults.lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not library.exists():
            names = ",".join(kind.upper() for kind in KINDS)
            made = folder / "faults.new"
            words = [
                "-std=gnu11",
                "-O1",
                "-fPIC",
                "-shared",
                "-Wall",
                "-Werror",
                f"-DKINDS={names}",
            ]
            subprocess.run(
                [compiler, *words, "-o", str(made), str(_SOURCE), "-ldl"], check=True, timeout=120
            )
            made.rename(library)
    return library


def run(
    library: Path,
    words: Sequence[str],
    plan: Plan,
    world: World,
    *,
    stdin: bytes = b"",
    environ: Mapping[str, str | None] | None = None,
    prefix: Sequence[str] = (),
    while_stopped: Callable[[], None] | None = None,
    meanwhile: Callable[[subprocess.Popen[bytes]], None] | None = None,
) -> Ended:
    """Run credhelper under `plan` to its end, or to the end of our patience.

    Parameters: `library`, what `build` returned; `words`, after the program's name; `environ` and
    `prefix`, as for `World.run`; `while_stopped`, called while a process of the command is stopped:
    it goes on afterwards; `meanwhile`, called with the process once it has started, for a command
    that somebody must talk to, or end.
    """
    handle, name = tempfile.mkstemp(dir=library.parent, prefix="state.")
    with open(handle, "r+b", buffering=0) as file:
        file.truncate(_LOG_AT + _MOST_LOGGED * _ENTRY.size)
        file.write(_written(plan, world))
        process = world.start(
            *words,
            environ={**(environ or {}), "LD_PRELOAD": str(library), "FAULTS_STATE": name},
            prefix=prefix,
            start_new_session=True,
        )
        try:
            if while_stopped is not None:
                _let_stand(file.fileno(), process, while_stopped)
            if meanwhile is not None:
                meanwhile(process)
            stdout, stderr = process.communicate(stdin, PATIENCE)
            hung = False
        except subprocess.TimeoutExpired:
            hung = True
        finally:
            os.unlink(name)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        if hung:
            stdout, stderr = process.communicate()
        found = _read(file.fileno())
    return Ended(process.returncode, stdout, stderr, *found, hung, plan)


def _written(plan: Plan, world: World) -> bytes:
    kinds, then = (sum(1 << KINDS.index(kind) for kind in each) for each in (plan.kinds, plan.then))
    value = int(plan.value * 1000) if plan.action == "sleep" else int(plan.value)
    # As /proc spells it: handles are known by that.
    root = os.path.realpath(world.root).encode()
    action = _ACTIONS.index(plan.action)
    told = (kinds, then, plan.nth, plan.times, action, value, 0, 0, 0, 0, plan.ahead)
    return _STATE.pack(
        *told, *(one.encode() for one in (plan.glob, plan.then_glob, plan.host)), root
    )


def _let_stand(
    state: int, process: subprocess.Popen[bytes], while_stopped: Callable[[], None]
) -> None:
    until = time.monotonic() + PATIENCE
    while not (stopped := _STATE.unpack(os.pread(state, _STATE.size, 0))[9]):
        if process.poll() is not None or time.monotonic() > until:
            return
        time.sleep(0.005)
    try:
        while_stopped()
    finally:
        os.kill(stopped, signal.SIGCONT)


def _read(state: int) -> tuple[list[Point], list[int], list[Point]]:
    counted = _STATE.unpack(os.pread(state, _STATE.size, 0))[6]
    counts: Counter[tuple[str, str]] = Counter()
    points, pids, befell = [], [], []
    log = os.pread(state, min(counted, _MOST_LOGGED) * _ENTRY.size, _LOG_AT)
    for pid, kind, acted, _, path in _ENTRY.iter_unpack(log):
        what = KINDS[kind], role_of(path.rstrip(b"\0").decode())
        counts[what] += 1
        points.append(Point(*what, counts[what]))
        pids.append(pid)
        if acted:
            befell.append(points[-1])
    return points, pids, befell


def role_of(path: str) -> str:
    """Return what the file at `path`, relative to the world's root, is there for."""
    for pattern, role, _ in _ROLES:
        path = pattern.sub(role, path)
    return path
