"""The injector itself: what it counts, and what it can do."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.faults.injector import (
    FILES,
    Ended,
    NoInjector,
    Plan,
    Point,
    at,
    build,
    role_of,
    run,
)
from tests.support.worlds import World

RECORD = "0123456789abcdef" * 2


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Give this test a world without a config, in which two files lie."""
    found = World(tmp_path)
    (tmp_path / "one").write_text("1")
    (tmp_path / "two").write_text("2")
    return found


def play(library: Path, world: World, plan: Plan, script: str) -> Ended:
    """Run a shell script in the world's folder; the program's own words come after it."""
    words = ("sh", "-c", f"cd {world.root}; {script}", sys.executable)
    return run(library, (), plan, world, prefix=words)


def kinds(points: Sequence[Point], role: str) -> list[str]:
    return [point.kind for point in points if point.role == role]


def test_operations_are_counted_over_fork_and_exec(library: Path, world: World) -> None:
    isolated = '"$0" -I -S -c "open(\'one\').read()"'
    ended = play(library, world, Plan(), f"cat one; (cat one; cat two); exec {isolated}")
    opened = [point for point in ended.points if point.kind == "open" and point.role == "one"]
    assert opened == [Point("open", "one", nth) for nth in (1, 2, 3)]
    assert len({ended.pids[ended.points.index(point)] for point in opened}) == 3
    assert ended.stdout == b"112"


def test_what_lies_elsewhere_is_not_counted(library: Path, world: World) -> None:
    assert play(library, world, Plan(), "cat /proc/self/stat >/dev/null").points == []


def test_handles_are_known_by_what_they_lead_to(library: Path, world: World) -> None:
    script = (
        "import fcntl, os\n"
        "held = os.open('one', os.O_RDWR)\n"
        "other = os.dup(held)\n"
        "os.close(held)\n"
        "fcntl.flock(other, fcntl.LOCK_EX)\n"
        "os.write(other, b'x'); os.fsync(other); os.fchmod(other, 0o600); os.fstat(other)\n"
        "os.ftruncate(other, 0); os.pread(other, 1, 0)\n"
        "fcntl.flock(other, fcntl.LOCK_UN)\n"
        "fcntl.lockf(other, fcntl.LOCK_EX)\n"
        "os.close(other)\n"
    )
    ended = play(library, world, Plan(), f'exec "$0" -I -S -c "{script}"')
    assert ended.status == 0, ended
    assert kinds(ended.points, "one") == [
        *("open", "dup", "close", "lock", "write", "fsync", "chmod", "fstat"),
        *("truncate", "read", "unlock", "lock", "close"),
    ]


def test_names_are_known_in_all_that_changes_them(library: Path, world: World) -> None:
    script = (
        "import os\n"
        "os.open('new', os.O_CREAT | os.O_WRONLY)\n"
        "os.rename('new', 'old'); os.link('old', 'hard'); os.symlink('old', 'soft')\n"
        "os.readlink('soft'); os.stat('soft'); os.lstat('soft'); os.access('old', os.R_OK)\n"
        "os.chmod('old', 0o600); os.unlink('old'); os.mkdir('folder'); os.listdir('folder')\n"
        "os.rmdir('folder')\n"
    )
    ended = play(library, world, Plan(), f'exec "$0" -I -S -c "{script}"')
    assert ended.status == 0, ended
    assert kinds(ended.points, "new") == ["create"]
    assert kinds(ended.points, "old") == ["rename", "access", "chmod", "unlink"]
    assert kinds(ended.points, "hard") == ["link"]
    assert kinds(ended.points, "soft") == ["symlink", "readlink", "stat", "stat"]
    assert kinds(ended.points, "folder") == ["mkdir", "opendir", "rmdir"]


def test_sockets_are_counted(library: Path, world: World) -> None:
    script = (
        "import socket\n"
        "served = socket.create_server(('127.0.0.1', 0))\n"
        "asked = socket.create_connection(('localhost', served.getsockname()[1]))\n"
        "asked.sendall(b'x')\n"
        "served.accept()[0].recv(1)\n"
    )
    ended = play(library, world, Plan(), f'exec "$0" -I -S -c "{script}"')
    assert ended.status == 0, ended
    found = kinds(ended.points, "network")
    assert {"resolve", "socket", "connect", "send", "receive", "hang_up"} == set(found)


def test_it_kills_at_the_very_operation(library: Path, world: World) -> None:
    ended = play(library, world, at(Point("open", "two"), "kill"), 'cat one; cat two; echo "$?"')
    assert (ended.status, ended.stdout) == (0, b"1137\n")
    assert ended.befell == [Point("open", "two")]


def test_it_sends_a_signal(library: Path, world: World) -> None:
    plan = at(Point("open", "two"), "signal", signal.SIGTERM)
    assert play(library, world, plan, 'cat two; echo "$?"').stdout == b"143\n"


def test_an_errno_comes_once_or_from_then_on(library: Path, world: World) -> None:
    script = "cat one; cat one; cat one; cat two"
    second = Point("open", "one", 2)
    assert play(library, world, at(second, "fail", 5), script).stdout == b"112"
    plan = at(second, "fail", 5, times=0, then=FILES)
    ended = play(library, world, plan, script)
    assert ended.stdout == b"1"
    assert b"Input/output error" in ended.stderr
    assert play(library, world, at(second, "fail", 5, times=2, then=FILES), script).stdout == b"12"
    plan = at(second, "fail", 5, times=0, then=FILES, then_glob="o*")
    assert play(library, world, plan, script).stdout == b"12"


def test_the_nth_of_all_operations_can_be_chosen(library: Path, world: World) -> None:
    script = "cat one; cat two"
    points = play(library, world, Plan(), script).points
    nth = 1 + points.index(Point("open", "two"))
    assert play(library, world, Plan("kill", nth=nth), script).befell == [Point("open", "two")]


def test_a_stopped_process_goes_on_after_the_callers_turn(library: Path, world: World) -> None:
    seen = []

    def write() -> None:
        seen.append((world.root / "one").write_text("changed"))

    words = ("cat", str(world.root / "one"))
    plan = at(Point("open", "one"), "stop")
    ended = run(library, (), plan, world, prefix=(*words, "/dev/null"), while_stopped=write)
    assert seen
    assert ended.stdout.startswith(b"changed")


def test_a_sleep_is_ended_by_a_signal_as_a_slow_call_is(library: Path, world: World) -> None:
    script = (
        "import signal\n"
        "def ring(*_): raise SystemExit(9)\n"
        "signal.signal(signal.SIGALRM, ring); signal.alarm(1)\n"
        "open('one')\n"
    )
    plan = at(Point("open", "one"), "sleep", 3600)
    assert play(library, world, plan, f'exec "$0" -I -S -c "{script}"').status == 9


@pytest.mark.parametrize(
    ("path", "role"),
    [
        (f"cache/{RECORD}", "cache/RECORD"),
        (f"cache/{RECORD}.lock", "cache/RECORD.lock"),
        (f"cache/.{RECORD}.4711.0a1b2c3d.tmp", "cache/.RECORD.NEW.tmp"),
        ("cache/routes-e96852376812217", "cache/ROUTES"),
        ("cache/.routes-e96852376812217.4711.0a1b2c3d.tmp", "cache/.ROUTES.NEW.tmp"),
        ("config.toml", "config.toml"),
    ],
)
def test_roles_are_what_stays_the_same(path: str, role: str) -> None:
    assert role_of(path) == role


def test_without_a_compiler_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoInjector, match="cc"):
        build(tmp_path)


def test_the_clock_differs_from_the_start_or_is_set_at_an_operation(
    library: Path, world: World
) -> None:
    script = (
        'date +%s; cat one >/dev/null; date +%s; "$0" -I -S -c "import time; print(time.time())"'
    )
    plan = Plan("set", -7200, ("open",), "one", ahead=86400)
    before, after, python = map(float, play(library, world, plan, script).stdout.split())
    now = time.time()
    assert before == pytest.approx(now + 86400, abs=60)
    assert python == pytest.approx(after, abs=60)
    assert after == pytest.approx(now + 86400 - 7200, abs=60)


def test_a_host_has_the_name_that_it_was_given(library: Path, world: World) -> None:
    assert play(library, world, Plan(host="node7"), "uname -n").stdout == b"node7\n"
