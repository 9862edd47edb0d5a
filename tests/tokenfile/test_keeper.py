"""The keeper itself: what it loads, and what it does when a renewal comes to nothing."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from credhelper.tokenfile import folder as runtime
from credhelper.tokenfile import keeper, keeping, renewer, signals
from credhelper.tokenfile.keeping import Keeping, stamp
from tests.support.worlds import World
from tests.tokenfile.jobs import until


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (
            ImportError("canary"),
            ["could not keep '/t\\x1b' fresh: ImportError", "start it again"],
        ),
        (None, []),
    ],
)
def test_a_renewal_that_ends_as_nobody_expected_says_so(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    trouble: Exception | None,
    told: list[str],
) -> None:
    """As after an upgrade in the middle of a job of days."""

    def renew(*arguments: object) -> None:
        if trouble:
            raise trouble

    monkeypatch.setattr(renewer, "renew", renew)
    kept = Keeping("/t\x1b", "token", "main", "", 0, 0.0, "", "")
    child, pipe = keeper._start_renewer(kept, warn=True)
    os.waitpid(child, 0)
    assert os.read(pipe, 9) == b""
    os.close(pipe)
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == len(told)
    assert all(part in line for part, line in zip(told, lines, strict=True))
    assert "canary" not in "".join(lines)


def removed(package: Path) -> None:
    shutil.rmtree(package)


def moved(package: Path) -> None:
    """Put a release in its place that has another module of this name."""
    text = f"open({str(package.parent / 'tries')!r}, 'a').write('again ')\n"
    (package / "tokenfile" / "renewer.py").write_text(text)


def with_other_modules_below(package: Path) -> None:
    (package / "broker").rename(package / "elsewhere")


@pytest.mark.parametrize("upgrade", [removed, moved, with_other_modules_below])
def test_a_keeper_from_before_an_upgrade_asks_once_to_be_started_again(
    tmp_path: Path, upgrade: Callable[[Path], None]
) -> None:
    """And leaves the token that lives where it is."""
    package = tmp_path / "credhelper"
    shutil.copytree(Path(keeper.__file__).parent.parent, package)
    token, record, tries = tmp_path / "token", tmp_path / "record", tmp_path / "tries"
    token.write_text("a token that lives")
    record.touch()
    program = (
        f"import sys; sys.path.append({str(tmp_path)!r}); sys.dont_write_bytecode = True\n"
        "from credhelper.tokenfile import keeping\n"
        "import _signal; _signal.pthread_sigmask(_signal.SIG_BLOCK, keeping.watched())\n"
        "keeping.become(keeping.Keeping.from_words(sys.argv[1:]))"
    )
    kept = Keeping(str(token), "token", "main", "", 0, 1e12, str(record), stamp(str(record)))
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", program, *kept.words()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read()  # it lets go of stdout when it has loaded all that it loads
    upgrade(package)
    os.utime(record, (0, 0))  # as if the token had been renewed elsewhere
    process.send_signal(signal.SIGCONT)  # wakes it
    warning = process.stderr.readline() + process.stderr.readline()
    if upgrade is moved:
        until(lambda: len(tries.read_text().split()) > 1, "it did not try again")
    process.terminate()
    rest = process.communicate()[1]
    assert b"could not keep" in warning
    assert b"upgraded or removed since this was started? start it again" in warning
    assert (rest, process.returncode) == (b"", -signal.SIGTERM)
    assert token.read_text() == "a token that lives"


@pytest.fixture
def blocked() -> Iterator[None]:
    """Let signals wait, as a keeper does."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, keeping.watched())
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


@pytest.mark.usefixtures("blocked")
def test_a_renewal_that_is_going_on_when_the_command_ends_is_finished(tmp_path: Path) -> None:
    renewer = subprocess.Popen(["sh", "-c", f"sleep 0.7; echo > {tmp_path}/kept"])
    keeper._stop(renewer.pid)  # the moment cannot be met from outside
    assert (tmp_path / "kept").exists()
    renewer.wait()


@pytest.mark.waits
@pytest.mark.usefixtures("blocked")
def test_a_renewal_is_not_finished_for_somebody_who_cannot_wait() -> None:
    renewer = subprocess.Popen(["sleep", "60"])
    # To this thread alone: others, of the runner of tests, do not block it, and would end us.
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    keeper._stop(renewer.pid)  # as above
    with pytest.raises(ProcessLookupError):
        os.kill(renewer.pid, 0)
    renewer.wait()


def test_a_file_that_cannot_be_put_back_is_tried_for_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, tries = 1000.0, 0
    ended: list[tuple[int, int]] = []

    def renew_apart(kept: Keeping, behind: float = 0.0, *, warn: bool) -> tuple[int, int]:
        nonlocal tries
        tries += 1
        ended.append((7, 1))
        reader, writer = os.pipe()
        os.close(writer)  # nothing is told: it came to nothing
        return 7, reader

    def next_signal(seconds: float) -> tuple[int, bool]:
        nonlocal now
        if now > 1600:
            return signal.SIGTERM, False
        if ended:
            now += 0.1
            return signal.SIGCHLD, True
        now += max(seconds, 0.001)
        return 0, False

    monkeypatch.setattr(keeper, "_start_renewer", renew_apart)
    monkeypatch.setattr(signals, "next_signal", next_signal)
    monkeypatch.setattr(signals, "ended_children", lambda: [ended.pop()])
    kept = Keeping(str(tmp_path / "gone" / "token"), "token", "main", "", 0, 1e12, "", "")
    assert keeper.keep(kept, lambda: now) == (0, signal.SIGTERM)
    assert 5 < tries < 20  # in ten minutes


def test_a_keeper_that_gets_no_process_for_a_renewal_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """As beside a command that has taken all the processes its user may have."""
    now, asked = 1000.0, 0

    def fork() -> int:
        nonlocal asked
        asked += 1
        raise BlockingIOError(errno.EAGAIN, "no")

    def next_signal(seconds: float) -> tuple[int, bool]:
        nonlocal now
        now += max(seconds, 0.001)
        return (signal.SIGTERM, False) if now > 1600 else (0, False)

    monkeypatch.setattr("credhelper.tokenfile.keeper.os.fork", fork)
    monkeypatch.setattr(signals, "next_signal", next_signal)
    files = len(os.listdir("/dev/fd"))
    kept = Keeping(str(tmp_path / "token"), "token", "main", "", 0, 1100.0, "", "")
    assert keeper.keep(kept, lambda: now) == (0, signal.SIGTERM)
    assert 5 < asked < 20  # in ten minutes
    assert len(os.listdir("/dev/fd")) == files
    assert capfd.readouterr().err.count("resource temporarily unavailable") == 1


def test_a_terminal_that_is_gone_is_no_reason_to_keep_no_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[bytes] = []

    def write(handle: int, data: bytes) -> int:
        written.append(data)
        raise OSError(errno.EIO, "no terminal")

    monkeypatch.setattr("credhelper.tokenfile.keeper.os.write", write)
    keeper._say(b"a warning\n")
    assert written == [b"a warning\n"]


def test_the_keeper_is_small_and_shows_no_secret(scratch_world: World) -> None:
    token = scratch_world.prepare()
    # The command may be first: its parent turns into the keeper when it has started.
    script = (
        "until grep -q tokenfile.keeper /proc/$PPID/cmdline; do sleep 0.1; done;"
        " tr '\\0' ' ' < /proc/$PPID/cmdline; echo; ls -l /proc/$$/fd; exit 0"
    )
    outcome = scratch_world.run("exec", "--refresh", "--", "sh", "-c", script)
    line, *files = outcome.stdout.decode().split("\n")
    assert "credhelper.tokenfile.keeper" in line
    assert token not in line
    # The command holds neither the folder's lock nor anything else of ours.
    assert not any("credhelper" in each for each in files)


def test_the_keeper_loads_nothing_of_what_a_renewal_takes() -> None:
    root = str(Path(runtime.__file__).parent.parent.parent)
    program = (
        f"import sys; sys.path.append({root!r}); before = set(sys.modules)\n"
        "import credhelper.tokenfile.keeper; print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()) <= {
        "credhelper",
        "credhelper.core",
        "credhelper.core.ending",
        "credhelper.tokenfile",
        "credhelper.tokenfile.keeper",
        "credhelper.tokenfile.keeping",
        "credhelper.tokenfile.signals",
    }
