"""Fresh, stale, expired: the tables, and what holds for any numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credhelper.core.record import EXPIRED, FRESH, STALE, Held, held_in, judge

NOW = 1_800_000_000


def held(left: int, life: int = 3600, **fields: str) -> Held:
    """Return a token with `left` seconds to live, of `life`."""
    numbers = {"issued": str(NOW + left - life), "expires": str(NOW + left)}
    return Held({"token": "t", "host": "here", **numbers, **fields}, "here")


@pytest.mark.parametrize(
    ("left", "life", "margin", "min_ttl", "expected"),
    [
        (3600, 3600, 60, 0, FRESH),
        (61, 3600, 60, 0, FRESH),
        (60, 3600, 60, 0, STALE),
        (11, 3600, 60, 0, STALE),
        (10, 3600, 60, 0, EXPIRED),  # told a little earlier than it is
        (0, 3600, 60, 0, EXPIRED),
        (-5, 3600, 0, 0, EXPIRED),
        (11, 3600, 0, 0, FRESH),
        (901, 3600, 900, 0, FRESH),
        (900, 3600, 900, 0, STALE),
        (31, 60, 300, 0, FRESH),  # a margin is never more than half of the lifetime
        (30, 60, 300, 0, STALE),
        (610, 3600, 60, 600, FRESH),
        (609, 3600, 60, 600, EXPIRED),  # min_ttl is hard
        (1, 1, 60, 0, FRESH),
        (1, 5, 0, 0, FRESH),
    ],
)
def test_the_verdict_knows_the_margin_and_the_least_life(
    left: int, life: int, margin: int, min_ttl: int, expected: str
) -> None:
    assert judge(held(left, life), NOW, margin=margin, min_ttl=min_ttl) == expected


def test_nothing_held_is_expired() -> None:
    assert judge(None, NOW, margin=0, min_ttl=0) == EXPIRED


def test_a_session_that_is_due_makes_its_token_stale() -> None:
    assert judge(held(3000, due=str(NOW)), NOW, margin=0, min_ttl=0) == STALE
    assert judge(held(3000, due=str(NOW + 1)), NOW, margin=0, min_ttl=0) == FRESH


@pytest.mark.parametrize("skew", [-7200, -3, 0, 5, 7200])
def test_a_skew_counts_on_the_host_that_measured_it_alone(skew: int) -> None:
    fields = {
        "token": "t",
        "host": "here",
        "skew": str(skew),
        "issued": str(NOW + skew),
        "expires": str(NOW + skew + 600),
        "not_before": str(NOW + skew),
    }
    assert Held(fields, "here").expires_at == NOW + 600
    assert Held(fields, "here").not_before == NOW
    assert Held(fields, "there").expires_at == NOW + skew + 600
    assert Held(fields, "here").lifetime == Held(fields, "there").lifetime == 600


@pytest.mark.parametrize(
    "fields",
    [None, {}, {"token": ""}, {"grant": "a"}, {"token": "t", "grant": "b"}, {"token": "t"}],
)
def test_what_is_empty_or_of_another_grant_is_not_held(fields: dict[str, str] | None) -> None:
    assert held_in(fields, "a", "here") is None


@pytest.mark.parametrize(
    "text", ["", "soon", "1e9", "+5", " 5", "5 ", "\u0665", "²", "--5", "-", "1_0", "9" * 16]
)
def test_a_time_that_is_no_plain_number_is_long_ago(text: str) -> None:
    found = Held({"token": "t", "issued": text, "expires": text, "due": text}, "here")
    assert (found.issued_at, found.expires_at, found.due) == (0, 0, 0)
    assert judge(found, NOW, margin=0, min_ttl=0) == EXPIRED


seconds = st.integers(-(10**6), 10**6)
life = st.integers(1, 10**7)


@given(left=seconds, life=life, margin=st.integers(0, 10**8), min_ttl=st.integers(0, 10**8))
def test_no_margin_takes_more_than_half_of_a_life(
    left: int, life: int, margin: int, min_ttl: int
) -> None:
    found = held(left, life)
    state = judge(found, NOW, margin=margin, min_ttl=min_ttl)
    assert found.stale_at(margin) >= found.issued_at + life / 2
    assert found.advertised <= found.expires_at
    assert found.expires_at - found.advertised <= life / 10
    if state != EXPIRED:
        assert found.advertised - NOW >= min_ttl
        assert found.advertised > NOW
    if state == STALE:
        assert found.expires_at - margin <= NOW or found.issued_at > NOW


@given(left=seconds, life=life, margin=st.integers(0, 10**6), later=st.integers(0, 10**6))
def test_a_token_never_gets_fresher(left: int, life: int, margin: int, later: int) -> None:
    order = [FRESH, STALE, EXPIRED]
    found = held(min(left, life), life)
    first = order.index(judge(found, NOW, margin=margin, min_ttl=0))
    assert order.index(judge(found, NOW + later, margin=margin, min_ttl=0)) >= first


@pytest.mark.parametrize("skew", [-10800, 0])
def test_what_comes_from_the_future_is_due_and_lives_no_longer_for_it(skew: int) -> None:
    # Made by a clock three hours ahead that is right now.
    made = NOW if skew else NOW + 10800
    fields = {"issued": str(made), "expires": str(made + 3600), "skew": str(skew)}
    ahead = Held({"token": "t", "host": "here", **fields}, "here")
    assert judge(ahead, NOW + 5, margin=0, min_ttl=0) == STALE
    if skew:
        assert judge(ahead, NOW + 3600, margin=0, min_ttl=0) == EXPIRED
