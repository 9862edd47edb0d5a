"""Rejecting: a slow process must not wipe its neighbour's new token, nor a loop make many."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from credhelper.storage import locks
from tests.support.token_sources import ScriptedSource


def held(token_source: ScriptedSource) -> str | None:
    """Return the token that the cache holds."""
    fields = token_source.slot.find()
    return fields["token"] if fields else None


def test_the_very_token_is_forgotten(token_source: ScriptedSource) -> None:
    token_source.hold("old", age=100)
    assert token_source.reject("old")
    assert token_source.text() == "new"


@pytest.mark.parametrize("other", ["older", "ol", "old ", "OLD", "", "óld", "old\0", "\ud800"])
def test_another_token_is_left_alone(token_source: ScriptedSource, other: str) -> None:
    token_source.hold("old", age=100)
    assert not token_source.reject(other)
    assert held(token_source) == "old"


def test_an_empty_cache_forgets_nothing(token_source: ScriptedSource, folder: Path) -> None:
    assert not token_source.reject("old")
    assert not token_source.reject("")
    assert list(folder.iterdir()) == []


def test_the_first_reject_of_a_young_token_keeps_it(token_source: ScriptedSource) -> None:
    token_source.hold("young", age=59)
    assert not token_source.reject("young")
    assert token_source.text() == "young"
    assert token_source.reject("young")
    assert token_source.text() == "new"


def test_a_token_of_a_minute_is_not_young(token_source: ScriptedSource) -> None:
    token_source.hold("old", age=60)
    assert token_source.reject("old")


def test_a_token_that_a_clock_set_back_finds_in_the_future_is_not_young(
    token_source: ScriptedSource,
) -> None:
    token_source.hold("old", age=-3 * 86400)
    assert token_source.reject("old")


def test_at_most_one_token_in_ten_seconds_is_forgotten(token_source: ScriptedSource) -> None:
    token_source.hold("old", age=100)
    made = 0
    for _ in range(40):
        token_source.answers = [token_source.token(f"token-{made}")]
        text = token_source.text()
        made = len(token_source.renewals)
        token_source.reject(text)
        token_source.now += 0.5
    assert made <= 3  # in twenty seconds


def test_a_pause_from_a_clock_that_was_ahead_ends(token_source: ScriptedSource) -> None:
    token_source.hold("next", age=100)
    fields = token_source.slot.find()
    assert fields
    token_source.slot.save({**fields, "rejected_at": str(int(token_source.now) + 10**6)})
    assert token_source.reject("next")


def test_a_neighbours_new_token_survives_the_wait_for_the_lock(
    token_source: ScriptedSource, folder: Path
) -> None:
    token_source.hold("old", age=100)
    token_source.slot.before_lock = lambda: ScriptedSource(folder).hold("neighbours")
    assert not token_source.reject("old")
    assert held(token_source) == "neighbours"


def test_the_token_of_another_grant_is_not_ours_to_forget(folder: Path) -> None:
    ScriptedSource(folder, stamp="1:1:1").hold("theirs", age=100)
    assert not ScriptedSource(folder, stamp="2:2:2").reject("theirs")


def test_a_reject_makes_no_token(token_source: ScriptedSource) -> None:
    token_source.hold("old", age=100)
    token_source.reject("old")
    assert token_source.renewals == []


def test_a_reject_lets_the_lock_go(token_source: ScriptedSource) -> None:
    token_source.hold("old", age=100)
    token_source.reject("old")
    lock = token_source.slot.lock(0)
    assert lock
    lock.release()


@pytest.fixture
def full_disk(token_source: ScriptedSource, monkeypatch: pytest.MonkeyPatch) -> ScriptedSource:
    """Give a token source that holds an old token, and whose disk is full by now."""
    token_source.hold("old", age=100)
    monkeypatch.setattr(os, "write", no_room)
    return token_source


def no_room(*_: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_refused_token_is_not_served_on_because_the_disk_is_full(
    full_disk: ScriptedSource,
) -> None:
    assert full_disk.reject("old")
    assert held(full_disk) is None
    assert full_disk.text() == "new"


def test_a_young_token_that_cannot_be_marked_is_forgotten(
    full_disk: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_disk.now -= 90
    assert full_disk.reject("old")
    assert held(full_disk) is None


def test_a_stale_token_is_not_made_anew_at_each_call_because_the_disk_is_full(
    full_disk: ScriptedSource,
) -> None:
    full_disk.now += 3480
    assert [full_disk.text() for _ in range(5)] == ["old"] * 5
    assert full_disk.renewals == []
    assert full_disk.warnings == []


def test_what_is_known_of_clocks_survives_a_reject(folder: Path) -> None:
    late, mine = ScriptedSource(folder, host="late"), ScriptedSource(folder)
    late.answers = [late.token("theirs", skew=60)]
    late.text()
    late.now += 100
    assert late.reject("theirs")
    mine.now += 100
    mine.answers = [mine.token("mine")]
    mine.text()
    fields = mine.slot.find()
    assert fields
    assert fields["skews"].startswith("late:60:")


def test_a_reject_works_where_there_are_no_locks(
    token_source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise locks.Unlockable("no locks available")

    monkeypatch.setattr(locks, "acquire", refuse)
    token_source.hold("old", age=100)
    assert token_source.reject("old")
