"""Files and folders that may be believed: ours, and closed to everybody else."""

from __future__ import annotations

import errno
import os
import posix
from pathlib import Path

import pytest

from credhelper.core import paths

DATA = b"what we wrote"


def written(folder: Path, mode: int = 0o600) -> Path:
    path = folder / "record"
    path.write_bytes(DATA)
    path.chmod(mode)
    return path


def test_a_private_file_of_ours_is_believed(folder: Path) -> None:
    assert paths.read_private(str(written(folder))) == DATA


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o602, 0o601, 0o610, 0o644, 0o666, 0o777])
def test_a_file_that_others_may_touch_is_a_miss(folder: Path, mode: int) -> None:
    assert paths.read_private(str(written(folder, mode))) is None


def test_a_symlink_is_a_miss_wherever_it_leads(folder: Path) -> None:
    written(folder)
    (folder / "link").symlink_to("record")
    (folder / "dangling").symlink_to("nowhere")
    (folder / "loop").symlink_to("loop")
    for name in ("link", "dangling", "loop"):
        assert paths.read_private(str(folder / name)) is None


def test_a_fifo_a_folder_and_a_device_are_misses_and_hold_nobody_up(folder: Path) -> None:
    os.mkfifo(folder / "fifo", 0o600)
    (folder / "folder").mkdir(0o700)
    for path in (folder / "fifo", folder / "folder", Path("/dev/null"), folder / "missing"):
        assert paths.read_private(str(path)) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_somebody_else_is_a_miss(folder: Path) -> None:
    path = written(folder)
    os.chown(path, 12345, -1)
    assert paths.read_private(str(path)) is None


def test_an_oversized_file_is_a_miss_and_is_not_read(folder: Path) -> None:
    path = written(folder)
    os.truncate(path, paths.MOST_PRIVATE + 1)
    assert paths.read_private(str(path)) is None


@pytest.mark.parametrize("times", [1, 2, 3, 99])
@pytest.mark.parametrize("call", ["open", "read", "fstat"])
def test_a_stale_handle_is_looked_up_again_but_not_for_ever(
    folder: Path, monkeypatch: pytest.MonkeyPatch, call: str, times: int
) -> None:
    path = written(folder)
    real = getattr(posix, call)
    calls = 0

    def stale(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls <= times:
            raise OSError(errno.ESTALE, "stale")
        return real(*arguments)

    monkeypatch.setattr(posix, call, stale)
    found = paths.read_private(str(path))
    monkeypatch.undo()
    assert (found is not None) == (times < 3)
    assert calls <= 3 + 1


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.EMFILE, errno.EINTR])
@pytest.mark.parametrize("call", ["open", "read", "fstat"])
def test_a_disk_that_says_no_is_a_miss(
    folder: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    path = written(folder)

    def refuse(*_: object) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(posix, call, refuse)
    found = paths.read_private(str(path))
    monkeypatch.undo()
    assert found is None


def test_a_private_folder_is_ours_and_closed(folder: Path, tmp_path: Path) -> None:
    assert paths.private_folder(str(folder))
    for mode in (0o701, 0o710, 0o750, 0o755, 0o777, 0o770, 0o1777):
        folder.chmod(mode)
        assert not paths.private_folder(str(folder))
    folder.chmod(0o700)
    (tmp_path / "link").symlink_to(folder)
    assert not paths.private_folder(str(tmp_path / "link"))
    assert not paths.private_folder(str(written(folder)))
    assert not paths.private_folder(str(tmp_path / "missing"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")
def test_a_folder_of_somebody_else_is_not_private(folder: Path) -> None:
    os.chown(folder, 12345, -1)
    assert not paths.private_folder(str(folder))
