"""Rejecting: a slow process must not wipe its neighbour's new token, nor a loop make many."""

from __future__ import annotations

from pathlib import Path

import pytest

from credhelper.storage import files
from tests.support.desks import Desk


def held(desk: Desk) -> str | None:
    """Return the token that the cache holds."""
    fields = desk.slot.find()
    return fields["token"] if fields else None


def test_the_very_token_is_forgotten(desk: Desk) -> None:
    desk.hold("old", age=100)
    assert desk.reject("old")
    assert desk.text() == "new"


@pytest.mark.parametrize("other", ["older", "ol", "old ", "OLD", "", "óld", "old\0", "\ud800"])
def test_another_token_is_left_alone(desk: Desk, other: str) -> None:
    desk.hold("old", age=100)
    assert not desk.reject(other)
    assert held(desk) == "old"


def test_an_empty_cache_forgets_nothing(desk: Desk, folder: Path) -> None:
    assert not desk.reject("old")
    assert not desk.reject("")
    assert list(folder.iterdir()) == []


def test_the_first_reject_of_a_young_token_keeps_it(desk: Desk) -> None:
    desk.hold("young", age=59)
    assert not desk.reject("young")
    assert desk.text() == "young"
    assert desk.reject("young")
    assert desk.text() == "new"


def test_a_token_of_a_minute_is_not_young(desk: Desk) -> None:
    desk.hold("old", age=60)
    assert desk.reject("old")


def test_at_most_one_token_in_ten_seconds_is_forgotten(desk: Desk) -> None:
    desk.hold("old", age=100)
    made = 0
    for _ in range(40):
        desk.answers = [desk.token(f"token-{made}")]
        text = desk.text()
        made = len(desk.renewals)
        desk.reject(text)
        desk.now += 0.5
    assert made <= 3  # in twenty seconds


def test_a_pause_from_a_clock_that_was_ahead_ends(desk: Desk) -> None:
    desk.hold("next", age=100)
    fields = desk.slot.find()
    assert fields
    desk.slot.save({**fields, "rejected_at": str(int(desk.now) + 10**6)})
    assert desk.reject("next")


def test_a_neighbours_new_token_survives_the_wait_for_the_lock(desk: Desk, folder: Path) -> None:
    desk.hold("old", age=100)
    desk.slot.before_lock = lambda: Desk(folder).hold("neighbours")
    assert not desk.reject("old")
    assert held(desk) == "neighbours"


def test_the_token_of_another_grant_is_not_ours_to_forget(folder: Path) -> None:
    Desk(folder, stamp="1:1:1").hold("theirs", age=100)
    assert not Desk(folder, stamp="2:2:2").reject("theirs")


def test_a_reject_makes_no_token(desk: Desk) -> None:
    desk.hold("old", age=100)
    desk.reject("old")
    assert desk.renewals == []


def test_a_reject_lets_the_lock_go(desk: Desk) -> None:
    desk.hold("old", age=100)
    desk.reject("old")
    lock = desk.slot.lock(0)
    assert lock
    lock.release()


def test_a_reject_works_where_there_are_no_locks(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise files.Unlockable("no locks available")

    monkeypatch.setattr(files, "acquire", refuse)
    desk.hold("old", age=100)
    assert desk.reject("old")
