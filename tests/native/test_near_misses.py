"""The front says what Python says, or nothing: for near misses, one by one and mixed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.native import cases, changes
from tests.native.cases import BASES, Case
from tests.native.changes import CHANGES, Change
from tests.native.fronts import Answer, Front

Start = Callable[[Path], Front]
PARTS, EACH = 5, 1000  # of the mixed ones: how many processes, and decisions in each
ALONE = sum(base in change.of for base in BASES for change in CHANGES)


def test_there_are_enough_decisions() -> None:
    assert ALONE >= 4800, ALONE
    # A part of the mixed ones runs each time, and all of them in CI.
    assert ALONE + EACH >= 5000
    assert ALONE + PARTS * EACH >= 9_000


def compare(case: Case, want: bytes | None, got: Answer, *, odd: bool, strange: bool) -> str:
    """Return how both fronts answered. Raises AssertionError unless the front may answer so."""
    reads = case.protocol in ("git", "docker")
    if got.reply is None:
        assert want is None or odd, ("the front could have answered", want)
        assert got.left == len(case.stdin), "it took from stdin what Python reads"
        return "left to Python" if want is None else "left, though Python would answer"
    assert not strange, "the front cannot know what this means"
    assert got.reply == want, (got.reply, want)
    assert not reads or got.left == 0, "the request is still in stdin"
    return "answered"


@pytest.mark.parametrize("base", BASES)
def test_both_fronts_agree_on_each_near_miss(
    base: str, sanitized: Path, start: Start, world: Path
) -> None:
    front = start(sanitized)
    seen: Counter[str] = Counter()
    for change in CHANGES:
        if base not in change.of:
            continue
        case = BASES[base]()
        change.apply(case)
        places = cases.write(case, world)
        want = cases.python_says(case, places)
        got = front.ask(case, places)
        try:
            seen[compare(case, want, got, odd=change.odd, strange=change.strange)] += 1
        except AssertionError as error:
            raise AssertionError(f"{base}, {change.name}: {error}") from None
    assert sum(seen.values()) == sum(base in change.of for change in CHANGES)
    # Neither side of the line is empty, or there is nothing that these cases show.
    assert seen["answered"] > 200, seen
    assert seen["left to Python"] > 300, seen


@st.composite
def mixed(draw: st.DrawFn) -> tuple[str, list[Change], tuple[str, float, int, int]]:
    """Draw a base, some changes of it, and a change of one byte."""
    base = draw(st.sampled_from(sorted(BASES)))
    fitting = [change for change in CHANGES if base in change.of]
    some = draw(st.lists(st.sampled_from(fitting), min_size=1, max_size=4))
    where = draw(st.sampled_from(("", "", "routes", "record", "record and sum", "stdin")))
    at = draw(st.floats(0, 1, exclude_max=True))
    byte = draw(st.one_of(st.sampled_from(b'\n\t\0=: \r\x7f\xff/%0-9aA"'), st.integers(0, 255)))
    return base, some, (where, at, byte, draw(st.integers(0, 2)))


def _bent(data: bytes, at: float, byte: int, how: int) -> bytes:
    place = int(at * (len(data) + 1))
    return data[:place] + bytes([byte])[: how < 2] + data[place + (how > 0) :]


def _bend(case: Case, where: str, at: float, byte: int, how: int) -> None:
    if where == "stdin":
        case.raw = _bent(case.stdin, at, byte, how)
    elif where:
        name, _, summed = where.partition(" ")
        before = case.damage.get(name, bytes)

        def damage(data: bytes) -> bytes:
            data = _bent(before(data), at, byte, how)
            return changes.resummed(data) if summed else data

        case.damage[name] = damage


@pytest.mark.sampled(PARTS)
@pytest.mark.parametrize("number", range(PARTS))
def test_both_fronts_agree_on_mixed_near_misses(
    number: int, sanitized: Path, start: Start, world: Path
) -> None:
    front = start(sanitized)
    seen: Counter[str] = Counter()

    @settings(max_examples=EACH, suppress_health_check=list(HealthCheck), database=None)
    @given(mixed())
    def agree(drawn: tuple[str, list[Change], tuple[str, float, int, int]]) -> None:
        base, some, bend = drawn
        case = BASES[base]()
        try:
            for change in some:
                change.apply(case)
            _bend(case, *bend)
            places = cases.write(case, world)
        except (AssertionError, LookupError, OSError, ValueError):
            assume(False)  # two changes that do not go together
        odd = any(change.odd for change in some) or bool(bend[0])
        want = cases.python_says(case, places)
        got = front.ask(case, places)
        seen[compare(case, want, got, odd=odd, strange=False)] += 1

    agree()
    assert sum(seen.values()) >= EACH, seen
    assert seen["answered"] > 50, seen
