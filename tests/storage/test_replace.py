"""Writing: the old content or the new, never a mix, whatever happens in between."""

from __future__ import annotations

import errno
import os
import posix
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from credhelper.core import paths
from credhelper.storage import files, locks

OLD = b"old" * 1000
NEW = b"new" * 5000
STEPS = ("open", "fchmod", "write", "fsync", "close", "replace")
NUMBERS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO, errno.EMFILE)


@pytest.fixture
def record(folder: Path) -> Path:
    path = folder / "record"
    path.write_bytes(OLD)
    path.chmod(0o600)
    return path


def in_a_child(work: Callable[[], None]) -> int:
    """Do `work` in a child, and return the signal that ended it."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def temporary(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.endswith(".tmp")]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_writer_killed_at_any_step_leaves_the_old_or_the_new(
    record: Path, folder: Path, step: str, moment: str
) -> None:
    def work() -> None:
        real = getattr(os, step)

        def killed(*arguments: Any, **more: Any) -> Any:
            if moment == "after":
                real(*arguments, **more)
            os.kill(os.getpid(), signal.SIGKILL)

        for module in (os, posix):
            setattr(module, step, killed)
        files.replace(str(record), NEW, durable=True)

    assert in_a_child(work) == signal.SIGKILL
    assert record.read_bytes() in (OLD, NEW)
    for path in (record, *temporary(folder)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    files.replace(str(record), NEW)
    assert record.read_bytes() == NEW


def test_a_writer_killed_in_the_middle_of_its_bytes_leaves_the_old(record: Path) -> None:
    def work() -> None:
        real = os.write

        def half(handle: int, data: Any) -> int:
            real(handle, data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
            return 0

        os.write = half
        files.replace(str(record), NEW)

    assert in_a_child(work) == signal.SIGKILL
    assert record.read_bytes() == OLD


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("step", ["open", "fchmod", "write", "fsync", "replace"])
def test_a_disk_that_says_no_leaves_the_old_and_no_litter(
    record: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, step, refuse)
    with pytest.raises(OSError) as told:
        files.replace(str(record), NEW)
    monkeypatch.undo()
    assert told.value.errno == number
    assert record.read_bytes() == OLD
    assert temporary(folder) == []


@pytest.mark.parametrize("number", (*NUMBERS, errno.EINTR, errno.EBADF, errno.ESTALE))
def test_a_close_that_fails_takes_back_nothing_of_what_was_written(
    record: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    real = posix.close

    def close(handle: int) -> None:
        real(handle)
        raise OSError(number, os.strerror(number))

    for module in (os, posix):
        monkeypatch.setattr(module, "close", close)
    files.replace(str(record), NEW, durable=True)
    assert record.read_bytes() == NEW
    assert paths.read_private(str(record)) == NEW
    assert paths.read_config(str(record)) == NEW


def test_short_writes_are_continued(record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real(handle, data[:7]))
    files.replace(str(record), NEW)
    assert record.read_bytes() == NEW


def test_an_interrupt_leaves_no_litter(
    record: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        files.replace(str(record), NEW)
    assert (record.read_bytes(), temporary(folder)) == (OLD, [])


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o277, 0o777])
def test_no_umask_widens_or_closes_what_we_write(folder: Path, umask: int) -> None:
    seen: list[int] = []
    real = os.write

    def look(handle: int, data: Any) -> int:
        seen.append(stat.S_IMODE(os.fstat(handle).st_mode))
        return real(handle, data)

    before = os.umask(umask)
    os.write = look
    try:
        files.make_folder(str(folder / "a" / "b"))
        files.replace(str(folder / "a" / "b" / "record"), NEW)
        lock = locks.acquire(str(folder / "a" / "b" / "lock"), wait=0, alarm=False)
    finally:
        os.write = real
        os.umask(before)
    assert lock
    lock.release()
    assert seen == [0o600]
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder / "a").rglob("*")}
    assert modes == {"b": 0o700, "record": 0o600, "lock": 0o600}
    assert stat.S_IMODE((folder / "a").stat().st_mode) == 0o700


def test_a_loose_file_in_the_way_is_replaced_by_a_private_one(record: Path) -> None:
    record.chmod(0o644)
    files.replace(str(record), NEW)
    assert stat.S_IMODE(record.stat().st_mode) == 0o600


def test_a_symlink_in_the_way_is_replaced_and_its_target_left_alone(folder: Path) -> None:
    target = folder / "target"
    target.write_bytes(OLD)
    (folder / "link").symlink_to(target)
    files.replace(str(folder / "link"), NEW)
    assert target.read_bytes() == OLD
    assert not (folder / "link").is_symlink()


@pytest.mark.parametrize(
    "number", [errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF, errno.EIO, errno.ENOSPC]
)
def test_a_folder_that_is_not_flushed_takes_back_nothing_of_what_was_written(
    record: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    real = os.fsync

    def files_only(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(number, "not for folders")
        real(handle)

    monkeypatch.setattr(os, "fsync", files_only)
    files.replace(str(record), NEW, durable=True)
    assert record.read_bytes() == NEW


def test_what_must_not_be_lost_is_flushed_with_its_folder_after_the_rename(
    record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def flush(handle: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    def rename(old: str, new: str, **more: Any) -> None:
        done.append("rename")
        replace(old, new, **more)

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(os, "replace", rename)
    files.replace(str(record), NEW, durable=True)
    assert done == ["file", "rename", "folder"]


def test_readers_never_see_a_mix(record: Path) -> None:
    def work() -> None:
        for turn in range(200):
            files.replace(str(record), (OLD, NEW)[turn % 2])

    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    seen = set()
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        seen.add(record.read_bytes())
    assert seen <= {OLD, NEW}
