"""A part of many combinations: what runs each time, where all of them take too long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TypeVar

import pytest

T = TypeVar("T")

# Nearly every test in these starts programs, a tenth of a second each. Of those that differ in
# their parameters alone, a quarter runs each time.
FOLDERS = tuple(
    f"tests/{name}/"
    for name in (
        "agent",
        "cli",
        "doctor",
        "edge",
        "fleet",
        "hostile",
        "renewal",
        "setup",
        "tokenfile",
    )
)
_STEP = 4
_FEW = 3  # that many run in any case


def beyond(items: Iterable[pytest.Item]) -> Iterator[pytest.Item]:
    """Give the tests that a sample leaves out.

    Of a test that is marked `sampled(n)`, each n-th combination of its parameters stays, and each
    that has a value of a parameter which no other has that stays. Names that are given together, in
    one `parametrize`, are one parameter. In `FOLDERS` n is 4 where nothing else is said.
    """
    for _, group in groupby(items, key=lambda item: item.nodeid.partition("[")[0]):
        tests = list(group)
        if marker := tests[0].get_closest_marker("sampled"):
            (step,) = marker.args
        elif tests[0].nodeid.startswith(FOLDERS) and len(tests) > _FEW:
            step = _STEP
        else:
            continue
        seen: set[tuple[str, ...]] = set()
        for number, test in enumerate(tests):
            values = _values(test)
            if number % step and (len(values) < 2 or values <= seen):
                yield test
            else:
                seen |= values


def _values(test: pytest.Item) -> set[tuple[str, ...]]:
    """Return the parameters of a test, each as its names, and its values as text."""
    spec = getattr(test, "callspec", None)
    left = dict(spec.params) if spec else {}
    found: set[tuple[str, ...]] = set()
    for marker in test.iter_markers("parametrize"):
        given = marker.args[0]
        names = [name.strip() for name in given.split(",")] if isinstance(given, str) else given
        found.add((*names, *(repr(left.pop(name)) for name in names)))
    return found | {(name, repr(value)) for name, value in left.items()}


def part(values: Sequence[T], number: int, step: int) -> Sequence[T]:
    """Return every `step`-th of `values`, beginning elsewhere for each `number`."""
    return values[number % step :: step]


def spread(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Return all tests in their order, but those that are marked `waits` among the first half.

    One at the end of a run would be waited for, and many of them one after another as well.
    """
    waiting = [item for item in items if item.get_closest_marker("waits")]
    others = [item for item in items if not item.get_closest_marker("waits")]
    step = max(1, len(others) // (2 * len(waiting) or 1))
    found = []
    for number, item in enumerate(others):
        if number % step == 0 and number // step < len(waiting):
            found.append(waiting[number // step])
        found.append(item)
    return found + waiting[(len(others) + step - 1) // step :]
