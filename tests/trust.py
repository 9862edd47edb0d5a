"""`make trust`: every attack that takes too long for `make test`, one part after another.

Each part is a command that prints its own table, and fails if a promise is broken.
"""

from __future__ import annotations

import argparse
import importlib.util
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_PYTEST = ("pytest", "-q", "--thorough")
USERS = (
    "tests/users",
    "tests/storage/test_ours.py",
    "tests/tokenfile/test_whose_file.py",
    "tests/agent/test_agent_peers.py",
    "tests/core/test_private_files.py",
)
CLOCKS = (
    "tests/faults/test_clocks.py",
    "tests/tokenfile/test_set_back.py",
    "tests/core/test_freshness.py",
    "tests/broker/test_get.py",
    "tests/fleet/test_slot.py",
)


@dataclass(frozen=True)
class Part:
    """One kind of attack.

    Attributes: `words`, the module that Python runs and its words, from the minutes that it may
    take, 0 for as long as it needs; `share`, of the minutes that all may take: 0 for a part that
    takes what it takes, a few minutes.
    """

    words: Callable[[float], Iterable[object]]
    share: float = 0


def _fuzz(module: str) -> Callable[[float], Iterable[object]]:
    # Without a budget: as long as a person would wait for an answer about one change.
    return lambda minutes: (module, int(minutes * 60) or 3600)


# To add an attack, add a line: what `make trust PARTS="..."` calls it, and its module.
PARTS = {
    "thorough": Part(lambda minutes: (*_PYTEST, "-n", "logical", "tests", "integrations")),
    "matrices": Part(
        lambda minutes: ("tests.faults", "--all", "--quiet", "--table", "--minutes", minutes), 0.7
    ),
    "herds": Part(lambda minutes: (*_PYTEST, "tests/stress", "--herd", 1000)),
    "users": Part(lambda minutes: (*_PYTEST, *USERS)),
    "clocks": Part(lambda minutes: (*_PYTEST, *CLOCKS)),
    "fuzz": Part(_fuzz("tests.fuzz"), 0.15),
    "native-fuzz": Part(_fuzz("tests.native.fuzz"), 0.15),
}


def main() -> int:
    """Run the parts that are asked for, print what came of each, and return 1 if one failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.trust", description=__doc__)
    parser.add_argument("part", nargs="*", help="; ".join(PARTS))
    parser.add_argument("--minutes", type=float, default=0, help="for all; 0 for all there is")
    asked = parser.parse_args()
    names = asked.part or list(PARTS)
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    whole = sum(PARTS[name].share for name in names)
    rows = [_row("part", "outcome", "minutes", "command")]
    failed = False
    for name in names:
        part = PARTS[name]
        minutes = asked.minutes * part.share / whole if whole else 0
        words = [str(word) for word in part.words(round(minutes, 2))]
        told, spent = _run(name, words)
        failed |= told == "BROKEN"
        rows.append(_row(name, told, f"{spent:.1f}", shlex.join(["python", "-m", *words])))
    print("\n".join(["", *rows]), flush=True)
    return 1 if failed else 0


def _run(name: str, words: list[str]) -> tuple[str, float]:
    """Run one part; return what came of it, and the minutes that it took."""
    print(f"\n=== {name} ===", flush=True)
    if not _there(words[0]):
        print(f"there is no module {words[0]} here", flush=True)
        return "missing", 0.0
    begun = time.monotonic()
    done = subprocess.run([sys.executable, "-m", *words], check=False)
    return "BROKEN" if done.returncode else "held", (time.monotonic() - begun) / 60


def _there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _row(*cells: str) -> str:
    return "{:12} {:8} {:>8}  {}".format(*cells)


if __name__ == "__main__":
    sys.exit(main())
