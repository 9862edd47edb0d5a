"""`credhelper profile`: list, show, add, remove, use."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import tomllib
from typing import Any

import pytest

from tests.cli.conftest import Person
from tests.support.programs import command


def profiles(person: Person) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(person.config())["profiles"]
    return found


def test_a_service_is_added_to_a_profile(person: Person) -> None:
    person.logs_in("--service", "https://git.example")
    words = ["profile", "add", "default", "--service", "https://r.example", "--service", "h.test/x"]
    outcome = person.types(*words)
    assert outcome.status == 0
    assert "changed profile default" in outcome.stdout.decode()
    services = profiles(person)["default"]["services"]
    assert [one.removeprefix("https://") for one in services] == [
        "git.example",
        "r.example",
        "h.test/x",
    ]
    assert person.token("https://r.example") == person.token("https://git.example")
    assert person.types(*words).status == 0
    assert profiles(person)["default"]["services"] == services


def test_services_added_at_once_by_two_are_both_kept(person: Person) -> None:
    person.logs_in()
    running = [
        person.world.start("profile", "add", "default", "--service", f"https://h{n}.example")
        for n in range(6)
    ]
    assert [person.world.finish(process).status for process in running] == [0] * 6
    assert len(profiles(person)["default"]["services"]) == 6


def test_every_key_of_the_config_can_be_given(person: Person) -> None:
    given = {
        "url": "https://ica.example",
        "domain": "acme",
        "cid": "project",
        "cwid": "workgroup",
        "client_id": "client",
        "data": "data",
        "username": "me",
        "token": "session",
        "api_key_as": "basic",
        "session_lifetime": "2h",
    }
    words = ["profile", "add", "full"]
    for key, value in given.items():
        words += [f"--{key.replace('_', '-')}", value]
    words += ["--scopes", "A,B", "--keep-session", "--min-ttl", "90", "--ca-file", "/ca.pem"]
    words += ["--grant-command", "pass show 'a b'", "--service", "https://s.example"]
    assert person.types(*words).status == 0
    assert profiles(person)["full"] == {
        **given,
        "scopes": ["A", "B"],
        "keep_session": True,
        "min_ttl": 90,
        "ca_file": "/ca.pem",
        "grant": {"command": ["pass", "show", "a b"]},
        "services": ["https://s.example"],
    }
    shown = json.loads(person.types("profile", "show", "full", "--json").stdout)
    assert shown["grant"] == "the output of: pass show 'a b'"
    assert (shown["session_lifetime"], shown["min_ttl"], shown["auth"]) == (7200, 90, "api-key")


def test_relative_files_are_meant_from_where_the_person_is(person: Person) -> None:
    words = ["profile", "add", "x", "--grant-file", "key", "--ca-file", "~/ca.pem"]
    assert person.world.run(*words, cwd=person.world.root).status == 0
    assert profiles(person)["x"]["grant"] == {"file": str(person.world.root / "key")}
    assert profiles(person)["x"]["ca_file"] == str(person.world.home / "ca.pem")


@pytest.mark.parametrize(
    "words",
    [
        ["new"],
        ["new", "--cid", "x"],
        ["../x", "--grant-env", "A"],
        ["new", "--grant-env", "A", "--auth", "password"],
        ["new", "--grant-env", "A", "--url", "http://ica.example"],
        ["new", "--grant-env", "A", "--min-ttl", "soon"],
        ["new", "--grant-env", "A", "--min-ttl", "\u0661"],
        ["new", "--grant-env", "A", "--keyring", "S"],
        ["new", "--grant-env", "A", "--service", "https://u:p@h"],
        ["default"],
    ],
)
def test_what_makes_no_profile_changes_nothing(person: Person, words: list[str]) -> None:
    person.logs_in()
    before = person.config()
    outcome = person.types("profile", "add", *words)
    assert (outcome.status, outcome.stdout) == (2, b""), outcome
    assert person.config() == before


def test_the_list_marks_the_default(person: Person) -> None:
    assert "no profile is configured" in person.types("profile", "list").stdout.decode()
    person.logs_in("--profile", "one", "--service", "https://git.example")
    person.logs_in("--profile", "two")
    told = person.types("profile", "list").stdout.decode()
    assert f"* one  {person.api.url}  https://git.example\n" in told
    assert f"  two  {person.api.url}\n" in told
    document = json.loads(person.types("profile", "list", "--json").stdout)
    assert [(e["profile"], e["default"]) for e in document["profiles"]] == [
        ("one", True),
        ("two", False),
    ]


def test_use_changes_the_default(person: Person) -> None:
    person.logs_in("--profile", "one")
    person.logs_in("--profile", "two", "--cid", "project-alpha")
    assert person.types("profile", "use", "two").status == 0
    assert tomllib.loads(person.config())["default_profile"] == "two"
    assert person.token() == person.token("-p", "two")
    assert person.types("profile", "use", "three").status == 3


def test_removing_takes_the_profile_and_all_that_is_held(person: Person) -> None:
    person.logs_in("--user", person.api.username, stdin=person.api.password)
    person.logs_in("--profile", "typed")
    for name in ("default", "typed"):
        assert person.types("profile", "remove", name, "--yes").status == 0
    assert "[profiles." not in person.config()
    assert person.world.records() == []
    kept = [path for path in person.world.state.rglob("*") if path.is_file()]
    assert all(path.suffix in (".lock", ".gone") for path in kept), kept
    assert person.api.stats()["revoked"] == 3


def test_removing_is_not_done_without_a_yes(person: Person) -> None:
    person.logs_in()
    outcome = person.types("profile", "remove", "default", stdin="y\n")
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert "--yes" in outcome.told
    assert "default" in profiles(person)


@pytest.mark.parametrize(("answer", "status"), [(b"y\n", 0), (b"n\n", 130), (b"\n", 130)])
def test_a_terminal_is_asked_before_removing(person: Person, answer: bytes, status: int) -> None:
    person.logs_in()
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*command(), "profile", "remove", "default"],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=person.world.environment(),
        cwd="/",
    )
    os.close(slave)
    os.write(master, answer)
    process.communicate(timeout=60)
    os.close(master)
    assert process.returncode == status
    assert ("[profiles.default]" in person.config()) == (status != 0)


def test_a_key_that_lives_elsewhere_survives_its_profile(person: Person) -> None:
    key = person.world.secret_file("theirs", person.api.api_key)
    person.logs_in("--grant-file", str(key), stdin="")
    assert person.types("profile", "remove", "default", "--yes").status == 0
    assert key.exists()
