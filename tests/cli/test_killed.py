"""Commands that are killed between two files: the next one takes away what nobody owns any more."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Person

KILLED = """
import os, signal, sys
from credhelper.cli.main import people
real = os.{call}
def killed(path, *rest, **how):
    if sys.argv[1] in str(path) and (not sys.argv[2] or sys.argv[2] in str(rest)):
        {before}
        os.kill(os.getpid(), signal.SIGKILL)
    return real(path, *rest, **how)
os.{call} = killed
people(sys.argv[3:])
"""


def killed(
    person: Person, call: str, path: str, to: str, *words: str, stdin: str = "", late: bool = False
) -> None:
    """Run a command that is killed at its first `call` (of `os`) that concerns `path` and `to`.

    Parameters: `late`, right after that call, instead of right before.
    """
    before = "real(path, *rest, **how)" if late else "pass"
    code = KILLED.format(call=call, before=before)
    done = subprocess.run(
        [sys.executable, "-c", code, path, to, *words],
        env=person.world.environment(),
        input=stdin.encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done


def holding(world_root: Path, secret: str) -> list[str]:
    found = [path for path in world_root.rglob("*") if path.is_file()]
    return [str(path) for path in found if secret.encode() in path.read_bytes()]


def key_files(person: Person) -> list[str]:
    return sorted(path.name for path in (person.world.state / "grants").glob("*.key"))


@pytest.mark.parametrize("late", [False, True])
def test_a_typed_key_goes_though_its_profiles_removal_was_killed(
    person: Person, late: bool
) -> None:
    person.logs_in("--profile", "one")
    person.logs_in("--profile", "two", "--cid", "project-alpha")
    place = ("replace", ".config.toml", "", "profile", "remove", "two", "--yes")
    killed(person, *place, late=late)
    person.types("profile", "list")
    assert key_files(person) == ["one.key"]
    if not late:  # the profile is still there: it is removed by another try
        assert person.types("profile", "remove", "two", "--yes").status == 0
    assert "profiles.two" not in person.config()


def test_a_typed_key_goes_though_its_login_was_killed_before_the_config_names_it(
    person: Person,
) -> None:
    words = ("login", "--url", person.api.url)
    killed(person, "replace", ".config.toml", "", *words, stdin=person.api.api_key)
    assert holding(person.world.root, person.api.api_key)
    person.types("status")
    assert holding(person.world.root, person.api.api_key) == []


def test_half_a_typed_key_is_swept_by_the_next_command_of_a_person(person: Person) -> None:
    person.logs_in()
    words = ("login", "--url", person.api.url, "-p", "other")
    killed(person, "replace", "other.key.", "other.key'", *words, stdin=person.api.api_key)
    assert len(holding(person.world.root, person.api.api_key)) == 2
    assert person.types("status").status == 0
    assert holding(person.world.root, person.api.api_key) == [
        str(person.world.state / "grants" / "default.key")
    ]


def test_a_key_that_another_config_names_stays(person: Person) -> None:
    other = {"CREDHELPER_CONFIG": str(person.world.root / "other.toml")}
    person.logs_in()
    words = ("login", "--url", person.api.url)
    assert person.types(*words, stdin=person.api.api_key, environ=other).status == 0
    assert person.types("profile", "remove", "default", "--yes").status == 0
    assert key_files(person) == ["default.key"]
    assert person.types("profile", "remove", "default", "--yes", environ=other).status == 0
    assert key_files(person) == []


def test_half_a_token_beside_a_written_file_is_swept_by_the_next_write(person: Person) -> None:
    person.logs_in()
    target = person.world.home / "token"
    killed(person, "replace", ".token.", "", "write", "--to", str(target))
    token = person.token()
    assert [re.sub(r"\d.*", "", Path(path).name) for path in holding(person.world.home, token)] == [
        ".token."
    ]
    assert person.types("write", "--to", str(target)).status == 0
    assert holding(person.world.home, token) == [str(target)]


def test_a_logout_that_is_killed_after_the_server_has_revoked_leaves_nothing_to_serve(
    person: Person,
) -> None:
    person.logs_in()
    token = person.token()
    person.api.fault({"method": "DELETE", "drip": 0.5, "times": "always"})
    leaving = person.world.start("logout")
    for _ in range(200):
        if not person.api.admits(token):
            break
        time.sleep(0.05)
    leaving.kill()
    leaving.communicate()
    assert not person.api.admits(token)
    person.api.reset()
    outcome = person.world.run("get")
    assert token.encode() not in outcome.stdout
    person.types("logout")
    assert holding(person.world.root, token) == []


def test_a_session_that_is_made_while_its_profile_becomes_another_is_dropped(
    person: Person,
) -> None:
    person.logs_in("--keep-session")
    for record in person.world.records():
        record.unlink()
    for record in (person.world.state / "sessions").iterdir():
        record.unlink()
    person.api.reset()
    person.api.fault({"method": "POST", "delay": 6, "times": "always"})
    getting = person.world.start("get")
    while not person.api.stats()["requests"]:
        time.sleep(0.05)
    changed = person.types("profile", "add", "default", "--domain", "acme")
    assert changed.status == 0
    getting.communicate(timeout=60)
    sessions = [p for p in (person.world.state / "sessions").iterdir() if "." not in p.name]
    assert sessions == []
