"""Paired runs of whole programs: what they cost in ratio to each other, on this machine, now."""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

BIN = Path(sys.executable).parent
BARE = [str(BIN / "python3"), "-I", "-c", "pass"]


def wall(command: Sequence[str], environ: Mapping[str, str], stdin: bytes = b"") -> float:
    """Return the seconds that one run of `command` takes; raises if it fails."""
    begun = time.perf_counter()
    done = subprocess.run(
        command, env=environ, input=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    spent = time.perf_counter() - begun
    if done.returncode:
        raise SystemExit(f"{command[0]} failed: {done.stderr.decode(errors='replace')}")
    return spent


def cpu(command: Sequence[str], environ: Mapping[str, str]) -> float:
    """Return the CPU seconds that one run of `command` and its children takes; raises if it fails.

    On a busy machine they vary less than `wall`.
    """
    return cpu_of(lambda: wall(command, environ))


def cpu_of(call: Callable[[], object]) -> float:
    """Return the CPU seconds of the children that end during one call."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    call()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def paired(
    one: Sequence[str],
    other: Sequence[str],
    environ: Mapping[str, str],
    stdin: bytes = b"",
    runs: int = 200,
) -> tuple[float, float, float]:
    """Return the median seconds of both commands, run in turn, and the ratio of the medians."""
    for _ in range(5):
        wall(one, environ, stdin)
        wall(other, environ)
    ours, theirs = [], []
    for _ in range(runs):
        ours.append(wall(one, environ, stdin))
        theirs.append(wall(other, environ))
    mine, yours = statistics.median(ours), statistics.median(theirs)
    return mine, yours, mine / yours


def instructions(
    command: Sequence[str], environ: Mapping[str, str], stdin: bytes = b""
) -> int | None:
    """Return the instructions that `command` executes, by callgrind; None where that is missing.

    Programs that the command turns into by exec are counted too.
    """
    if not shutil.which("valgrind"):
        return None
    done = subprocess.run(
        [
            "valgrind",
            "--tool=callgrind",
            "--trace-children=yes",
            "--callgrind-out-file=/dev/null",
            *command,
        ],
        env=environ,
        input=stdin,
        capture_output=True,
    )
    # exec replaces the process before callgrind has told its count: the last program tells.
    told = [line for line in done.stderr.split(b"\n") if b"Collected" in line]
    return int(told[-1].split(b":")[1]) if told else None


def clean(**more: str) -> dict[str, str]:
    """Return a small environment: what a shell sets for other runs distorts these."""
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8", **more}
