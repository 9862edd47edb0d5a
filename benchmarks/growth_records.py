"""A renewal among many records against one among few: `python benchmarks/growth_records.py`.

Run it from a virtual environment that holds the wheel, as `warm.py`.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Mapping
from pathlib import Path

import measure
import world

from credhelper.core import record

FEW, MANY = 50, 50_000
RUNS = 10
_DAY = 86400


def sweep_growth() -> None:
    """Print what a renewal costs among 50 and among 50,000 records, fresh ones and expired ones."""
    bare = statistics.median(measure.cpu(measure.BARE, measure.clean()) for _ in range(RUNS))
    print(f"{'a renewal, CPU in bare Pythons':36} {'first':>8} {'median':>8} {'to 50':>8}")
    with world.running() as here:
        few = 0.0
        for count, ends, what in (
            (FEW, _DAY, "fresh"),
            (MANY, _DAY, "fresh"),
            (MANY, -3 * _DAY, "expired"),
        ):
            spent = [each / bare for each in _renewals(here.environ, count, ends)]
            few = few or statistics.median(spent)
            middle = statistics.median(spent)
            print(
                f"{f'among {count} {what} records':36} {spent[0]:8.1f} {middle:8.1f}"
                f" {middle / few:8.2f}"
            )


def _renewals(environ: Mapping[str, str], count: int, ends: int) -> list[float]:
    """Return the CPU seconds of renewals in a row, in a cache with `count` records of others.

    Parameters:
    - ends: when those end, in seconds from now. They were written two days ago.
    """
    command = [str(measure.BIN / "credhelper"), "get"]
    cache = Path(environ["CREDHELPER_CACHE_DIR"])
    for path in cache.glob("*") if cache.exists() else ():
        path.unlink()
    measure.wall(command, environ)
    (ours,) = (path for path in cache.iterdir() if "." not in path.name and len(path.name) == 32)
    data = record.encode({"token": "x" * 900, "expires": str(int(time.time()) + ends)})
    for number in range(count):
        path = cache / f"{number * 0x9E3779B97F4A7C15 % 2**128:032x}"
        path.write_bytes(data)
        path.chmod(0o600)
        os.utime(path, (time.time() - 2 * _DAY,) * 2)
        path.with_name(f"{path.name}.lock").touch(0o600)
    for path in cache.glob("swept.*"):
        path.unlink()  # or the first renewal would sweep only after a minute
    spent = []
    for _ in range(RUNS):
        ours.unlink()
        spent.append(measure.cpu(command, environ))
    return spent


if __name__ == "__main__":
    sweep_growth()
