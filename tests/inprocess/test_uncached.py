"""Python programs where nothing can be kept on disk: one token for each process all the same."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

import credhelper
from credhelper import Credentials
from credhelper.inprocess import memory_cache
from credhelper.inprocess import tokens as inprocess
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import SERVICE, World


@pytest.fixture(params=["homeless", "in a file's place"])
def diskless(request: pytest.FixtureRequest, scratch_world: World) -> dict[str, str]:
    """Give this test an environment in which there is no cache folder, and can be none."""
    environ = dict(scratch_world.environ)
    if request.param == "homeless":
        for name in ("HOME", "CREDHELPER_CACHE_DIR", "CREDHELPER_STATE_DIR", "XDG_RUNTIME_DIR"):
            del environ[name]
        environ["HOME"] = "/nonexistent"
    else:
        occupied = scratch_world.root / "file"
        occupied.touch(0o600)
        environ["CREDHELPER_CACHE_DIR"] = str(occupied / "cache")
    return environ


def test_many_calls_make_one_token(
    diskless: dict[str, str], running_sandbox: RunningSandbox
) -> None:
    moment = time.time()
    tokens = set()
    for tenth in range(50):
        now = moment + tenth / 10  # five seconds: the config is looked at in each of them
        tokens.add(inprocess.get_token(environ=diskless, clock=lambda: now))  # noqa: B023  # called at once
    assert len(tokens) == 1
    assert running_sandbox.stats()["created"] == 1


def test_many_threads_make_one_token(
    diskless: dict[str, str], running_sandbox: RunningSandbox
) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(inprocess.get_token(environ=diskless)))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), len(set(found))) == (20, 1)
    assert running_sandbox.stats()["created"] == 1


def test_it_is_renewed_before_it_expires_and_served_while_that_fails(
    diskless: dict[str, str], running_sandbox: RunningSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    first = inprocess.get_token(environ=diskless)
    almost = time.time() + 86400 - 30
    running_sandbox.fault({"status": 500, "times": "always"})
    assert inprocess.get_token(environ=diskless, clock=lambda: almost) == first
    assert "could not renew profile main" in caplog.text
    with pytest.raises(credhelper.errors.UnreachableError):
        inprocess.get_token(environ=diskless, clock=lambda: almost + 60)


def test_a_refused_token_is_replaced_once_in_ten_seconds(
    diskless: dict[str, str], running_sandbox: RunningSandbox
) -> None:
    made = Credentials(environ=diskless)
    first = made.token()
    assert not made.reject("somebody else's")
    assert made.token() == first
    second = made.another(SERVICE, first)
    assert second == made.token() != first
    assert made.another(SERVICE, second) is None
    assert running_sandbox.stats()["created"] == 2


def test_another_key_makes_another_token(diskless: dict[str, str], scratch_world: World) -> None:
    now = time.time()
    first = inprocess.get_token(environ=diskless, clock=lambda: now)
    key = scratch_world.root / "api-key"
    os.replace(_copy(key), key)
    assert inprocess.get_token(environ=diskless, clock=lambda: now + 1) != first


def test_a_key_in_a_variable_is_one_identity_as_long_as_it_stays(
    diskless: dict[str, str], scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    scratch_world.configure(
        running_sandbox.url, running_sandbox.api_key, main={"grant": {"env": "KEY"}}
    )
    environ = {**diskless, "KEY": running_sandbox.api_key}
    now = time.time()
    first = inprocess.get_token(environ=environ, clock=lambda: now)
    assert inprocess.get_token(environ=environ, clock=lambda: now + 1) == first
    environ["KEY"] = "wrong"
    with pytest.raises(credhelper.errors.RejectedError):
        inprocess.get_token(environ=environ, clock=lambda: now + 2)


def test_a_child_is_not_kept_waiting_by_a_thread_that_it_does_not_have(
    diskless: dict[str, str],
) -> None:
    inprocess.get_token(environ=diskless)
    with memory_cache._making:
        child = os.fork()
        if child == 0:
            inprocess.forget()
            inprocess.get_token(environ=diskless)
            os._exit(0)
        _, status = os.waitpid(child, 0)
    assert status == 0


def _copy(path: Path) -> Path:
    copy = path.with_suffix(".new")
    copy.touch(0o600)
    copy.write_bytes(path.read_bytes())
    return copy
