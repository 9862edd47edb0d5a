"""When records are swept: after a renewal's answer, outside of all locks, and never otherwise."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from credhelper import get_token
from credhelper.broker import answer
from credhelper.broker.context import Context
from credhelper.core import record
from credhelper.core.model import Request
from credhelper.inprocess import tokens
from credhelper.storage import sweep
from credhelper.tokenfile import keeping, renewer
from tests.faults.injector import Plan, build, run
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World

DAY = 86400
NAME = "d" * 32


def dead(world: World, name: str = NAME, *, folder: Path | None = None, ago: float = 40) -> Path:
    """Put a record that ended `ago` days ago into the cache, which is made if it is not there."""
    path = (folder or world.cache) / name
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    then = time.time() - ago * DAY
    path.write_bytes(record.encode({"token": "t", "expires": str(int(then))}))
    path.chmod(0o600)
    os.utime(path, (then, then))
    return path


def as_if_later(world: World) -> None:
    """Make the last sweep older than the pause between two."""
    then = time.time() - 2 * sweep.PAUSE
    for path in world.cache.glob("swept.*"):
        os.utime(path, (then, then))


def a_program(world: World) -> None:
    tokens.forget()
    get_token(environ=world.environ)


def a_keeper(world: World) -> None:
    path = str(world.root / "kept")
    kept = keeping.Keeping(path, "token", "main", "", 0, 0, "", keeping.stamp(path))
    assert renewer.renew(kept, world.environ, None)


def words(*words: str, **how: Any) -> Callable[[World], None]:
    def call(world: World) -> None:
        outcome = world.run(*words, **how)
        assert outcome.status == 0, outcome

    return call


DOORS: dict[str, Callable[[World], None]] = {
    "get": words("get"),
    "git": words(
        "get",
        program="git-credential-credhelper",
        stdin=b"protocol=https\nhost=ica.example\n\n",
    ),
    "json": words("json", stdin=b'{"action":"get","service":"https://ica.example"}\n'),
    "exec": words("exec", "--", "true"),
    "exec --refresh": words("exec", "--refresh", "--", "true"),
    "env": words("env"),
    "a Python program": a_program,
    "a keeper": a_keeper,
}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_every_door_sweeps_after_a_renewal_and_not_when_it_is_warm(
    scratch_world: World, door: Callable[[World], None]
) -> None:
    gone = dead(scratch_world), dead(scratch_world, folder=scratch_world.state / "sessions")
    door(scratch_world)
    assert not any(path.exists() for path in gone)
    as_if_later(scratch_world)
    stays = dead(scratch_world)
    door(scratch_world)
    assert stays.exists()


def test_a_command_that_writes_a_file_sweeps(scratch_world: World) -> None:
    gone = dead(scratch_world)
    assert scratch_world.run("write", "--to", str(scratch_world.root / "file")).status == 0
    assert not gone.exists()


def test_a_dialogue_sweeps_once_a_minute(scratch_world: World) -> None:
    process = scratch_world.start("json")
    assert process.stdin is not None
    assert process.stdout is not None

    def ask() -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        for path in scratch_world.records():
            if path.name != NAME:
                path.unlink()
        process.stdin.write(b'{"action":"get","service":"https://ica.example"}\n')
        assert json.loads(process.stdout.readline())
        # The next answer comes after the sweep.
        process.stdin.write(b'{"action":"get","service":"https://nobody.example"}\n')
        assert json.loads(process.stdout.readline())

    gone = dead(scratch_world)
    ask()
    assert not gone.exists()
    gone = dead(scratch_world)
    ask()
    assert gone.exists()
    as_if_later(scratch_world)
    ask()
    assert not gone.exists()
    scratch_world.finish(process)


def test_a_reject_and_a_failure_sweep_nothing(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    token = scratch_world.prepare()
    as_if_later(scratch_world)
    stays = dead(scratch_world)
    question = f"protocol=https\nhost=ica.example\npassword={token}\n\n".encode()
    scratch_world.run("erase", program="git-credential-credhelper", stdin=question)
    running_sandbox.fault({"status": 503, "times": 100})
    scratch_world.age(90000)
    assert scratch_world.run("get").status != 0
    assert stays.exists()


def test_the_answer_is_given_and_the_lock_let_go_before_anything_is_swept(
    scratch_world: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    library = build(tmp_path_factory.getbasetemp())
    gone = dead(scratch_world)
    out = scratch_world.root / "out"
    seen: list[object] = []

    def look() -> None:
        # The process stands still just where it would remove the dead record.
        seen.append(out.read_bytes().decode().strip())
        (lock,) = (path for path in scratch_world.cache.glob("*.lock") if is_of_a_token(path))
        done = subprocess.run(["flock", "--nonblock", str(lock), "true"], check=False)
        seen.append(done.returncode)

    def is_of_a_token(path: Path) -> bool:
        return not path.name.startswith(("routes", NAME))

    ended = run(
        library,
        ["get"],
        Plan("stop", 0, ("unlink",), f"*/{NAME}"),
        scratch_world,
        prefix=("sh", "-c", f'exec "$@" >{out}', "sh"),
        while_stopped=look,
    )
    assert ended.status == 0, ended
    assert seen == [scratch_world.get(), 0]
    assert not gone.exists()


@pytest.mark.parametrize("ahead", [10, 0], ids=["ahead", "right"])
def test_a_host_whose_clock_is_ahead_removes_nothing_that_lives_by_the_servers(
    scratch_world: World, running_sandbox: RunningSandbox, ahead: int
) -> None:
    # As in a shared home where this host's clock is `ahead` days ahead of the server's.
    path = dead(scratch_world, ago=5)
    running_sandbox.fault({"date": -ahead * DAY, "times": 9})
    context = Context(scratch_world.environ, warn=lambda *_: None)
    answer.get(context, Request("get"))
    answer.tidy_up()
    assert path.exists() == bool(ahead)


def test_logout_of_everything_sweeps_everything_at_once(scratch_world: World) -> None:
    scratch_world.prepare()
    for number in range(sweep.MOST + 10):
        dead(scratch_world, f"routes-{number:x}.6-0.0.1")
    stays = dead(scratch_world, "routes-1.salt")
    assert scratch_world.run("logout", "--all").status == 0
    assert len(list(scratch_world.cache.glob("routes-*.6-*"))) == 0
    assert stays.exists()
