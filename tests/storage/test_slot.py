"""A slot: what the disk does to it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from credhelper.core.flock import EarlyLocks
from credhelper.core.record import decode, encode
from credhelper.errors import (
    CacheError,
    CredhelperError,
    LockTimeoutError,
    LoginRequiredError,
    RateLimitedError,
    RejectedError,
    TokenAPIError,
    UnreachableError,
)
from credhelper.storage import locks
from credhelper.storage.slot import Slot
from tests.support.token_sources import ScriptedSource

NUMBERS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO, errno.EMFILE)
NAME = "a" * 32

Warnings = list[str]


@pytest.fixture
def warnings() -> Warnings:
    return []


@pytest.fixture
def slot(folder: Path, warnings: Warnings) -> Slot:
    return Slot(str(folder), NAME, warn=lambda message, hint: warnings.append(message))


def failing(monkeypatch: pytest.MonkeyPatch, step: str, number: int) -> None:
    """Make `os.step` fail, but for what only reads."""
    real: Callable[..., object] = getattr(os, step)

    def refuse(*arguments: object, **named: object) -> object:
        if step == "open" and not str(arguments[0]).endswith(".tmp"):
            return real(*arguments, **named)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, step, refuse)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("step", ["open", "write", "fsync", "replace"])
def test_a_disk_that_says_no_costs_one_warning_and_no_answer(
    folder: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int
) -> None:
    token_source = ScriptedSource(folder)
    token_source.answers = [token_source.token("new")]
    failing(monkeypatch, step, number)
    assert token_source.text() == "new"
    assert len(token_source.warnings) == 1
    assert token_source.warnings[0].startswith(f"cannot write to {folder}: {os.strerror(number)}")


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("step", ["open", "write", "fsync", "replace"])
def test_a_disk_that_says_no_keeps_the_old_token_and_has_no_other_made(
    folder: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int
) -> None:
    token_source = ScriptedSource(folder)
    token_source.hold("old", age=3580)
    token_source.answers = [token_source.token("new")]
    failing(monkeypatch, step, number)
    assert token_source.text() == "old"
    assert token_source.renewals == []
    monkeypatch.undo()
    found = token_source.slot.find()
    assert found
    assert found["token"] == "old"


def test_a_folder_that_cannot_be_made_costs_one_warning_and_no_answer(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    token_source = ScriptedSource(tmp_path / "file" / "cache")
    token_source.slot.lock_folders = (str(tmp_path / "locks"),)
    token_source.answers = [token_source.token("new")]
    assert token_source.text() == "new"
    assert len(token_source.warnings) == 1
    assert "cannot make folder" in token_source.warnings[0]


@pytest.mark.parametrize("mode", [0o755, 0o777, 0o710])
def test_nothing_is_read_from_or_written_to_a_folder_that_others_may_enter(
    slot: Slot, folder: Path, mode: int
) -> None:
    slot.save({"token": "t"})
    before = sorted(folder.iterdir())
    folder.chmod(mode)
    assert slot.find() is None
    assert slot.failure("", 0, 0) is None
    with pytest.raises(CacheError):
        slot.save({"token": "u"})
    assert sorted(folder.iterdir()) == before


def test_a_record_that_cannot_be_written_is_told_by_false(slot: Slot, warnings: Warnings) -> None:
    assert not slot.keep({"token": "a\nb"})
    assert len(warnings) == 1
    assert slot.find() is None


def test_to_remove_what_is_not_there_is_fine(slot: Slot) -> None:
    slot.save({"token": "t"})
    slot.remember(RejectedError("no"), "", 1000.0, 5)
    slot.remove()
    slot.remove()
    assert slot.find() is None
    assert slot.failure("", 1001.0, 1001.0) is None


def test_another_folder_has_the_lock_where_ours_has_none(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "local"
    slot = Slot(str(folder), NAME, warn=lambda *_: None, lock_folders=(str(other),))
    real = locks.acquire

    def only_elsewhere(path: str, **how: Any) -> locks.Lock | None:
        if path.startswith(str(folder)):
            raise locks.Unlockable("no locks available")
        return real(path, **how)

    monkeypatch.setattr(locks, "acquire", only_elsewhere)
    lock = slot.lock(0)
    assert lock
    assert slot.lock(0) is None
    assert [path.name for path in other.iterdir()] == [NAME + ".lock"]
    lock.release()


def test_no_place_for_a_lock_is_said_with_all_reasons(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    nowhere = str(tmp_path / "file" / "x")
    with pytest.raises(locks.Unlockable, match="cannot make folder"):
        Slot(nowhere, NAME, warn=lambda *_: None, lock_folders=(nowhere,)).lock(0)


def test_without_a_folder_nobody_waits_for_a_lock_that_guards_nothing(tmp_path: Path) -> None:
    slot = Slot(None, NAME, warn=lambda *_: None, lock_folders=(str(tmp_path / "locks"),))
    with pytest.raises(locks.Unlockable, match="no folder"):
        slot.lock(0)
    assert not (tmp_path / "locks").exists()


def test_a_failure_counts_for_its_time_and_for_those_who_waited(slot: Slot) -> None:
    slot.remember(RejectedError("no", "hint"), "g", 1000.0, 5)
    for now, since, counts in (
        (1000.0, 1000.0, True),
        (1004.9, 1004.9, True),
        (1005.1, 1005.1, False),
        (1030.0, 999.9, True),
        (1030.0, 1000.1, True),
        (1030.0, 1005.1, False),
        (-5000.0, -5000.0, False),
    ):
        found = slot.failure("g", now, since)
        assert bool(found) == counts, (now, since)
        if found:
            assert (found.message, found.hint) == ("no", "hint")
    assert slot.failure("h", 1001.0, 1001.0) is None


@pytest.mark.parametrize(
    "error",
    [
        RateLimitedError("busy", "later", status=429, retry_after=7.25),
        RateLimitedError("busy", status=429, retry_after=0.0),
        UnreachableError("gone"),
        RejectedError("no", status=403),
        TokenAPIError("odd", status=418, retryable=True),
        LoginRequiredError("who are you", "credhelper login"),
        CredhelperError("it changes", retryable=True),
        LockTimeoutError("held", retryable=False),
    ],
    ids=lambda error: error.message,
)
def test_a_remembered_failure_is_told_as_it_was(slot: Slot, error: CredhelperError) -> None:
    slot.remember(error, "g", 1000.0, 5)
    found = slot.failure("g", 1001.0, 1001.0)
    assert type(found) is type(error)
    assert found is not None
    assert vars(found) == {**vars(error), "retryable": error.retryable}


def test_a_failure_of_an_older_version_has_no_status(slot: Slot, folder: Path) -> None:
    slot.remember(RateLimitedError("busy", status=429, retry_after=7), "g", 1000.0, 5)
    path = folder / f"{NAME}.failed"
    fields = decode(path.read_bytes())
    assert fields is not None
    del fields["status"], fields["retry_after"]
    path.write_bytes(encode(fields))
    found = slot.failure("g", 1001.0, 1001.0)
    assert isinstance(found, RateLimitedError)
    assert (found.status, found.retry_after, found.retryable) == (None, None, True)


def test_a_failure_counts_for_those_who_began_to_wait_in_its_very_millisecond(slot: Slot) -> None:
    slot.remember(RejectedError("no"), "g", 1000.0004, 5)
    assert slot.failure("g", 1030.0, 1000.0003)


def test_a_failure_counts_for_those_who_waited_at_the_gate(folder: Path) -> None:
    early = EarlyLocks()
    slot = Slot(str(folder), NAME, warn=lambda *_: None, early=early)
    slot.remember(RejectedError("no"), "g", 1000.0, 5)
    assert slot.failure("g", 1030.0, 1030.0) is None
    early.since = 999.0
    assert slot.failure("g", 1030.0, 1030.0)


def test_a_broken_memory_is_none(slot: Slot, folder: Path) -> None:
    slot.remember(RejectedError("no"), "", 1000.0, 5)
    path = folder / f"{NAME}.failed"
    path.write_bytes(path.read_bytes()[:-1])
    assert slot.failure("", 1001.0, 1001.0) is None


def test_a_record_from_another_grant_is_set_aside(slot: Slot, folder: Path) -> None:
    slot.save({"token": "one", "grant": "1"})
    slot.save({"token": "two", "grant": "1"})
    assert not list(folder.glob("*.old"))
    slot.save({"token": "three", "grant": "2"})
    (aside,) = folder.glob("*.old")
    assert b"token=two" in aside.read_bytes()


def test_the_mark_of_a_logout_counts_for_what_began_before_it(slot: Slot, folder: Path) -> None:
    other_value = Slot(str(folder), NAME + "-0123456789abcdef", warn=lambda *_: None)
    slot.mark_gone(1000.0)
    for each in (slot, other_value):
        assert each.gone_since(999.0, 1001.0)
        assert not each.gone_since(1000.5, 1001.0)
        assert not each.gone_since(900.0, 990.0)  # a clock that is ahead takes nothing back


def test_a_failure_from_a_clock_that_is_ahead_locks_nobody_out(slot: Slot) -> None:
    slot.remember(RejectedError("no", "hint"), "g", 2800.0, 5)
    assert slot.failure("g", 1000.0, 1000.0) is None
    assert slot.failure("g", 2801.0, 2801.0) is not None
