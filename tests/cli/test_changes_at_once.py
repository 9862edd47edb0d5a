"""Commands that change one profile at once: none loses what another reported as done."""

from __future__ import annotations

import os
import pty
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Person
from tests.support.programs import command


def profile(person: Person) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(person.config())["profiles"]["default"]
    return found


class WaitingLogin:
    """A login that has read the config, and waits at a terminal for its key."""

    def __init__(self, person: Person, *words: str) -> None:
        self.person = person
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [*command(), "login", *words],
            stdin=slave,
            stdout=subprocess.PIPE,
            stderr=slave,
            env=person.world.environment(),
            cwd="/",
            start_new_session=True,
        )
        os.close(slave)
        self.shown = b""
        while b": " not in self.shown:
            self.shown += os.read(self.master, 1024)

    def goes_on(self, secret: str) -> tuple[int, str]:
        """Type the secret; return the exit status, and all that was shown."""
        os.write(self.master, secret.encode() + b"\n")
        stdout, _ = self.process.communicate(timeout=60)
        try:
            while chunk := os.read(self.master, 1024):
                self.shown += chunk
        except OSError:
            pass  # the other end is closed
        os.close(self.master)
        assert secret.encode() not in self.shown + stdout
        return self.process.returncode, (self.shown + stdout).decode()


def test_what_four_commands_change_at_once_is_all_there(person: Person) -> None:
    person.logs_in()
    for turn in range(1, 5):
        given = {
            "min-ttl": str(turn),
            "username": f"user{turn}",
            "refresh-before": str(turn + 100),
            "service": f"https://h{turn}.example",
        }
        running = [
            person.world.start("profile", "add", "default", f"--{option}", value)
            for option, value in given.items()
        ]
        assert [person.world.finish(one).status for one in running] == [0] * 4
        now = profile(person)
        found = now["min_ttl"], now["username"], now["refresh_before"]
        assert found == (turn, f"user{turn}", turn + 100)
        assert len(now["services"]) == turn


def test_services_and_other_keys_of_several_commands_are_all_there(person: Person) -> None:
    person.logs_in("--service", "https://own.example")
    running = [
        person.world.start(
            *("profile", "add", "default", "--service", f"https://h{n}.example"),
            *(f"--{option}", f"v{n}"),
        )
        for n, option in enumerate(("cid", "cwid", "username", "data"))
    ]
    assert [person.world.finish(one).status for one in running] == [0] * 4
    now = profile(person)
    assert [now[key] for key in ("cid", "cwid", "username", "data")] == ["v0", "v1", "v2", "v3"]
    assert len(now["services"]) == 5


def test_new_profiles_made_at_once_leave_the_default_that_was_asked_for(person: Person) -> None:
    person.world.config.parent.mkdir(parents=True, exist_ok=True)
    for turn in range(4):
        person.world.config.unlink(missing_ok=True)
        words = [["profile", "add", f"p{n}", "--grant-env", "KEY"] for n in range(4)]
        words[0].append("--default")
        running = [person.world.start(*one) for one in words]
        assert [person.world.finish(one).status for one in running] == [0] * 4, turn
        assert tomllib.loads(person.config())["default_profile"] == "p0"


def test_a_login_keeps_what_was_changed_while_it_waited(person: Person) -> None:
    person.logs_in("--service", "https://own.example")
    login = WaitingLogin(person, "--service", "https://new.example")
    words = ["--service", "https://c.example", "--cid", "project-alpha", "--min-ttl", "600"]
    assert person.types("profile", "add", "default", *words).status == 0
    status, shown = login.goes_on(person.api.api_key)
    assert status == 0, shown
    now = profile(person)
    assert (now["cid"], now["min_ttl"]) == ("project-alpha", 600)
    hosts = [one.removeprefix("https://") for one in now["services"]]
    assert hosts == ["own.example", "c.example", "new.example"]
    assert "project project-alpha" in shown
    minted = person.api.stats()["created"]
    person.token()
    assert person.api.stats()["created"] == minted + 1  # one for the project that is set now


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (["--url", "https://other.example"], "url"),
        (["--api", "ica"], "api"),
        (["--grant-env", "KEY"], "grant"),
        (["--domain", "acme"], "domain"),
    ],
)
def test_a_login_is_not_written_over_another_way_to_log_in(
    words: list[str], key: str, person: Person
) -> None:
    person.logs_in()
    typed = person.world.state / "grants" / "default.key"
    typed.write_text("the former key\n")
    login = WaitingLogin(person)
    assert person.types("profile", "add", "default", *words).status == 0
    before, config = person.api.stats(), person.config()
    status, shown = login.goes_on(person.api.api_key)
    assert status == 6, shown
    assert f"{key} of profile default changed during the login" in shown.replace("api and url", key)
    assert "credhelper login --profile default" in shown
    assert person.config() == config
    assert not typed.exists() or typed.read_text() == "the former key\n"
    assert person.api.stats()["revoked"] > before["revoked"]


def test_a_profile_that_was_removed_is_not_made_anew_by_a_login(person: Person) -> None:
    person.logs_in()
    login = WaitingLogin(person)
    assert person.types("profile", "remove", "default", "--yes").status == 0
    status, shown = login.goes_on(person.api.api_key)
    assert status == 6, shown
    assert "profile default was removed meanwhile" in shown
    assert "profiles" not in tomllib.loads(person.config())
    assert not (person.world.state / "grants" / "default.key").exists()


@contextmanager
def blocked(folder: Path) -> Iterator[None]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("no folder")
    yield
    folder.unlink()


@pytest.mark.parametrize(
    "words", [[], ["--keep-session"], ["--user"]], ids=["key", "session", "password"]
)
def test_what_a_login_made_is_revoked_if_it_cannot_be_written(
    words: list[str], person: Person
) -> None:
    secret = person.api.api_key
    if words == ["--user"]:
        words, secret = ["--user", person.api.username], person.api.password
    folder = person.world.root / "blocked"
    environ = {"CREDHELPER_CONFIG": str(folder / "config.toml")}
    with blocked(folder):
        outcome = person.types(
            "login", "--url", person.api.url, *words, stdin=secret, environ=environ
        )
    assert outcome.status == 7, outcome
    stats = person.api.stats()
    assert stats["created"] == 1
    assert stats["revoked"] == stats["created"] + stats["minted"]
