"""Platforms without flock: filelock keeps the gate instead."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from credhelper.storage import files


def test_one_at_a_time_holds_the_lock_and_the_next_gets_it(tmp_path: Path) -> None:
    path = str(tmp_path / "record.lock")
    first = files.without_flock(path, 0)
    assert first is not None
    assert files.without_flock(path, 0.1) is None
    first.release()
    second = files.without_flock(path, 0)
    assert second is not None
    second.release()


def test_the_lock_file_is_for_us_alone(tmp_path: Path) -> None:
    path = tmp_path / "record.lock"
    lock = files.without_flock(str(path), 0)
    assert lock is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lock.release()


def test_a_place_without_locks_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(files.Unlockable, match="lock file"):
        files.without_flock(str(tmp_path), 0)


def test_acquire_goes_there_when_there_is_no_flock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "has_flock", lambda: False)
    path = str(tmp_path / "record.lock")
    lock = files.acquire(path, wait=0, alarm=True)
    assert lock is not None
    assert files.acquire(path, wait=0, alarm=False) is None
    lock.release()
