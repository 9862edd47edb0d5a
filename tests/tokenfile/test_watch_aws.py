"""`write` and `watch` of AWS keys, as processes, against a living sandbox."""

from __future__ import annotations

import configparser
import json
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import Outcome, World
from tests.tokenfile.jobs import until

FOLDER = {"aws": {"folder": "fol.alpha"}}
OTHERS = (
    "# mine\r\n[default]\r\naws_access_key_id = AKIAMINE\r\naws_secret_access_key = pass%word\r\n"
)
FORM = ("--format", "aws-credentials")


@pytest.fixture
def bought(scratch_world: World, running_sandbox: RunningSandbox) -> World:
    """Give this test a world whose profile `main` buys AWS keys, and whose profile `bare` not."""
    scratch_world.configure(running_sandbox.url, running_sandbox.api_key, main=FOLDER, bare={})
    scratch_world.canaries.append("pass%word")
    return scratch_world


def written(path: Path) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser()
    parser.read(path)
    return {name: dict(parser.items(name)) for name in parser.sections()}


def hold_to_silence(world: World, outcome: Outcome, api: RunningSandbox) -> None:
    world.hold_to_silence(outcome)
    for keys in api.aws():
        for name in ("secretAccessKey", "sessionToken"):
            assert keys[name].encode() not in outcome.stdout + outcome.stderr, "keys were shown"


def test_write_puts_the_keys_of_credhelper_aws_into_a_section_of_their_own(
    bought: World, running_sandbox: RunningSandbox
) -> None:
    path = bought.root / "credentials"
    path.write_bytes(OTHERS.encode())
    path.chmod(0o644)
    outcome = bought.run("write", *FORM, "--to", str(path))
    assert (outcome.status, outcome.stdout, outcome.told) == (0, b"", "")
    keys = json.loads(bought.run("aws").stdout)
    assert written(path).pop("main") == {
        "aws_access_key_id": keys["AccessKeyId"],
        "aws_secret_access_key": keys["SecretAccessKey"],
        "aws_session_token": keys["SessionToken"],
    }
    data = path.read_bytes()
    assert data.startswith(OTHERS.encode())
    assert data.count(b"\r\n") == data.count(b"\n")
    assert f", until {keys['Expiration']}".encode() in data
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    stats = running_sandbox.stats()
    assert (stats["created"], stats["exchanged"]) == (1, 1)


def test_logout_names_the_file_and_leaves_it(
    bought: World, running_sandbox: RunningSandbox
) -> None:
    path = bought.root / "credentials"
    assert bought.run("write", *FORM, "--to", str(path), "-p", "main").status == 0
    before = path.read_bytes()
    outcome = bought.run("logout", "-p", "main")
    assert f"what was written into {path} is still there" in outcome.stdout.decode()
    hold_to_silence(bought, outcome, running_sandbox)
    assert path.read_bytes() == before


@pytest.mark.parametrize("command", ["write", "watch"])
def test_a_profile_that_does_not_say_what_for_is_told_as_by_credhelper_aws(
    bought: World, running_sandbox: RunningSandbox, command: str
) -> None:
    path = bought.root / "credentials"
    outcome = bought.run(command, *FORM, "--to", str(path), "--profile", "bare")
    expected = bought.run("aws", "--profile", "bare")
    assert (outcome.status, outcome.told) == (expected.status, expected.told)
    assert not path.exists()
    assert running_sandbox.stats()["created"] == 0


@pytest.mark.parametrize("command", ["write", "watch"])
def test_a_service_has_no_say_in_aws_keys(
    bought: World, running_sandbox: RunningSandbox, command: str
) -> None:
    path = bought.root / "credentials"
    words = [command, *FORM, "--to", str(path), "--service", "https://ica.example"]
    outcome = bought.run(*words)
    assert (outcome.status, path.exists()) == (2, False)
    assert "--service does not go with format aws-credentials" in outcome.told
    assert running_sandbox.stats()["created"] == 0


@pytest.mark.sampled(3)
@pytest.mark.parametrize("command", ["write", "watch"])
@pytest.mark.parametrize(
    ("before", "why"),
    [
        (
            "[main]\naws_access_key_id = AKIAMINE\naws_secret_access_key = pass%word\n",
            "another program",
        ),
        ("[ main ]\nrole_arn = pass%word\n", "another program"),
        ("[a]\nx = pass%word\n[a]\n", "line 3: it is there twice"),
        ("pass%word\n", "line 1: it is not INI"),
        ("\ufeff[a]\nx = pass%word\n", "byte order mark"),
    ],
)
def test_a_file_that_is_left_alone_is_noted_nowhere(
    bought: World, running_sandbox: RunningSandbox, command: str, before: str, why: str
) -> None:
    path = bought.root / "credentials"
    path.write_text(before)
    outcome = bought.run(command, *FORM, "--to", str(path))
    assert outcome.status == 2, outcome
    assert f"error: {path}: " in outcome.told
    assert why in outcome.told
    assert "left alone" in outcome.told
    hold_to_silence(bought, outcome, running_sandbox)
    assert path.read_text() == before
    assert str(path) not in bought.run("logout", "-p", "main").stdout.decode()


def test_watch_keeps_the_keys_fresh_and_the_rest_as_it_is(
    tmp_path: Path, start_sandbox: Callable[..., RunningSandbox]
) -> None:
    api = start_sandbox("--aws-lifetime", "6")
    world = World(tmp_path)
    world.configure(api.url, api.api_key, main=FOLDER, look={"aws": {"folder": "fol.beta"}})
    path = world.root / "credentials"
    path.write_text(OTHERS)
    # Two into one file, which must not undo each other.
    names = ("main", "look")
    words = ("watch", *FORM, "--to", str(path), "--profile")
    watchers = [world.start(*words, name) for name in names]
    seen: dict[str, set[str]] = {name: set() for name in names}

    def three_keys() -> bool:
        now = time.time()
        living = {keys["accessKeyId"]: keys["expires"] for keys in api.aws()}
        for name, found in written(path).items():
            if name in names:
                key = found["aws_access_key_id"]
                assert living.get(key, now) >= now, "the file holds keys that have ended"
                seen[name].add(key)
        assert path.read_bytes().startswith(OTHERS.encode())
        return all(len(keys) >= 3 for keys in seen.values())

    until(three_keys, "the file was not replaced")
    for process in watchers:
        process.terminate()
        outcome = world.finish(process)
        assert (outcome.stdout, outcome.told) == (b"", "")
        hold_to_silence(world, outcome, api)
    assert written(path).keys() == {"default", *names}
    assert api.stats()["created"] == 1


def test_watch_says_once_that_a_section_is_not_ours_any_more_and_leaves_it(
    tmp_path: Path, start_sandbox: Callable[..., RunningSandbox]
) -> None:
    api = start_sandbox("--aws-lifetime", "6")
    world = World(tmp_path)
    world.configure(api.url, api.api_key, main=FOLDER)
    path = world.root / "credentials"
    process = world.start("watch", *FORM, "--to", str(path))
    until(path.exists, "no file was made")
    theirs = "[main]\naws_access_key_id = AKIAMINE\naws_secret_access_key = mine\n"
    path.write_text(theirs)
    os.set_blocking(process.stderr.fileno(), False)  # type: ignore[union-attr]  # it is a pipe
    told = b""

    def complained() -> bool:
        nonlocal told
        told += process.stderr.read() or b""  # type: ignore[union-attr]  # it is a pipe
        return b"hint" in told

    until(complained, "nothing was said")
    assert f"could not keep {path} fresh: another program wrote".encode() in told
    assert path.read_text() == theirs
    path.unlink()  # then it is ours again
    until(path.exists, "no file was made again")
    process.terminate()
    outcome = world.finish(process)
    assert (told + outcome.stderr).count(b"warning") == 1
    assert written(path).keys() == {"main"}
