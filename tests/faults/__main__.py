"""`python -m tests.faults`: what each fault at each operation of a scenario leads to."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.faults import campaign
from tests.faults.injector import Ended, NoInjector, Point, build
from tests.faults.scenario import Scenario
from tests.faults.scenarios import SCENARIOS
from tests.faults.stage import Stage
from tests.faults.table import Matrix, header, totals
from tests.support.sandboxes import RunningSandbox


def main() -> int:
    """Print tables, and return 1 if a promise was broken that `known.py` does not know of."""
    asked = _asked()
    names = asked.scenario or list(SCENARIOS)
    with tempfile.TemporaryDirectory() as folder:
        try:
            library = build(Path(folder))
        except NoInjector as why:
            print(f"no faults can be made here: {why}")
            return 1
        seconds = asked.minutes * 60 * min(asked.jobs, len(names)) / len(names)
        with ThreadPoolExecutor(asked.jobs) as pool:

            def played(name: str) -> Matrix | None:
                return _campaign(name, asked, Path(folder), library, seconds)

            found = [one for one in pool.map(played, names) if one]
    if not found:
        return 0
    if asked.table:
        print(*header(), *(line for one in found for line in one.lines()), sep="\n")
    print(*totals(found), sep="\n")
    surprises = sum(one.surprises for one in found)
    print(f"{surprises} broken promises that nobody knows of")
    return 1 if surprises else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("scenario", nargs="*", help="; ".join(SCENARIOS))
    parser.add_argument("--fault", action="append", help="; ".join(campaign.FAULTS))
    parser.add_argument("--at", metavar="TEXT", default="", help="only operations named so")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--points", action="store_true", help="print the operations and end")
    how.add_argument("--all", action="store_true", help="all cases, not the sample of `make test`")
    how.add_argument("--sample", type=int, metavar="N", help="N of all cases")
    parser.add_argument("--seed", type=int, default=1, help="another sample")
    parser.add_argument("--quiet", action="store_true", help="only what is broken")
    parser.add_argument("--table", action="store_true", help="how each case ended, in one letter")
    parser.add_argument(
        "--minutes",
        type=float,
        default=0,
        help="of all cases as many as can be played in that time",
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at the same time")
    asked = parser.parse_args()
    asked.all = asked.all or asked.minutes > 0
    return asked


def _campaign(
    name: str, asked: argparse.Namespace, folder: Path, library: Path, seconds: float
) -> Matrix | None:
    """Play the cases of one scenario, for so many seconds; 0 for all of them."""
    scenario = SCENARIOS[name]
    root = folder / name
    root.mkdir()
    begun = time.monotonic()
    with ExitStack() as stack:
        sandbox = RunningSandbox()
        stack.enter_context(suppress(subprocess.TimeoutExpired))  # its end is not what is tested
        stack.callback(sandbox.stop)
        stage = Stage(root, sandbox)
        stack.callback(stage.stop)
        try:
            scenario.prepare(stage)
        except pytest.skip.Exception as why:
            print(f"{name}: skipped: {why}", flush=True)
            return None
        stage.keep()
        points = campaign.counted(stage, scenario, library)
        if asked.points:
            print("\n".join([f"{name}:", *(f"  {point}" for point in points)]), flush=True)
            return None
        matrix = Matrix(name, points, len(campaign.all_cases(scenario, points)))
        try:
            for case in _chosen(scenario, points, asked):
                if seconds and time.monotonic() - begun > seconds:
                    break
                ended, broken = campaign.judged(stage, scenario, case, library)
                matrix.note(case, campaign.outcome(scenario, ended, broken), broken)
                if broken or not asked.quiet:
                    print(_row(case, ended, broken), flush=True)
                elif str(case) in campaign.EXAMPLES:
                    print(f"ok     {case}: it can move to MENDED", flush=True)
        except Exception:  # noqa: BLE001  # one that cannot be played must not hide the others
            print(f"{name}: {traceback.format_exc()}", flush=True)
            matrix.surprises += 1
        # At once: a run of a day may be broken off.
        print(f"{name}: {len(points)} operations, {dict(matrix.outcomes)}", flush=True)
    return matrix


def _chosen(
    scenario: Scenario, points: list[Point], asked: argparse.Namespace
) -> Iterator[campaign.Case]:
    if not (asked.all or asked.sample or asked.fault or asked.at):
        yield from campaign.sample(scenario, points, asked.seed)
        return
    every = campaign.all_cases(scenario, points, asked.fault or ())
    every = [case for case in every if asked.at in str(case.point)]
    if asked.minutes:  # time may be over at any case
        yield from campaign.mixed(every, asked.seed)
    else:
        yield from campaign.some(every, asked.sample, asked.seed) if asked.sample else every


def _row(case: campaign.Case, ended: Ended, broken: list[str]) -> str:
    told = "" if ended.befell else " (not reached)"
    lines = [f"{'BROKEN' if broken else 'ok':6} {case}: status {ended.status}{told}"]
    for each in broken:
        known = campaign.finding(case, each)
        lines.append(f"         {known.finding if known else 'UNKNOWN'}: {each[:400].rstrip()}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
