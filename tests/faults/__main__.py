"""`python -m tests.faults`: what each fault at each operation of a scenario leads to."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.faults import campaign
from tests.faults.injector import Ended, NoInjector, Point, build
from tests.faults.scenarios import SCENARIOS, Scenario
from tests.faults.stage import Stage
from tests.support.sandboxes import RunningSandbox


def main() -> int:
    """Print a table, and return 1 if a promise was broken that `known.py` does not know of."""
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
    asked = parser.parse_args()
    surprises = 0
    with tempfile.TemporaryDirectory() as folder:
        try:
            library = build(Path(folder))
        except NoInjector as why:
            parser.error(str(why))
        for name in asked.scenario or SCENARIOS:
            surprises += _campaign(name, asked, Path(folder), library)
    print(f"{surprises} broken promises that nobody knows of")
    return 1 if surprises else 0


def _campaign(name: str, asked: argparse.Namespace, folder: Path, library: Path) -> int:
    scenario = SCENARIOS[name]
    root = folder / name
    root.mkdir()
    sandbox = RunningSandbox()
    try:
        stage = Stage(root, sandbox)
        scenario.prepare(stage)
        stage.keep()
        points = campaign.counted(stage, scenario, library)
        if asked.points:
            print(f"{name}:", *(f"  {point}" for point in points), sep="\n")
            return 0
        surprises = played = failed = 0
        for case in _chosen(scenario, points, asked):
            ended, broken = campaign.judged(stage, scenario, case, library)
            played += 1
            failed += bool(broken)
            unknown = [each for each in broken if not campaign.finding(case, each)]
            surprises += len(unknown)
            if broken or not asked.quiet:
                print(_row(case, ended, broken), flush=True)
            elif str(case) in campaign.EXAMPLES:
                print(f"ok     {case}: it can move to MENDED", flush=True)
        print(f"{name}: {len(points)} operations, {played} cases, {failed} broken", flush=True)
        return surprises
    finally:
        sandbox.stop()


def _chosen(
    scenario: Scenario, points: list[Point], asked: argparse.Namespace
) -> list[campaign.Case]:
    if asked.all or asked.sample or asked.fault or asked.at:
        every = campaign.all_cases(scenario, points, asked.fault or ())
        every = [case for case in every if asked.at in str(case.point)]
        return campaign.some(every, asked.sample, asked.seed) if asked.sample else every
    return campaign.sample(scenario, points, asked.seed)


def _row(case: campaign.Case, ended: Ended, broken: list[str]) -> str:
    told = "" if ended.befell else " (not reached)"
    lines = [f"{'BROKEN' if broken else 'ok':6} {case}: status {ended.status}{told}"]
    for each in broken:
        known = campaign.finding(case, each)
        lines.append(f"         {known.finding if known else 'UNKNOWN'}: {each[:400].rstrip()}")
    return "\n".join(lines)


sys.exit(main())
