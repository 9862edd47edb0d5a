"""A logout while somebody makes a token, or after the identity has become another one."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Person
from tests.support.worlds import Outcome, tokens_in

LATE = {"path": "/v1/tokens", "method": "POST", "delay": 3}


def begun(person: Person, *words: str) -> subprocess.Popen[bytes]:
    """Start a get whose create is on its way, at an API that is late."""
    before = person.api.stats()["requests"]
    process = person.world.start(*words)
    until = time.monotonic() + 30
    while person.api.stats()["requests"] == before:
        assert time.monotonic() < until
        time.sleep(0.02)
    return process


def lives(person: Person, token: str) -> bool:
    return person.types("token", "details", "--url", person.api.url, stdin=token).status == 0


def on_disk(root: Path) -> list[bytes]:
    files = [path for path in root.rglob("*") if path.is_file() and path.name != "config.toml"]
    return [token for path in files for token in tokens_in(path.read_bytes())]


@pytest.mark.parametrize("settings", [(), ("--keep-session",)])
def test_what_was_being_made_during_a_logout_is_dropped_and_revoked(
    person: Person, settings: tuple[str, ...]
) -> None:
    key = person.world.secret_file("theirs", person.api.api_key)
    words = ("profile", "add", "main", "--url", person.api.url, "--grant-file", str(key), *settings)
    assert person.types(*words).status == 0
    person.api.fault({**LATE, "times": 1})
    process = begun(person, "get")
    assert person.types("logout").status == 0
    outcome: Outcome = person.world.finish(process)
    assert (outcome.status, outcome.stdout) == (4, b"")
    assert "profile main was logged out" in outcome.told
    assert on_disk(person.world.root) == []
    assert person.api.stats()["revoked"] == person.api.stats()["created"] == 1
    assert person.token()  # the grant remains, and says so


@pytest.mark.parametrize("settings", [(), ("--keep-session",), ("--user",)])
def test_who_waits_for_what_is_dropped_makes_nothing_either(
    person: Person, settings: tuple[str, ...]
) -> None:
    if "--user" in settings:
        person.logs_in("--user", person.api.username, stdin=person.api.password)
    else:
        person.logs_in(*settings)
    for record in person.world.records():
        record.unlink()
    person.api.fault({**LATE, "times": 1})
    processes = [begun(person, "get"), *(person.world.start("get") for _ in range(3))]
    assert person.types("logout").status == 0
    outcomes = [person.world.finish(process) for process in processes]
    assert [(outcome.status, outcome.stdout) for outcome in outcomes] == [(4, b"")] * 4
    assert on_disk(person.world.root) == []


def test_what_the_only_profile_had_is_found_though_its_section_is_gone(person: Person) -> None:
    person.logs_in()
    token = person.token()
    person.world.config.write_text("")
    outcome = person.types("logout")
    assert outcome.status == 0, outcome
    assert "which is no longer in the config" in outcome.stdout.decode()
    assert not lives(person, token)
    assert on_disk(person.world.root) == []


IDENTITIES = [
    ("--data", "x"),
    ("--client-id", "y"),
    ("--domain", "z"),
    ("--grant-env", "ANOTHER"),
]
OTHERS = [
    ("--cid", "project-alpha"),
    ("--cwid", "w"),
    ("--scopes", "a,b"),
    ("--token", "session"),
    ("--service", "https://h.example"),
]


@pytest.mark.parametrize("change", IDENTITIES)
def test_another_identity_ends_the_session_and_the_key_and_keeps_the_token_for_logout(
    person: Person, change: tuple[str, ...]
) -> None:
    person.logs_in("--keep-session")
    token = person.token()
    (session,) = [one.decode() for one in on_disk(person.world.state)]
    assert person.types("profile", "add", "default", *change).status == 0
    assert on_disk(person.world.state) == []
    assert not lives(person, session)
    assert (person.world.state / "grants/default.key").exists() == ("--grant-env" not in change)
    told = person.types("logout")
    assert told.status == 0
    assert b"revoked: the server confirmed" in told.stdout
    assert token.encode() not in on_disk(person.world.root)


@pytest.mark.parametrize("change", OTHERS)
def test_another_project_or_kind_of_token_revokes_nothing_until_logout(
    person: Person, change: tuple[str, ...]
) -> None:
    person.logs_in("--keep-session")
    token = person.token()
    assert person.types("profile", "add", "default", *change).status == 0
    assert lives(person, token)
    assert person.types("logout").status == 0
    assert not lives(person, token)
    assert on_disk(person.world.root) == []


def test_a_session_that_another_profile_uses_stays(person: Person) -> None:
    key = person.world.secret_file("theirs", person.api.api_key)
    words = ("--keep-session", "--grant-file", str(key))
    person.logs_in("-p", "one", *words, stdin="")
    person.logs_in("-p", "two", "--cid", "project-alpha", *words, stdin="")
    assert person.types("profile", "add", "one", "--data", "x").status == 0
    assert len(on_disk(person.world.state)) >= 1
    before = person.api.stats()["created"]
    assert person.token("-p", "two")
    assert person.api.stats()["created"] == before


def test_old_tokens_are_revoked_at_once_if_one_says_so(person: Person) -> None:
    person.logs_in()
    token = person.token()
    words = ("profile", "add", "default", "--cid", "project-alpha", "--revoke-old")
    outcome = person.types(*words)
    assert outcome.status == 0
    assert b"revoked: the server confirmed" in outcome.stdout
    assert not lives(person, token)
    assert on_disk(person.world.root) == []


def test_what_the_server_does_not_confirm_is_said(person: Person) -> None:
    person.logs_in("--keep-session")
    person.api.fault({"path": "/v1/tokens", "method": "DELETE", "status": 503, "times": "always"})
    outcome = person.types("profile", "add", "default", "--data", "x")
    assert outcome.status == 5
    assert b"NOT confirmed" in outcome.stdout
    assert on_disk(person.world.state) == []


def test_another_way_to_log_in_takes_the_typed_key_away(person: Person) -> None:
    person.logs_in()
    token = person.token()
    person.logs_in("--user", person.api.username, stdin=person.api.password)
    assert list((person.world.state / "grants").glob("*.key")) == []
    assert lives(person, token)
    assert person.types("logout").status == 0
    assert not lives(person, token)


def test_a_second_login_keeps_the_first_token_for_logout(person: Person) -> None:
    person.logs_in("--user", person.api.username, stdin=person.api.password)
    first = [one.decode() for one in on_disk(person.world.root)]
    person.logs_in("--user", person.api.username, stdin=person.api.password)
    assert person.types("logout").status == 0
    assert not any(lives(person, token) for token in first)


@pytest.mark.parametrize("section", ["changed", "gone"])
def test_what_was_changed_by_hand_is_found_at_the_next_logout(person: Person, section: str) -> None:
    person.logs_in("-p", "one", "--keep-session")
    person.logs_in("-p", "two", "--cid", "project-alpha")
    tokens = [one.decode() for one in on_disk(person.world.root)]
    others = [person.token("-p", "two")]
    text = person.config()
    if section == "changed":
        text = text.replace("[profiles.one]\n", '[profiles.one]\ndata = "x"\n')
    else:
        begin, end = text.index("[profiles.one]"), text.index("[profiles.two]")
        text = text[:begin] + text[end:]
        text = text.replace('default_profile = "one"', 'default_profile = "two"')
    person.world.config.write_text(text)
    assert person.types("logout", "-p", "one" if section == "changed" else "two").status == 0
    mine = [token for token in tokens if token not in others]
    assert not any(lives(person, token) for token in mine)
    assert all(lives(person, token) for token in others) == (section == "changed")
    assert not (person.world.state / "grants/one.key").exists()


def test_removing_a_profile_revokes_and_an_unconfirmed_one_goes_as_well(person: Person) -> None:
    person.logs_in()
    token = person.token()
    assert person.types("profile", "remove", "default", "--yes").status == 0
    assert not lives(person, token)
    person.logs_in()
    person.api.fault({"path": "/v1/tokens", "method": "DELETE", "status": 503, "times": "always"})
    assert person.types("profile", "remove", "default", "--yes").status == 5
    assert "profiles.default" not in person.config()
    assert on_disk(person.world.root) == []


def test_what_another_config_made_stays_unless_all_goes(person: Person) -> None:
    other = {"CREDHELPER_CONFIG": str(person.world.root / "other.toml")}
    words = ("login", "--url", person.api.url, "--cid", "project-alpha", "-p", "elsewhere")
    assert person.types(*words, stdin=person.api.api_key, environ=other).status == 0
    person.logs_in()
    assert person.types("logout").status == 0
    assert len(on_disk(person.world.root)) == 1
    assert person.types("logout", "--all").status == 0
    assert on_disk(person.world.root) == []
    assert not list((person.world.state / "grants").glob("*.key"))
