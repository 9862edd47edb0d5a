"""Each planted bug is found: that measures the near misses, more than their number does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from native import backend
from tests.native import fronts
from tests.native.bugs import BUGS, Bug
from tests.native.caught import catcher, planted
from tests.native.fronts import Front


def test_there_are_enough_bugs_and_each_is_another() -> None:
    assert len(BUGS) >= 30
    assert (
        len({bug.name for bug in BUGS})
        == len({(bug.right, bug.wrong) for bug in BUGS})
        == len(BUGS)
    )


@pytest.mark.sampled(16)
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_found(
    bug: Bug, tmp_path: Path, world: Path, compiler: list[str], start: Callable[[Path], Front]
) -> None:
    program = fronts.build(tmp_path / "build", front=planted(bug, tmp_path / "build"))
    assert catcher(start(program), world), (
        f"nothing tells the front from one with this bug: {bug.name}"
    )


def test_the_front_without_a_bug_is_left_alone(
    tmp_path: Path, world: Path, compiler: list[str], start: Callable[[Path], Front]
) -> None:
    program = fronts.build(tmp_path / "build", front=backend.FRONT)
    assert catcher(start(program), world) is None
