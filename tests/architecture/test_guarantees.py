"""docs/guarantees.md: each guarantee is told in the same way, and the tests that it names exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/guarantees.md").read_text()
GUARANTEES = dict(
    re.findall(r"^### (.+)\n\n((?:(?!#).*\n)+)", PAGE, re.MULTILINE),
)
_NAMED = re.compile(r"`(tests/[\w/]+\.py::\w+)`")
_POINT = re.compile(r"^- \*\*([\w ]+):\*\* ", re.MULTILINE)
NAMED = sorted({name for body in GUARANTEES.values() for name in _NAMED.findall(body)})


def test_every_guarantee_is_found() -> None:
    assert len(GUARANTEES) == PAGE.count("\n### ")
    assert len(GUARANTEES) > 25


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_a_guarantee_tells_its_conditions_and_its_tests(guarantee: str) -> None:
    told = _POINT.findall(GUARANTEES[guarantee])
    order = ["Conditions", "Not promised", "Test", "Measured", "Others"]
    assert told == [point for point in order if point in told]
    assert {"Conditions", "Test"} <= set(told)
    proof = GUARANTEES[guarantee].partition("- **Test:** ")[2].partition("\n- ")[0]
    assert _NAMED.findall(proof)
    assert not _NAMED.sub("", proof).strip(" ,\n"), "nothing but names of tests"


def test_every_test_that_is_named_is_collected(request: pytest.FixtureRequest) -> None:
    here = {item.nodeid.partition("[")[0] for item in request.session.items}
    others = [name for name in NAMED if name not in here]
    if not others:
        return  # a run of all tests has collected them already
    # In a process of its own, which ends as a mistake where one of them is not there.
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:xdist", *others]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    collected = {line.partition("[")[0] for line in done.stdout.split("\n") if "::" in line}
    assert collected == set(others)


def test_figures_are_those_that_were_measured() -> None:
    """README and the guarantees quote what `benchmarks/peers.py` wrote into the comparison."""
    page = (ROOT / "docs/comparison.md").read_text()
    measured = page.partition("<!-- figures")[2].partition("<!-- end of figures -->")[0]
    cells = set(re.findall(r"(?<=[| ])\d+(?:\.\d+)?(?= )", measured))
    readme = (ROOT / "README.md").read_text()
    quoted = re.findall(r"^- A warm answer (?:.+\n)+?(?=- |\n)", readme, re.MULTILINE)
    assert quoted
    for body in GUARANTEES.values():
        quoted += re.findall(
            r"^- \*\*(?:Measured|Others):\*\* (?:.+\n)+?(?=- |\Z)", body, re.MULTILINE
        )
    assert len(quoted) > 3
    for text in quoted:
        assert set(re.findall(r"\b\d+(?:\.\d+)?\b", text)) <= cells, text
