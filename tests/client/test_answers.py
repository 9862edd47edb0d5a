"""The clocks and waits that an answer's headers tell of."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credhelper.client.http import answers

NOW = 1_800_000_000
TEXT = st.text(max_size=60)
DATES = st.from_regex(
    r"\A(Mon|Xyz|), ?\d{1,4} (Jan|Zed) -?\d{1,9} \d{1,4}:\d{1,4}:\d{1,4} [-+A-Z0-9]{0,9}\Z"
)


@pytest.mark.parametrize(
    ("ahead", "took", "skew"),
    [(0, 0, 0), (2, 0, 0), (-2, 0, 0), (3, 0, 3), (-3, 0, -3), (7200, 0, 7200), (-7200, 0, -7200),
     (10, 12, 0), (10, 4, 8), (-86400 * 400, 1, -86400 * 400)],
)  # fmt: skip
def test_the_skew_is_what_the_exchange_itself_cannot_explain(
    ahead: int, took: int, skew: int
) -> None:
    assert answers.skew(formatdate(NOW + ahead, usegmt=True), NOW, NOW + took) == skew


@pytest.fixture
def tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "JST-9")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize("zone", ["GMT", "-0000", "+0000", "UT", ""])
def test_a_date_without_a_zone_is_in_gmt(zone: str, tokyo: None) -> None:
    assert answers.skew(f"Fri, 15 Jan 2027 08:00:09 {zone}", NOW, NOW) == 9


@given(TEXT | DATES)
def test_no_date_breaks_the_reader(date: str) -> None:
    assert isinstance(answers.skew(date, NOW, NOW), int)


@given(TEXT | DATES | st.integers().map(str), TEXT | DATES)
def test_no_retry_after_is_negative_or_longer_than_a_day(value: str, date: str) -> None:
    failure = answers.refusal(
        "POST x", 429, {"Retry-After": value, "Date": date}, b"", hidden=[], now=NOW
    )

    assert failure.error.retry_after is None or 0 <= failure.error.retry_after <= 86400
