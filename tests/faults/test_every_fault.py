"""A sample of all faults at all operations: `python -m tests.faults` has the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults import campaign
from tests.faults.known import EXPECTED_FAILURES, MENDED
from tests.faults.promises import PROMISES
from tests.faults.scenario import Scenario
from tests.faults.scenarios import LONG, SCENARIOS, SHORT
from tests.faults.stage import Stage
from tests.support.sandboxes import RunningSandbox

NAMED = (*campaign.EXAMPLES, *MENDED)

Play = Callable[[Scenario], None]


@pytest.fixture
def play(tmp_path: Path, running_sandbox: RunningSandbox, library: Path) -> Iterator[Play]:
    """Give this test a way to play the sample of a scenario, and to see that nothing breaks."""
    stage = Stage(tmp_path, running_sandbox)
    yield lambda scenario: _played(stage, scenario, library)
    stage.stop()


@pytest.mark.sampled(4)
@pytest.mark.parametrize("scenario", SHORT.values(), ids=lambda scenario: scenario.name)
def test_no_fault_breaks_a_promise(scenario: Scenario, play: Play) -> None:
    play(scenario)


@pytest.mark.sampled(7)
@pytest.mark.parametrize("scenario", LONG.values(), ids=lambda scenario: scenario.name)
def test_no_fault_breaks_a_promise_of_what_takes_longer(scenario: Scenario, play: Play) -> None:
    play(scenario)


def _played(stage: Stage, scenario: Scenario, library: Path) -> None:
    scenario.prepare(stage)
    stage.keep()
    cases = campaign.sample(scenario, campaign.counted(stage, scenario, library))
    known, surprises, mended = set(), [], []
    for case in cases:
        ended, broken = campaign.judged(stage, scenario, case, library)
        # The operations of several processes come in no fixed order.
        assert ended.befell or scenario.several, f"{case} was not reached"
        lines = {each: campaign.finding(case, each) for each in broken}
        known |= {line.finding for line in lines.values() if line}
        surprises += [f"{case}: {each}" for each, line in lines.items() if not line]
        if not broken and str(case) in campaign.EXAMPLES:
            mended.append(str(case))
    assert not surprises
    assert not mended, "take them from EXPECTED_FAILURES to MENDED"
    named = {each for each in NAMED if each.startswith(f"{scenario.name} ")}
    assert named <= set(map(str, cases)), "no such operations any more"
    if known:
        pytest.xfail(f"known: {', '.join(sorted(known))}")


def test_every_kind_of_path_is_covered_by_some_scenario() -> None:
    assert {name for one in SCENARIOS.values() for name in one.covers} == campaign.CLASSES


def test_every_line_of_known_failures_names_what_there_is() -> None:
    for known in EXPECTED_FAILURES:
        assert set(known.promises) <= PROMISES.keys()
        assert known.examples or " hang " in known.cases
    for example in NAMED:
        scenario, fault, kind, *_ = example.split()
        assert scenario in SCENARIOS
        assert kind in campaign.FAULTS[fault].kinds
