"""A sample leaves out no value, only combinations; and it is the same in each run."""

from __future__ import annotations

import itertools

import pytest

from tests.hostile import test_every_protocol as every
from tests.hostile.conftest import NAMED
from tests.support.sampling import in_sample, one_in


@pytest.mark.parametrize("sizes", [(3, 3), (3, 20), (12, 20), (2, 4, 20)])
@pytest.mark.parametrize("number", [2, 3])
def test_each_value_of_each_parameter_is_in_a_sample(number: int, sizes: tuple[int, ...]) -> None:
    every = list(itertools.product(*map(range, sizes)))
    taken = [indices for indices in every if in_sample(indices, number)]
    assert len(taken) <= len(every) / number + len(every) / min(sizes)
    for place, size in enumerate(sizes):
        assert {indices[place] for indices in taken} == set(range(size))


@pytest.mark.parametrize("number", range(1, 7))
def test_as_many_turns_as_a_sample_is_small_try_all(number: int) -> None:
    values = list(range(20))
    turns = [one_in(number, values, turn, False) for turn in range(7, 7 + number)]
    assert sorted(itertools.chain(*turns)) == values
    assert one_in(number, values, 0, True) == values


def test_every_input_meets_several_protocols() -> None:
    # By the numbers in the tests that go through these lists.
    for number, values, turns in (
        (4, every.STRANGERS, len(NAMED)),
        (2, every.SCHEMES, len(NAMED)),
        (3, [what for what, _ in every.broken(every.DOCUMENTS[0].stdin)], len(every.DOCUMENTS)),
    ):
        met = [value for turn in range(turns) for value in one_in(number, values, turn, False)]
        assert min(met.count(value) for value in values) >= 2
