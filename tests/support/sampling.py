"""Which combinations are tried, where to try all takes too long for each run.

The rule knows no chance and no date. `--thorough` tries all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import pytest

_Value = TypeVar("_Value")


def takes(item: pytest.Item) -> bool:
    """Tell whether a test is in the sample that its mark `one_in(number)` asks for.

    Two parameters of at least `number` values make a Latin square: each value of one meets as many
    values of the other as the sample allows, and none is left out.
    """
    mark = item.get_closest_marker("one_in")
    if mark is None or not isinstance(item, pytest.Function):
        return True
    return in_sample(item.callspec.indices.values(), int(mark.args[0]))


def in_sample(indices: Iterable[int], number: int) -> bool:
    """Tell whether the combination of the values with these indices is one in `number`."""
    return sum(indices) % number == 0


def one_in(number: int, values: Sequence[_Value], turn: int, thorough: bool) -> list[_Value]:
    """Return one in `number` of the values, or all if `thorough`.

    Parameters: `turn`, the number of the caller among those who try the same values. Each turn
    begins with another value, so that `number` turns try all of them.
    """
    return list(values) if thorough else list(values[turn % number :: number])
