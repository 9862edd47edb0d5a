"""Locks: the kernel's, bounded, and never a reason to fail."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
import posix
import signal
import threading
from pathlib import Path

import pytest

from credhelper.core import flock
from credhelper.errors import CacheError
from credhelper.storage import locks


@pytest.fixture
def path(folder: Path) -> str:
    return str(folder / "record.lock")


@pytest.mark.parametrize("alarm", [True, False])
def test_one_holds_it_and_the_next_waits_in_vain(path: str, alarm: bool) -> None:
    lock = locks.acquire(path, wait=0, alarm=alarm)
    assert lock
    assert locks.acquire(path, wait=0, alarm=alarm) is None
    assert locks.acquire(path, wait=0.05, alarm=alarm) is None
    lock.release()
    again = locks.acquire(path, wait=0, alarm=alarm)
    assert again
    again.release()
    assert os.path.exists(path)


@pytest.mark.parametrize("alarm", [True, False])
def test_a_waiter_gets_it_when_it_is_let_go(path: str, alarm: bool) -> None:
    lock = locks.acquire(path, wait=0, alarm=False)
    assert lock
    timer = threading.Timer(0.1, lock.release)
    timer.start()
    mine = locks.acquire(path, wait=20, alarm=alarm)
    timer.join()
    assert mine
    mine.release()


@pytest.mark.parametrize("alarm", [True, False])
def test_a_lock_dies_with_its_owner(path: str, alarm: bool) -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        locks.acquire(path, wait=0, alarm=False)
        os.write(writer, b"x")
        signal.pause()
    os.read(reader, 1)
    os.close(reader)
    os.close(writer)
    assert locks.acquire(path, wait=0, alarm=alarm) is None
    os.kill(child, signal.SIGKILL)
    mine = locks.acquire(path, wait=20, alarm=alarm)
    os.waitpid(child, 0)
    assert mine
    mine.release()


def test_the_alarm_and_its_handler_are_put_back(path: str) -> None:
    before = signal.getsignal(signal.SIGALRM)
    lock = locks.acquire(path, wait=0, alarm=False)
    assert locks.acquire(path, wait=0.05, alarm=True) is None
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert lock
    lock.release()


def test_an_alarm_that_rings_before_the_sleep_rings_again() -> None:
    # The kernel's sleep starts after the first alarm has come and gone.
    reader, writer = os.pipe()

    def block() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        signal.sigwait({signal.SIGALRM})
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
        os.read(reader, 1)

    assert not flock.sleep_at(block, 0.01)
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize(
    "number",
    [
        errno.ENOLCK,
        errno.ENOSYS,
        errno.EOPNOTSUPP,
        errno.EINTR,
        errno.EINVAL,
        errno.EIO,
        errno.ESTALE,
        errno.EBADF,
        errno.EPERM,
    ],
)
def test_a_file_system_without_locks_says_so(
    path: str, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(locks.Unlockable, match=os.strerror(number)):
        locks.acquire(path, wait=1, alarm=False)


@pytest.mark.parametrize("alarm", [True, False])
def test_a_lock_that_breaks_while_waited_for_says_so(
    path: str, monkeypatch: pytest.MonkeyPatch, alarm: bool
) -> None:
    calls = 0

    def break_later(*_: object) -> None:
        nonlocal calls
        calls += 1
        raise BlockingIOError if calls == 1 else OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", break_later)
    with pytest.raises(locks.Unlockable):
        locks.acquire(path, wait=5, alarm=alarm)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_lock_file_that_cannot_be_opened_says_so(
    path: str, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(locks.Unlockable, match=os.strerror(number)):
        locks.acquire(path, wait=0, alarm=False)


def test_a_symlink_or_fifo_in_place_of_the_lock_is_refused_and_left_alone(folder: Path) -> None:
    target = folder / "bashrc"
    target.write_text("precious")
    target.chmod(0o644)
    (folder / "link.lock").symlink_to(target)
    os.mkfifo(folder / "fifo.lock", 0o600)
    for name in ("link.lock", "fifo.lock"):
        with pytest.raises(CacheError, match=r"symlink|not a file of ours") as told:
            locks.acquire(str(folder / name), wait=0, alarm=False)
        assert told.value.hint == f"remove it: rm {folder / name}"
    assert target.read_text() == "precious"
    assert target.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOLCK, errno.EINTR, errno.ESTALE])
@pytest.mark.parametrize("name", ["flock", "close"])
def test_an_error_of_letting_go_takes_nothing_back_and_keeps_nobody_out(
    path: str, monkeypatch: pytest.MonkeyPatch, name: str, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    def then_refuse(handle: int) -> None:
        close(handle)
        refuse()

    close = posix.close
    held = locks.acquire(path, wait=0, alarm=False)
    assert held is not None
    with monkeypatch.context() as patch:
        if name == "flock":
            patch.setattr(fcntl, name, refuse)
        else:
            patch.setattr(posix, name, then_refuse)
        held.release()
    again = locks.acquire(path, wait=0, alarm=False)
    assert again is not None
    again.release()


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOLCK, errno.ESTALE])
def test_a_writer_that_cannot_unlock_has_written(
    path: str, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    real = fcntl.flock

    def flock_(handle: int, how: int) -> None:
        if how == fcntl.LOCK_UN:
            raise OSError(number, os.strerror(number))
        real(handle, how)

    monkeypatch.setattr(fcntl, "flock", flock_)
    done = []
    with locks.one_writer(path, "writing", 1.0):
        done.append(True)
    assert done


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES])
def test_a_lock_file_that_cannot_be_looked_at_is_no_lock(
    path: str, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch, pytest.raises(locks.Unlockable):
        patch.setattr(os, "fstat", refuse)
        locks.acquire(path, wait=0, alarm=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_lock_file_of_somebody_else_is_refused(path: str) -> None:
    Path(path).touch(0o600)
    os.chown(path, 12345, -1)
    with pytest.raises(CacheError, match="not a file of ours"):
        locks.acquire(path, wait=0, alarm=False)


def test_a_loose_lock_file_is_tightened(path: str) -> None:
    Path(path).touch()
    os.chmod(path, 0o666)
    lock = locks.acquire(path, wait=0, alarm=False)
    assert lock
    lock.release()
    assert os.stat(path).st_mode & 0o777 == 0o600


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_a_lock_file_that_goes_away_under_us_is_noticed(
    path: str, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    real = fcntl.flock
    calls = 0

    def meddle(handle: int, flags: int) -> None:
        nonlocal calls
        real(handle, flags)
        calls += 1
        if calls == 1:
            os.unlink(path)
            if how == "replaced":
                Path(path).touch(0o600)

    monkeypatch.setattr(fcntl, "flock", meddle)
    lock = locks.acquire(path, wait=0, alarm=False)
    assert lock
    assert calls == 2
    # What it holds is the file that others will find.
    assert locks.acquire(path, wait=0, alarm=False) is None
    lock.release()


def test_a_lock_file_that_is_never_itself_is_given_up(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os.path, "samestat", lambda one, other: False)
    with pytest.raises(locks.Unlockable, match="again and again"):
        locks.acquire(path, wait=0, alarm=False)


def test_no_handle_leaks_whatever_happens(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def handles() -> int:
        return len(os.listdir("/proc/self/fd"))

    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("no /proc to count handles in")
    before = handles()
    lock = locks.acquire(path, wait=0, alarm=False)
    assert lock
    assert locks.acquire(path, wait=0.01, alarm=True) is None
    assert locks.acquire(path, wait=0.01, alarm=False) is None
    lock.release()
    for error in (OSError(errno.EIO, "no"), KeyboardInterrupt()):

        def refuse(*_: object, error: BaseException = error) -> None:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(fcntl, "flock", refuse)
            with pytest.raises((locks.Unlockable, KeyboardInterrupt)):
                locks.acquire(path, wait=0, alarm=False)
    assert handles() == before


def test_a_child_program_inherits_no_lock(path: str) -> None:
    lock = locks.acquire(path, wait=0, alarm=False)
    assert lock
    for entry in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else ():
        handle = int(entry)
        try:
            same = os.path.samestat(os.fstat(handle), os.stat(path))
        except OSError:
            continue
        if same:
            assert not os.get_inheritable(handle)
    lock.release()


def _count(path: str, counter: str, turns: int) -> None:
    for _ in range(turns):
        lock = locks.acquire(path, wait=60, alarm=True)
        assert lock
        number = int(Path(counter).read_text())
        Path(counter).write_text(str(number + 1))
        lock.release()


def test_real_processes_exclude_each_other(path: str, folder: Path) -> None:
    counter = folder / "counter"
    counter.write_text("0")
    spawn = multiprocessing.get_context("fork")
    children = [spawn.Process(target=_count, args=(path, str(counter), 25)) for _ in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert counter.read_text() == "100"


@pytest.fixture
def early() -> flock.EarlyLocks:
    return flock.EarlyLocks()


def test_the_gate_is_taken_once_and_handed_on(path: str, early: flock.EarlyLocks) -> None:
    assert not flock.enter(early, path)
    assert locks.acquire(path, wait=0, alarm=False) is None
    lock = locks.acquire(path, wait=0, alarm=False, early=early)
    assert lock
    assert early.taken == {}
    lock.release()


def test_whoever_waits_at_the_gate_holds_nothing_afterwards(
    path: str, early: flock.EarlyLocks
) -> None:
    lock = locks.acquire(path, wait=0, alarm=False)
    assert lock
    timer = threading.Timer(0.1, lock.release)
    timer.start()
    assert flock.enter(early, path)
    timer.join()
    mine = locks.acquire(path, wait=0, alarm=False)
    assert mine
    mine.release()


def test_what_was_taken_and_never_needed_is_let_go(path: str, early: flock.EarlyLocks) -> None:
    assert not flock.enter(early, path)
    early.release()
    early.release()
    lock = locks.acquire(path, wait=0, alarm=False)
    assert lock
    lock.release()


def test_a_wait_in_vain_at_the_gate_is_not_waited_again(path: str, early: flock.EarlyLocks) -> None:
    lock = locks.acquire(path, wait=0, alarm=False)
    assert lock
    early.left = 0.05
    assert not flock.enter(early, path)
    assert locks.acquire(path, wait=600, alarm=False, early=early) is None
    lock.release()


def test_a_gate_that_cannot_be_opened_is_left_to_the_rest(
    folder: Path, early: flock.EarlyLocks
) -> None:
    (folder / "link.lock").symlink_to("elsewhere")
    assert not flock.enter(early, str(folder / "link.lock"))
    assert not flock.enter(early, str(folder / "missing" / "record.lock"))
    assert not (folder / "elsewhere").exists()
    assert early.taken == {}


@pytest.mark.parametrize(("name", "seconds"), [("routes-1f.lock", 10), (f"{'f' * 32}.lock", 24)])
def test_the_gate_waits_for_a_compile_no_longer_than_the_rest_does(
    folder: Path,
    early: flock.EarlyLocks,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    seconds: int,
) -> None:
    waits = []

    def take(handle: int, wait: float) -> str:
        waits.append(wait)
        return flock.OVER

    monkeypatch.setattr(flock, "take", take)
    assert not flock.enter(early, str(folder / name))
    assert waits == [seconds]


def test_waits_of_one_call_are_one_wait(path: str, early: flock.EarlyLocks) -> None:
    lock = locks.acquire(path, wait=0, alarm=False)
    assert lock
    early.left = 0.05
    assert locks.acquire(path, wait=600, alarm=True, early=early) is None
    assert early.left == 0
    assert locks.acquire(path, wait=600, alarm=False, early=early) is None
    early.begin()
    assert early.left == flock.WAIT
    lock.release()


@pytest.mark.parametrize("wait", [0, 0.05])
def test_a_first_try_that_hangs_is_bounded(
    path: str, monkeypatch: pytest.MonkeyPatch, wait: float
) -> None:
    reader, writer = os.pipe()
    monkeypatch.setattr(flock, "_SHORTEST", 0.05)
    monkeypatch.setattr(fcntl, "flock", lambda *_: os.read(reader, 1))
    assert locks.acquire(path, wait=wait, alarm=True) is None
    os.close(reader)
    os.close(writer)


def test_of_the_threads_of_a_process_one_polls_and_the_others_sleep(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []
    flocked = fcntl.flock

    def counted(handle: int, how: int) -> None:
        tries.append(how)
        flocked(handle, how)

    monkeypatch.setattr(fcntl, "flock", counted)
    first = locks.acquire(path, wait=0, alarm=False)
    assert first
    got = []

    def ask() -> None:
        lock = locks.acquire(path, wait=20, alarm=False)
        assert lock
        got.append(lock)
        lock.release()

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    assert locks.acquire(path, wait=0.2, alarm=False) is None
    first.release()
    for thread in threads:
        thread.join(30)
    assert len(got) == 20
    assert tries.count(fcntl.LOCK_EX | fcntl.LOCK_NB) == 21


def test_a_forked_child_takes_a_turn_that_its_parents_thread_had(path: str) -> None:
    first = locks.acquire(path, wait=0, alarm=False)
    assert first
    child = os.fork()
    if not child:
        locks.let_go_in_child()
        waited = locks.acquire(path, wait=10, alarm=False)
        os._exit(0 if waited else 1)
    first.release()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
