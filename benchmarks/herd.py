"""A herd on a cold cache: `python benchmarks/herd.py [PROCESSES]`.

The promise: at most 1.3 x (processes x warm CPU / cores) + one cold get, and one token created.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time

import measure
import world

PROCESSES = int(sys.argv[1]) if len(sys.argv) > 1 else 200
LATENCY = 0.1


def cpu_of_children() -> float:
    """Return the CPU seconds that ended children have used so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Print what a warm get, a cold get and a cold herd take, and the ratio to the promise."""
    command = [str(measure.BIN / "credhelper"), "get"]
    with world.running("--latency", str(LATENCY)) as here:
        cache = here.environ["CREDHELPER_CACHE_DIR"]
        cold = []
        for _ in range(5):
            shutil.rmtree(cache, ignore_errors=True)
            cold.append(measure.wall(command, here.environ))
        before = cpu_of_children()
        for _ in range(100):
            measure.wall(command, here.environ)
        warm_cpu = (cpu_of_children() - before) / 100
        cores = len(os.sched_getaffinity(0))
        allowed = 1.3 * PROCESSES * warm_cpu / cores + sorted(cold)[2]
        print(f"warm CPU {warm_cpu * 1000:.1f} ms, cold get {sorted(cold)[2]:.2f} s, {cores} cores")
        for _ in range(3):
            shutil.rmtree(cache)
            created = here.stats()["created"]
            begun = time.perf_counter()
            herd = [
                subprocess.Popen(command, env=here.environ, stdout=subprocess.PIPE)
                for _ in range(PROCESSES)
            ]
            tokens = {process.communicate()[0] for process in herd}
            spent = time.perf_counter() - begun
            created = here.stats()["created"] - created
            print(
                f"{PROCESSES} processes: {spent:.2f} s, {spent / allowed:.2f} of the"
                f" {allowed:.2f} s allowed; tokens seen {len(tokens)}, created {created}"
            )


main()
