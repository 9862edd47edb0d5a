"""When hosts look for the next token: each at a moment of its own, before any caller needs it."""

from __future__ import annotations

import pytest

from credhelper.core.record import number
from credhelper.fleet import payload

ISSUED = 1_000_000
PARTS = [part / 50 for part in range(51)]


def looks(life: int, part: float, *, now: int = ISSUED, skew: int = 0, **how: float) -> int:
    fields = {"issued": str(ISSUED), "expires": str(ISSUED + life), "skew": str(skew)}
    return number(payload.spread(fields, now, part, **how), "due")


@pytest.mark.parametrize("life", [10, 100, 3600, 86400, 30 * 86400])
@pytest.mark.parametrize("margin", [0, 10, 60, 900])
def test_nobodys_moment_lies_in_the_margin(life: int, margin: int) -> None:
    # There all of them would ask in the second in which the margin begins.
    soft = ISSUED + life - min(margin, life / 2)
    found = [looks(life, part, margin=margin) for part in PARTS]

    assert max(found) <= soft
    assert min(found) >= soft - min(life / 10, 3600) - 1
    assert found == sorted(found)


def test_the_moments_of_many_hosts_lie_apart() -> None:
    found = [looks(3600, part) for part in PARTS]

    assert max(found) - min(found) == 360
    assert len(set(found)) == len(PARTS)


def test_who_gets_a_token_late_looks_in_what_is_left() -> None:
    now = ISSUED + 3600 - 60 - 100

    assert [looks(3600, part, now=now) for part in (0, 0.5, 1)] == [now, now + 50, now + 100]


def test_the_moment_is_of_this_hosts_clock() -> None:
    assert looks(3600, 0, skew=500) == looks(3600, 0) - 500
