"""Every fault at every operation of a scenario, or a sample of them, and how each ended."""

from __future__ import annotations

import errno
import hashlib
import signal
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

from tests.faults import promises
from tests.faults.injector import FILES, NETWORK, WRITING, Ended, Plan, Point, at, run
from tests.faults.known import EXPECTED_FAILURES, MENDED, Known
from tests.faults.scenario import Scenario
from tests.faults.stage import Stage

_READ_AGAIN = ("open", "stat", "fstat", "read")  # a new look at what another host has replaced
_SLOW = ("open", "create", "read", "write", "fsync", "close", "lock", "unlock")
_WITHOUT_A_PATH = ("read", "write", "fsync", "close", "fstat", "unlock")


@dataclass(frozen=True)
class Fault:
    """What can go wrong.

    Attributes: `action` and `value`, as in Plan; `kinds`, the operations that it can befall;
    `times`, 0 for "from then on".
    """

    action: str
    value: int
    kinds: Collection[str]
    times: int = 1


def _fails(kinds: Collection[str], *names: str) -> dict[str, Fault]:
    found = {}
    for name in names:
        number = int(getattr(errno, name))
        found[name] = Fault("fail", number, kinds)
        # Without an end Python would try again for ever: no signal comes that often.
        found[f"{name}+"] = Fault("fail", number, kinds, 20 if name == "EINTR" else 0)
    return found


_PATHS = tuple(kind for kind in FILES if kind not in _WITHOUT_A_PATH)
_TALK = ("resolve", "connect", "send", "receive")
# What a file system that is mounted read-only refuses, and one whose owner is somebody else.
_CHANGING = (*WRITING, "unlink", "rmdir", "chmod", "chown", "utime")
_HANDLES = ("open", "create", "opendir", "dup", "socket", "resolve")

FAULTS = {
    "kill": Fault("kill", 0, FILES + NETWORK),
    **{
        name: Fault("signal", int(getattr(signal, name)), FILES + NETWORK)
        for name in ("SIGTERM", "SIGINT", "SIGHUP")
    },
    **_fails(WRITING, "ENOSPC", "EDQUOT"),
    **_fails(_CHANGING, "EROFS"),
    **_fails((*_PATHS, "read", "write"), "EACCES"),
    **_fails((*_CHANGING, "open", "connect", "send"), "EPERM"),
    **_fails(FILES, "EIO"),
    **_fails(_HANDLES, "EMFILE"),
    **_fails(("lock",), "ENOLCK"),
    # Functions that a file system, or a filter of calls around a container, does not know.
    **_fails(("lock", "fsync", "truncate", "chmod", "utime", "link", "rename"), "ENOSYS"),
    **_fails((*_SLOW, *_TALK[1:]), "EINTR"),
    **_fails(FILES, "ESTALE"),
    **_fails((*_PATHS, "read", "write", "socket", *_TALK), "ENOMEM"),
    # Of a file system whose own process has died, too.
    **_fails((*FILES, "send", "receive"), "ENOTCONN"),
    **_fails(_TALK, "ECONNRESET", "ETIMEDOUT"),
    **{f"clock{days:+}d": Fault("set", days * 86400, FILES + NETWORK) for days in (-3, 3)},
    "hang": Fault("sleep", 3600, ("lock",)),
}
CLOCKS = tuple(name for name, fault in FAULTS.items() if fault.action == "set")

_ENDING = ("kill", "SIGTERM", "SIGINT", "SIGHUP")
FAMILIES = {
    "kill": ("kill",),
    "signal": _ENDING[1:],
    "once": tuple(
        name for name, fault in FAULTS.items() if fault.action == "fail" and fault.times == 1
    ),
    "from then on": tuple(name for name, fault in FAULTS.items() if fault.times != 1),
}

OUTCOMES = {
    "right": "it did what it was asked for",
    "refused": "it refused, with a message; the next run was right",
    "ended": "it was killed, or ended as it was told; the next run was right",
    "not reached": "this time it came to no such operation",
    "broken": "a promise is broken",
}

# On these a fault may keep credhelper from knowing what it was asked for.
_ASKED = ("config.toml", ".", "home", ".config.toml.NEW.tmp", "fleet.key")


# What is known to break something: each does, or its line in `known.py` is out of date.
EXAMPLES = [example for known in EXPECTED_FAILURES for example in known.examples]


@dataclass(frozen=True)
class Case:
    """One fault at one operation of one scenario."""

    scenario: str
    fault: str
    point: Point

    def __str__(self) -> str:
        return f"{self.scenario} {self.fault} {self.point}"


# What kind of path an operation is on, for the sample: the first that fits `KIND ROLE`.
_CLASSES = {
    "unlink *": "removal",
    "* *.lock": "lock",
    "* *.tmp": "new file",
    "* *.failed": "failure",
    "* state/grants/*.key": "typed key",
    "rename config.toml": "changed config",
    "chmod config.toml": "changed config",
    "stat config.toml": "changed config",
    "* config.toml": "config",
    "* api-key": "key file",
    "* cache/RECORD": "record",
    "* cache/ROUTES": "routes",
    "* state/sessions/RECORD": "session",
    "* network": "network",
    "*": "folder",
}
CLASSES = set(_CLASSES.values())


def class_of(point: Point) -> str:
    """Return what kind of path an operation is on."""
    what = f"{point.kind} {point.role}"
    return next(told for glob, told in _CLASSES.items() if fnmatchcase(what, glob))


def counted(stage: Stage, scenario: Scenario, library: Path) -> list[Point]:
    """Return the operations of a scenario, from a run in which nothing goes wrong."""
    ended = _play(stage, scenario, Plan(), library)
    assert ended.status == scenario.ends and not ended.hung, ended
    assert len(ended.points) > 10, "the library was not loaded"
    return ended.points


def all_cases(
    scenario: Scenario, points: Sequence[Point], faults: Collection[str] = ()
) -> list[Case]:
    """Return every fault, or those of `faults`, at every operation that it can befall.

    `hang` takes a minute a case: it must be asked for.
    """
    return [
        Case(scenario.name, name, point)
        for point in points
        for name, fault in FAULTS.items()
        if point.kind in fault.kinds and (name in faults if faults else name != "hang")
    ]


def sample(scenario: Scenario, points: Sequence[Point], seed: int = 1) -> list[Case]:
    """Return some cases, the same ones each time.

    Each kind of operation on each class of paths that this scenario covers comes at least once, and
    so do each family of faults and each example of `known.py`.
    """
    every = mixed(all_cases(scenario, points), seed)
    chosen = [case for case in every if str(case) in (*EXAMPLES, *MENDED)]
    seen = {(case.point.kind, class_of(case.point)) for case in chosen}
    for case in every:
        what = case.point.kind, class_of(case.point)
        if what[1] in scenario.covers and what not in seen:
            seen.add(what)
            fitting = [each for each in every if (each.point.kind, class_of(each.point)) == what]
            # First a family: errnos are many, and would crowd out the rest.
            family = min(FAMILIES, key=lambda name: _lot(seed, *what, name))
            chosen.append(next((one for one in fitting if one.fault in FAMILIES[family]), case))
    for faults in FAMILIES.values():
        if not any(case.fault in faults for case in chosen):
            chosen += [case for case in every if case.fault in faults][:1]
    return list(dict.fromkeys(chosen))


def some(cases: Sequence[Case], number: int, seed: int) -> list[Case]:
    """Return so many of the cases, the same ones for the same seed."""
    chosen = set(mixed(cases, seed)[:number])
    return [case for case in cases if case in chosen]


def mixed(cases: Sequence[Case], seed: int) -> list[Case]:
    """Return the cases in the order of a lot, the same one for the same seed."""
    return sorted(cases, key=lambda case: _lot(seed, case))


def _lot(*what: object) -> bytes:
    # By its own name only: what else there is to draw from does not change what is drawn.
    return hashlib.sha256(" ".join(map(str, what)).encode()).digest()


def judged(stage: Stage, scenario: Scenario, case: Case, library: Path) -> tuple[Ended, list[str]]:
    """Play one case, and return how it ended and what it broke."""
    fault = FAULTS[case.fault]
    more: dict[str, object] = {}
    if fault.times != 1:
        top = case.point.role.partition("/")[0]
        # What dies is the disk of the cache or the state, one file, or the network.
        more = {
            "times": fault.times,
            "then": fault.kinds,
            "then_glob": "*" if top == "." else f"{top}*",
        }
    ended = _play(stage, scenario, at(case.point, fault.action, fault.value, **more), library)
    return ended, list(dict.fromkeys(_broken(stage, scenario, case, ended)))


def outcome(scenario: Scenario, ended: Ended, broken: list[str]) -> str:
    """Return in a word how a case ended, of `OUTCOMES`."""
    if broken:
        return "broken"
    if not ended.befell:
        return "not reached"
    if ended.status == scenario.ends:
        return "right"
    return "ended" if promises.stopped(ended) else "refused"


def finding(case: Case, broken: str) -> Known | None:
    """Return the line of `EXPECTED_FAILURES` that knows of this broken promise."""
    for known in EXPECTED_FAILURES:
        if broken.partition(":")[0] in known.promises and fnmatchcase(str(case), known.cases):
            return known
    return None


def _play(stage: Stage, scenario: Scenario, plan: Plan, library: Path) -> Ended:
    stage.restore()
    scenario.begin(stage)
    words, stdin = scenario.words(stage), scenario.stdin(stage)
    meanwhile = partial(scenario.meanwhile, stage) if scenario.meanwhile else None
    return run(library, words, plan, stage.world, stdin=stdin, meanwhile=meanwhile)


def _broken(stage: Stage, scenario: Scenario, case: Case, ended: Ended) -> Iterator[str]:
    stopped = promises.stopped(ended)
    yield from promises.of_any_run(stage, ended, scenario.ends, several=scenario.several)
    if scenario.answers:
        yield from promises.of_an_answer(stage, ended, stopped=stopped)
    if ended.status != scenario.ends and not stopped and _owed(scenario, case):
        yield f"refused: {ended}"
    yield from scenario.check(stage, ended)


def _owed(scenario: Scenario, case: Case) -> bool:
    """Tell whether the scenario must succeed in spite of this fault."""
    if case.fault.startswith("EINTR"):
        return not scenario.several  # who tries again succeeds; other people's programs may not
    if case.fault in CLOCKS:
        return False  # set just when the server's was compared with it: its token seems to be over
    if case.fault == "ESTALE" and scenario.answers and case.point.kind in _READ_AGAIN:
        return True
    if not scenario.answers:
        return scenario.name == "git-erase" and case.fault.startswith("ENOSPC")
    if case.point.role in _ASKED:
        return False
    if case.point.role == "api-key":
        # A grant that is not even there any more is another grant: what it gave is not served.
        return scenario.lives and case.point.kind != "stat"
    return scenario.lives or case.point.role != "network"
