"""The sweep of a folder of records: what goes, what stays, and how much one sweep looks at."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from credhelper import __version__
from credhelper.core import record, routes
from credhelper.storage import files, locks, sweep
from credhelper.storage.sweep import Place

NOW = 1_800_000_000.0
HOUR, DAY = 3600, 86400
NOBODY = 2**22 + 1  # no process has such a number

A = "a" * 32
TMP = f".{A}.{NOBODY}.0123abcd.tmp"
OURS = f"routes-1f.{routes.FORMAT}-{__version__}"
SOMETHING = b"something"


def ends(at: float, **more: str) -> bytes:
    return record.encode({"token": "t", "expires": str(int(at)), **more})


DEAD = ends(NOW - 2 * DAY)
DEAD_SESSION = ends(NOW - 31 * DAY)


def put(folder: Path, name: str, data: bytes = DEAD, age: float = 2 * DAY) -> Path:
    path = folder / name
    path.write_bytes(data)
    path.chmod(0o600)
    os.utime(path, (NOW - age, NOW - age))
    return path


def held(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"swept.tokens"}


def unlocked(folder: Path) -> set[str]:
    return {name for name in held(folder) if not name.endswith(".lock")}


def place_of(folder: Path, sessions: bool = False) -> Place:
    return Place(str(folder), sessions, str(folder / "swept.tokens"))


def swept(folder: Path, now: float = NOW, **bounds: float) -> int:
    """Sweep a folder of tokens, however long ago it was swept; return how many were looked at."""
    most, seconds = int(bounds.get("most", 1000)), bounds.get("seconds", 1e9)
    return sweep.sweep([place_of(folder)], now, most=most, seconds=seconds, pause=0)


GOES = {
    "a token, a day after its end": (A, DEAD, DAY + 1, False),
    "a token of another grant's value": (f"{A}-0123456789abcdef", DEAD, DAY + 1, False),
    "a former token": (f"{A}.0123abcd.old", DEAD, DAY + 1, False),
    "a mark that there is no token": (A, record.encode({"rejected_at": "1"}), DAY + 1, False),
    "another host's token": (A, ends(NOW - 2 * DAY, host="node7", skew="-5"), 2 * DAY, False),
    "a session, 30 days after its end": (A, DEAD_SESSION, DAY + 1, True),
    "a former session": (f"{A}.0123abcd.old", DEAD_SESSION, DAY + 1, True),
    "a failure": (f"{A}.failed", DEAD, 601, False),
    "the mark of a logout": (f"{A}.gone", SOMETHING, HOUR + 1, True),
    "what a dead writer left": (TMP, SOMETHING, 1, False),
    "what a dead writer left, by a clock ahead": (TMP, SOMETHING, -HOUR, False),
    "the lock of a record that is gone": (f"{A}.lock", b"", DAY + 1, False),
    "its second lock": (f"{A}.second.lock", b"", DAY + 1, False),
    "the lock of a session that is gone": (f"{A}.lock", b"", DAY + 1, True),
    "routes of another version": ("routes-1f.7-0.0.9", SOMETHING, 31 * DAY, False),
    "routes of a later format": ("routes-1f.99-9.0", SOMETHING, 31 * DAY, False),
}
STAYS = {
    "a token that lives": (A, ends(NOW + HOUR), 2 * DAY, False),
    "a token whose end is less than a day ago": (A, ends(NOW - DAY + 60), 2 * DAY, False),
    "a token that was written today": (A, DEAD, DAY - 60, False),
    "a token by a clock that is ahead": (A, DEAD, -60, False),
    "a token by a clock that is years ahead": (A, DEAD, -9e7, False),
    "a former token that lives": (f"{A}.0123abcd.old", ends(NOW + HOUR), 2 * DAY, False),
    "a session whose end is less than 30 days ago": (A, ends(NOW - 29 * DAY), 31 * DAY, True),
    "half a record": (A, DEAD[:-5], 90 * DAY, False),
    "a later version's record": (A, DEAD.replace(b"record 1", b"record 2"), 90 * DAY, False),
    "a failure of now": (f"{A}.failed", DEAD, 590, False),
    "a failure by a clock that is ahead": (f"{A}.failed", DEAD, -601, False),
    "the mark of a logout of now": (f"{A}.gone", SOMETHING, HOUR - 60, True),
    "the mark of a logout by a clock that is ahead": (f"{A}.gone", SOMETHING, -HOUR - 60, True),
    "a lock of today": (f"{A}.lock", b"", DAY - 60, False),
    "a lock by a clock that is ahead": (f"{A}.lock", b"", -2 * DAY, False),
    "a lock of routes": ("routes-1f.lock", b"", 900 * DAY, False),
    "a lock of entries": ("files.lock", b"", 900 * DAY, False),
    "a living writer's file": (f".{A}.{os.getpid()}.0123abcd.tmp", SOMETHING, 1, False),
    "our routes": (OURS, SOMETHING, 900 * DAY, False),
    "routes of another version, in use": ("routes-1f.7-0.0.9", SOMETHING, 29 * DAY, False),
    "routes by a clock that is ahead": ("routes-1f.7-0.0.9", SOMETHING, -31 * DAY, False),
    "routes of an old format, with a salt": ("routes-1f", SOMETHING, 900 * DAY, False),
    "a salt": ("routes-1f.salt", SOMETHING, 900 * DAY, False),
    "a file of somebody": ("a-file-of-somebody", DEAD, 900 * DAY, False),
    "a file of somebody with our end": ("notes.old", DEAD, 900 * DAY, False),
    "routes of somebody": ("routes-table.csv", SOMETHING, 900 * DAY, False),
    "routes of somebody, by number": ("routes-66.csv", SOMETHING, 900 * DAY, False),
    "a digest of somebody": (f"{A}.jpeg.failed", DEAD, 900 * DAY, False),
    "a longer digest of somebody": (f"{A}{A}", DEAD, 900 * DAY, False),
    "a temporary file of somebody": (f".report.{NOBODY}.ab.tmp", SOMETHING, 900 * DAY, False),
}


@pytest.mark.parametrize(("name", "data", "age", "sessions"), GOES.values(), ids=GOES)
def test_what_is_dead_goes(
    folder: Path, name: str, data: bytes, age: float, sessions: bool
) -> None:
    path = put(folder, name, data, age)
    assert sweep.sweep([place_of(folder, sessions)], NOW) == 1
    assert not path.exists()


@pytest.mark.parametrize(("name", "data", "age", "sessions"), STAYS.values(), ids=STAYS)
@pytest.mark.parametrize("everything", [False, True], ids=["some", "all"])
def test_what_lives_stays(
    folder: Path, name: str, data: bytes, age: float, sessions: bool, everything: bool
) -> None:
    path = put(folder, name, data, age)
    place = place_of(folder, sessions)
    if everything:
        sweep.sweep_all([place], NOW)
    else:
        sweep.sweep([place], NOW)
    assert path.read_bytes() == data


def test_by_a_clock_that_is_behind_nothing_is_dead(folder: Path) -> None:
    names = [A, f"{A}.failed", f"{A}.gone", f"{A}.0a.old", "routes-1f.7-0.0.9"]
    for name in names:
        put(folder, name)
    assert swept(folder, NOW - 900 * DAY) == len(names)
    assert held(folder) == set(names)


def test_a_hundred_sweeps_remove_all_that_is_dead_whatever_lies_between(folder: Path) -> None:
    assert sweep.MOST * 100 == 100_000
    for number in range(1000):
        put(folder, f"{number * 7919 % 1000:032x}")
        (folder / f"{number:032x}.lock").touch(0o600)
    rest = [put(folder, name, SOMETHING).name for name in (OURS, "routes-1f", "routes-1f.salt")]
    assert [swept(folder, most=10) for _ in range(100)] == [10] * 100
    assert unlocked(folder) == set(rest)


def test_a_sweep_looks_at_so_many_files_and_the_next_goes_on_behind_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [put(folder, f"{number:032x}", ends(NOW + HOUR)).name for number in range(30)]
    looked: list[str] = []
    real = os.lstat

    def lstat(path: str) -> os.stat_result:
        looked.append(os.path.basename(path))
        return real(path)

    monkeypatch.setattr(os, "lstat", lstat)
    for turn in range(4):
        looked.clear()
        assert swept(folder, most=10) == 10
        first = turn * 10 % 30
        assert [name for name in looked if name in names] == names[first : first + 10]


def test_files_that_come_and_go_keep_no_other_from_being_looked_at(folder: Path) -> None:
    dead = [put(folder, f"{number:032x}") for number in range(1, 1000, 50)]
    for turn in range(len(dead) + 11):
        put(folder, f"{turn * 90:032x}", ends(NOW + HOUR))
        (folder / f"{(turn - 1) * 90:032x}").unlink(missing_ok=True)
        swept(folder, most=2)
    assert not any(path.exists() for path in dead)


def clock_of(step: float) -> Callable[[], float]:
    passed = [0.0]

    def timer() -> float:
        passed[0] += step
        return passed[0]

    return timer


@pytest.mark.parametrize(("data", "looked"), [(ends(NOW + HOUR), 5), (DEAD, 20)])
def test_the_time_is_bounded_for_what_stays(folder: Path, data: bytes, looked: int) -> None:
    for number in range(20):
        put(folder, f"{number:032x}", data)
    place = place_of(folder)
    timer = clock_of(0.01)  # all that is done with a file takes as long as this
    assert sweep.sweep([place], NOW, seconds=0.045, timer=timer) == looked


def test_a_folder_is_swept_once_a_minute(folder: Path) -> None:
    place = place_of(folder)
    assert sweep.sweep([place], NOW) == 0
    put(folder, A)
    assert sweep.sweep([place], NOW + 59) == 0
    assert sweep.sweep([place], NOW + 61) == 1
    assert held(folder) == set()


def test_a_sweep_by_a_clock_that_was_ahead_puts_off_no_other(folder: Path) -> None:
    place = place_of(folder)
    sweep.sweep([place], NOW + 900 * DAY)
    put(folder, A)
    assert sweep.sweep([place], NOW) == 1


def test_two_folders_share_one_sweep_and_take_turns(tmp_path: Path) -> None:
    places = []
    for name in ("cache", "sessions"):
        (tmp_path / name).mkdir(mode=0o700)
        places.append(place_of(tmp_path / name, name == "sessions"))
        for number in range(20):
            put(tmp_path / name, f"{number:032x}", DEAD_SESSION)
    left = []
    for turn in range(4):
        assert sweep.sweep(places, NOW + 61 * turn, most=10) == 10
        left.append([len(unlocked(Path(place.folder))) for place in places])
    assert left[-1] == [0, 0]
    assert left[1] == [10, 10]


def test_all_is_swept_at_once_if_asked_for(folder: Path) -> None:
    swept(folder)
    for number in range(sweep.MOST + 100):
        put(folder, f"{number:032x}.failed")
    sweep.sweep_all([place_of(folder)], NOW)
    assert held(folder) == set()


def a_link(path: Path) -> None:
    path.symlink_to(path.with_name(A))


def of_mode(mode: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(b"5")
        path.chmod(mode)

    return write


DAMAGED: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "no text": lambda path: path.write_bytes(b"\xff\x00\n" * 99),
    "behind all names": lambda path: path.write_bytes(b"\xff"),
    "long": lambda path: path.write_bytes(b"0" * 5_000_000),
    "not ours alone": of_mode(0o666),
    "not readable": of_mode(0),
    "a link": a_link,
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "a fifo": lambda path: os.mkfifo(path, 0o600),
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_where_the_last_one_stopped_may_be_damaged(
    folder: Path, damage: Callable[[Path], object]
) -> None:
    for number in range(10):
        put(folder, f"{number:032x}")
    lives = put(folder, A, ends(NOW + HOUR))
    damage(folder / "swept.tokens")
    assert swept(folder, most=6) == 6
    swept(folder, most=6)
    assert unlocked(folder) == {A}
    assert lives.read_bytes() == ends(NOW + HOUR)


@pytest.mark.parametrize("mode", [0o500, 0o755])
def test_a_folder_that_is_not_ours_to_write_is_left_alone(folder: Path, mode: int) -> None:
    put(folder, A)
    folder.chmod(mode)
    swept(folder)
    assert (folder / A).exists() or (mode == 0o500 and os.geteuid() == 0)
    folder.chmod(0o700)
    swept(folder / "nowhere")


HOLDS = """
import fcntl, os, sys
handle = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
fcntl.flock(handle, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("suffix", [f"{A}.lock", TMP], ids=["renewal", "writer"])
def test_what_a_living_process_locks_stays(folder: Path, suffix: str) -> None:
    name = A if suffix.endswith(".lock") else TMP
    path = put(folder, name)
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(folder / suffix)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    swept(folder)
    assert path.exists()
    process.communicate()
    swept(folder)
    assert not path.exists()


def test_a_token_that_is_renewed_while_we_look_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(folder, A)
    real = locks.acquire

    def renewed_before(lock_path: str, *, wait: float, alarm: bool) -> locks.Lock | None:
        files.replace(str(path), ends(NOW + HOUR))
        return real(lock_path, wait=wait, alarm=alarm)

    monkeypatch.setattr(locks, "acquire", renewed_before)
    swept(folder)
    assert path.read_bytes() == ends(NOW + HOUR)


def test_without_locks_a_record_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(folder, A)

    def refused(*_: object) -> None:
        raise OSError(95, "not supported")

    monkeypatch.setattr("fcntl.flock", refused)
    swept(folder)
    assert path.exists()


def test_a_file_that_cannot_be_removed_keeps_no_other(folder: Path) -> None:
    (folder / f"{A}.failed").mkdir()
    os.utime(folder / f"{A}.failed", (0, 0))
    other = put(folder, "b" * 32)
    swept(folder)
    assert not other.exists()


def killed(folder: Path, nth: int) -> bool:
    """Sweep in a process that is killed at its `nth` call of a C function; tell whether it was."""
    child = os.fork()
    if child == 0:
        left = [nth]

        def count(_frame: object, event: str, _argument: object) -> None:
            if event == "c_call":
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(count)
        swept(folder, most=4)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.waits
def test_killed_at_any_point_it_has_broken_nothing(tmp_path: Path) -> None:
    living = {
        name: data
        for name, data, age, sessions in STAYS.values()
        if name.startswith("routes") or (name == A and age == 2 * DAY and not sessions)
    }
    for nth in range(10_000):
        folder = tmp_path / str(nth)
        folder.mkdir(mode=0o700)
        for name, data in living.items():
            put(folder, name, data)
        for name, data, age, sessions in GOES.values():
            if not sessions and name not in living:
                put(folder, name, data, age)
        ended = not killed(folder, nth)
        for name, data in living.items():
            assert (folder / name).read_bytes() == data, nth
        for _ in range(4):
            swept(folder, most=4)
        assert unlocked(folder) == {name for name in living if not name.endswith(".lock")}, nth
        if ended:
            break
    else:
        pytest.fail("it never came to its end")
