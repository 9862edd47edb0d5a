"""Lock files that a sweep removes: with their records, while nobody needs them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from credhelper.core import record
from credhelper.storage import locks, sweep

NOW = 1_800_000_000.0
DAY = 86400
A = "a" * 32

# Takes the lock again and again, and finds out whether anybody else is inside.
WORKER = """
import os, sys
from credhelper.storage import locks
path, inside, alarm = sys.argv[1], sys.argv[2], sys.argv[3] == "alarm"
for _ in range(150):
    lock = locks.acquire(path, wait=60, alarm=alarm)
    assert lock is not None
    os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
    os.unlink(inside)
    lock.release()
"""
SWEEPER = """
import os, sys, time
from credhelper.storage import sweep
from pathlib import Path
path, ends = Path(sys.argv[1]), time.monotonic() + float(sys.argv[2])
removed = 0
while os.getppid() == int(sys.argv[3]) and time.monotonic() < ends:
    place = sweep.Place(str(path.parent), False, str(path.parent / "swept.here"))
    before = path.exists()
    sweep.sweep([place], time.time() + 90000, pause=0)
    removed += before and not path.exists()
print(removed)
"""


def made(folder: Path, name: str, data: bytes = b"") -> Path:
    path = folder / name
    path.write_bytes(data)
    path.chmod(0o600)
    os.utime(path, (NOW - 2 * DAY, NOW - 2 * DAY))
    return path


def swept(folder: Path) -> None:
    place = sweep.Place(str(folder), False, str(folder / "swept.here"))
    sweep.sweep([place], NOW, pause=0)


@pytest.mark.parametrize("name", [f"{A}.lock", f"{A}.second.lock", f"{A}-0123456789abcdef.lock"])
def test_a_lock_stays_as_long_as_its_record_and_goes_after_it(folder: Path, name: str) -> None:
    lives = record.encode({"token": "t", "expires": str(int(NOW) + DAY)})
    kept = made(folder, name.partition(".")[0], lives)
    lock = made(folder, name)
    swept(folder)
    assert lock.exists()
    kept.unlink()
    swept(folder)
    assert not lock.exists()


@pytest.mark.parametrize("locked", [True, False])
def test_a_dead_record_takes_its_lock_with_it(folder: Path, locked: bool) -> None:
    made(folder, A, record.encode({"token": "t", "expires": str(int(NOW) - 2 * DAY)}))
    if locked:
        made(folder, f"{A}.lock")
    swept(folder)
    assert {path.name for path in folder.iterdir()} == {"swept.here"}


def test_a_lock_that_is_held_stays(folder: Path) -> None:
    path = made(folder, f"{A}.lock")
    lock = locks.acquire(str(path), wait=0, alarm=False)
    assert lock is not None
    os.utime(path, (NOW - 2 * DAY, NOW - 2 * DAY))
    swept(folder)
    assert path.exists()
    lock.release()
    swept(folder)
    assert not path.exists()


@pytest.mark.parametrize("how", ["alarm", "poll"])
def test_no_two_are_inside_while_a_sweep_removes_the_file_again_and_again(
    folder: Path, how: str
) -> None:
    path = str(folder / f"{A}.lock")
    run = [sys.executable, "-c"]
    sweeper = subprocess.Popen(
        [*run, SWEEPER, path, "120", str(os.getpid())], stdout=subprocess.PIPE
    )
    words = [*run, WORKER, path, str(folder / "inside"), how]
    workers = [subprocess.Popen(words, stderr=subprocess.PIPE) for _ in range(4)]
    told = [worker.communicate(timeout=120)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * 4, told
    sweeper.kill()
    sweeper.communicate()


def test_locks_of_records_that_are_there_are_not_even_looked_at(folder: Path) -> None:
    lives = record.encode({"token": "t", "expires": str(int(NOW) + DAY)})
    for number in range(200):
        made(folder, f"{number:032x}", lives)
        made(folder, f"{number:032x}.lock")
    place = sweep.Place(str(folder), False, str(folder / "swept.here"))
    assert sweep.sweep([place], NOW, most=10_000, seconds=1e9, pause=0) == 200
