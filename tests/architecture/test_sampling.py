"""Which combinations of a test run each time, and in which order all tests start."""

from __future__ import annotations

import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from tests.hostile import test_every_protocol as every
from tests.hostile.conftest import NAMED
from tests.support import sampling

ROOT = Path(__file__).parent.parent.parent
PLAIN = """
import pytest

@pytest.mark.sampled(4)
@pytest.mark.parametrize("a", range(12))
@pytest.mark.parametrize("b", range(5))
def test_two(a, b):
    pass

@pytest.mark.sampled(4)
@pytest.mark.parametrize("a", range(8))
def test_one(a):
    pass

@pytest.mark.sampled(4)
@pytest.mark.parametrize(("a", "b"), [(number, -number) for number in range(8)])
def test_pair(a, b):
    pass

@pytest.mark.parametrize("a", range(20))
def test_whole(a):
    pass

@pytest.mark.waits
def test_last():
    pass
"""


def collected(folder: Path, *options: str, name: str = "") -> list[str]:
    """Return the tests that a suite with our conftest would run, in their order, or one of them."""
    file = folder / "test_it.py"
    file.write_text(PLAIN)
    words = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider"]
    words += ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(folder)]
    words += ["-p", "conftest", *options, f"{file}::{name}" if name else str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return [line.partition("::")[2] for line in done.stdout.splitlines() if "::" in line]


def test_a_sample_has_every_value_and_is_a_part(tmp_path: Path) -> None:
    found = collected(tmp_path)
    pairs = [name for name in found if name.startswith("test_two")]
    assert len(pairs) < 30
    for place, count in ((0, 5), (1, 12)):
        assert len({name[9:-1].split("-")[place] for name in pairs}) == count
    assert [name for name in found if name.startswith("test_one")] == ["test_one[0]", "test_one[4]"]
    together = [name for name in found if name.startswith("test_pair")]
    assert together == ["test_pair[0-0]", "test_pair[4--4]"]
    assert sum(name.startswith("test_whole") for name in found) == 20


def test_thorough_runs_every_combination(tmp_path: Path) -> None:
    found = collected(tmp_path, "--thorough")
    pairs = {name for name in found if name.startswith("test_two")}
    assert pairs == {f"test_two[{b}-{a}]" for a, b in product(range(12), range(5))}
    assert len(found) == 60 + 8 + 8 + 20 + 1


@pytest.mark.parametrize("options", [(), ("--thorough",)])
def test_what_waits_starts_early_and_all_others_keep_their_order(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    found = collected(tmp_path, *options)
    assert found.index("test_last") < len(found) / 2
    whole = [name for name in found if name.startswith("test_whole")]
    assert whole == [f"test_whole[{number}]" for number in range(20)]


def test_a_combination_that_is_named_runs_in_any_sample(tmp_path: Path) -> None:
    assert collected(tmp_path, name="test_one[3]") == ["test_one[3]"]


def test_every_input_of_a_long_list_meets_several_protocols() -> None:
    # By the numbers in the tests that go through these lists.
    broken = [what for what, _ in every.broken(every.DOCUMENTS[0].stdin)]
    for step, values, turns in (
        (4, every.STRANGERS, len(NAMED)),
        (2, every.SCHEMES, len(NAMED)),
        (3, broken, len(every.DOCUMENTS)),
    ):
        met = [value for turn in range(turns) for value in sampling.part(values, turn, step)]
        assert min(met.count(value) for value in values) >= 2
