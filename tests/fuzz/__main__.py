"""`python -m tests.fuzz SECONDS [TARGET ...]`: fuzz all targets, or some, for so long in all.

What a run learns lies in `.fuzz/`, and the next one goes on from there.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from concurrent.futures import ThreadPoolExecutor

from tests.fuzz import campaign, targets

_LEAST = 1.0  # seconds for a target


def main() -> int:
    """Print a line for each target; returns 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("seconds", type=float)
    parser.add_argument("target", nargs="*")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(31))
    asked = parser.parse_args()
    names = asked.target or [*targets.every()]
    if unknown := {*names} - {*targets.every()}:
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    at_once = min(os.cpu_count() or 1, len(names))
    each = max(_LEAST, asked.seconds * at_once / len(names))
    print(f"{len(names)} targets, {each:.0f} s each, {at_once} at once, seed {asked.seed}")

    def one(name: str) -> campaign.Outcome:
        folder = campaign.ROOT / ".fuzz"
        outcome = campaign.fuzz(name, folder, seconds=each, runs=-1, seed=asked.seed)
        print(outcome, flush=True)
        return outcome

    with ThreadPoolExecutor(at_once) as pool:
        outcomes = [*pool.map(one, names)]
    found = [outcome.name for outcome in outcomes if outcome.found is not None]
    print(f"{sum(outcome.runs for outcome in outcomes)} inputs, {len(found)} broken promises")
    return 1 if found else 0


sys.exit(main())
