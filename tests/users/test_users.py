"""Several users on one machine: nobody reads or uses anybody else's token, and is told why."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World, snapshot, tokens_in
from tests.users.conftest import ADA, BOB, Machine

# As `su` and `sudo` may leave them: the home's own places.
_USUAL = dict.fromkeys(("CREDHELPER_CONFIG", "CREDHELPER_CACHE_DIR", "CREDHELPER_STATE_DIR"))
_SHOW = ("sh", "-c", 'echo "$BEARER_TOKEN_FILE"; stat -c "%u %a" "$BEARER_TOKEN_FILE"')


def at_home(world: World) -> None:
    """Put the config of a world where it is looked for without any variable."""
    place = world.home / ".config" / "credhelper"
    place.mkdir(parents=True)
    world.config.rename(place / "config.toml")
    assert world.user is not None
    for path in (world.home / ".config", place):
        os.chown(path, world.user, world.user)


def test_another_user_can_read_no_secret_of_ours(
    machine: Machine, running_sandbox: RunningSandbox
) -> None:
    ada = machine.ada
    ada.configure(running_sandbox.url, running_sandbox.api_key, main={"keep_session": True})
    ada.get()
    login = ["login", "--profile", "typed", "--url", running_sandbox.url]
    assert ada.run(*login, stdin=running_sandbox.api_key.encode()).status == 0
    files = [path for path in ada.root.rglob("*") if path.is_file()]
    secret = [path for path in files if tokens_in(path.read_bytes())]
    secret += [path for path in files if running_sandbox.api_key.encode() in path.read_bytes()]
    assert {path.parent.name for path in secret} >= {"cache", "sessions", "grants", "ada"}
    for path in secret:
        told = machine.as_bob("cat", str(path))
        assert (told.returncode, told.stdout) == (1, b""), path


def test_a_job_keeps_its_token_file_from_other_users(machine: Machine) -> None:
    script = 'echo "$BEARER_TOKEN_FILE"; read line'
    process = machine.ada.start("exec", "--refresh", "--", "sh", "-c", script)
    assert process.stdout is not None
    path = process.stdout.readline().decode().strip()
    assert tokens_in(Path(path).read_bytes())
    assert machine.as_bob("cat", path).returncode == 1
    assert machine.as_bob("ls", str(Path(path).parent)).returncode != 0
    assert machine.ada.finish(process, b"\n").status == 0


@pytest.mark.sampled(3)
@pytest.mark.parametrize("mode", [0o700, 0o770, 0o1777])
def test_a_cache_folder_that_two_users_name_serves_its_owner_alone(
    mode: int, machine: Machine, running_sandbox: RunningSandbox
) -> None:
    shared = machine.common / "cache"
    environ = {"CREDHELPER_CACHE_DIR": str(shared)}
    shared.mkdir(0o700)
    os.chown(shared, ADA, BOB)
    token = machine.ada.get(environ=environ)
    shared.chmod(mode)
    before = snapshot(shared)
    told = machine.bob.run("get", environ=environ)
    assert told.status == 0, told
    assert told.token != token
    assert f"folder {shared} belongs to another user (uid {ADA})" in told.told
    assert "credhelper: hint: set CREDHELPER_CACHE_DIR" in told.told
    assert machine.bob.run("status", environ=environ).status == 0
    assert snapshot(shared) == before
    assert running_sandbox.stats()["created"] == 2
    # Its owner does not trust it either, once others can write there.
    told = machine.ada.run("get", environ=environ)
    assert (told.token == token) == (mode == 0o700)
    assert (f"chmod 700 {shared}" in told.told) == (mode != 0o700)


def test_a_record_that_another_user_planted_is_not_served(machine: Machine) -> None:
    machine.ada.get()
    machine.bob.get()
    (ours,) = machine.bob.records()
    (theirs,) = machine.ada.records()
    ours.write_bytes(theirs.read_bytes())
    os.chown(ours, ADA, ADA)
    (held,) = machine.ada.held()
    assert machine.bob.run("get").token != held["token"]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("place", ["cache", "state"])
def test_a_folder_of_ours_is_not_made_where_a_group_could_replace_it(
    place: str, machine: Machine, running_sandbox: RunningSandbox
) -> None:
    os.chown(machine.common, ADA, BOB)
    machine.common.chmod(0o775)
    name = f"CREDHELPER_{place.upper()}_DIR"
    environ = {name: str(machine.common / place)}
    if place == "cache":
        told = machine.ada.run("get", environ=environ)
        assert (told.status, len(tokens_in(told.stdout))) == (0, 1), told
    else:
        login = ["login", "--profile", "typed", "--url", running_sandbox.url]
        secret = running_sandbox.api_key.encode()
        told = machine.ada.run(*login, stdin=secret, environ=environ)
        assert told.status == 7, told
    assert str(machine.common) in told.told
    assert f"chmod g-w {machine.common}" in told.told
    assert list(machine.common.iterdir()) == []


@pytest.mark.sampled(3)
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_a_key_of_another_user_is_used_by_nobody_else(mode: int, machine: Machine) -> None:
    key = machine.ada.root / "api-key"
    key.chmod(mode)
    os.chown(key, ADA, BOB)
    text = machine.bob.config.read_text().replace(str(machine.bob.root / "api-key"), str(key))
    machine.bob.config.write_text(text)
    told = machine.bob.run("get")
    assert told.status == 6, told
    assert not told.stdout
    assert str(key) in told.told


def test_sudo_that_keeps_the_home_of_another_user_uses_nothing_there(machine: Machine) -> None:
    at_home(machine.ada)
    machine.ada.get(environ=_USUAL)
    before = snapshot(machine.ada.home)
    # As `sudo -u bob` with HOME kept: root is told the same in tests/cli/test_hints.py.
    environ = {**_USUAL, "HOME": str(machine.ada.home)}
    asked = b"protocol=https\nhost=ica.example\n\n"
    for words in (["get"], ["status"], ["git", "get"], ["docker", "get"], ["profile", "list"]):
        told = machine.bob.run(*words, environ=environ, stdin=asked)
        assert not tokens_in(told.stdout), words
    told = machine.bob.run("get", environ=environ)
    assert told.status == 6, told
    assert "belongs to another user" in told.told
    assert str(machine.ada.home) in told.told
    assert snapshot(machine.ada.home) == before


def test_a_runtime_folder_of_another_user_is_passed_over(machine: Machine) -> None:
    # `su` keeps XDG_RUNTIME_DIR.
    runtime = machine.common / "run"
    runtime.mkdir(0o700)
    os.chown(runtime, ADA, ADA)
    environ = {"XDG_RUNTIME_DIR": str(runtime)}
    told = machine.bob.run("exec", "--refresh", "--", *_SHOW, environ=environ)
    path, how = told.stdout.decode().split("\n")[:2]
    assert (told.status, how) == (0, f"{BOB} 600"), told
    assert path.startswith(f"/tmp/credhelper-{BOB}/")
    assert list(runtime.iterdir()) == []


def test_a_runtime_folder_that_another_user_made_before_us_is_passed_over(machine: Machine) -> None:
    planted = Path(f"/tmp/credhelper-{BOB}")
    shutil.rmtree(planted, ignore_errors=True)
    planted.mkdir(0o777)
    os.chown(planted, ADA, ADA)
    environ = {"XDG_RUNTIME_DIR": None}
    told = machine.bob.run("exec", "--refresh", "--", *_SHOW, environ=environ)
    path, how = told.stdout.decode().split("\n")[:2]
    assert (told.status, how) == (0, f"{BOB} 600"), told
    assert path.startswith(f"{machine.bob.cache}/run/")
    assert list(planted.iterdir()) == []


def test_a_socket_of_an_agent_is_for_its_user(machine: Machine) -> None:
    place = machine.common / "agent"
    os.chown(machine.common, ADA, BOB)
    machine.common.chmod(0o775)
    words = ["agent", "--socket", str(place / "socket"), "--service", "https://ica.example"]
    told = machine.ada.run(*words)
    assert told.status == 7, told
    assert str(machine.common) in told.told
    assert not place.exists()
