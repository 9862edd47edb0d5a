"""`login --project` on a profile that lives: with the key or session that it has, and back."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Person
from tests.cli.terminals import on_a_terminal

PROJECT = ("login", "--project", "Alpha")


def logs_in(person: Person, how: str) -> None:
    if how == "key":
        person.logs_in()
    elif how == "key and session":
        person.logs_in("--keep-session")
    elif how == "password":
        person.logs_in("--user", person.api.username, stdin=person.api.password)
    elif how == "v2 key":
        person.logs_in("--api", "ica")
    else:
        words = ("--api", "ica", "--user", person.api.username, "--domain", "demo")
        person.logs_in(*words, stdin=person.api.password)


@pytest.mark.parametrize("how", ["key", "key and session", "password", "v2 key", "v2 password"])
def test_a_project_is_joined_without_the_secret_and_left_again(person: Person, how: str) -> None:
    logs_in(person, how)
    person.token()
    before = person.world.config.read_bytes()
    outcome = person.types(*PROJECT, "--reuse")
    assert outcome.status == 0, outcome.told
    key, project = "cid", "project-alpha"
    if how.startswith("v2"):
        key, project = "project", person.api.projects()["Alpha"]
    assert f'{key} = "{project}"' in person.config()
    leave = f"credhelper profile set default --unset {key}"
    assert leave in outcome.stdout.decode()
    person.token()
    assert person.types(*leave.split()[1:]).status == 0
    assert person.world.config.read_bytes() == before
    person.token()


@pytest.mark.parametrize("how", ["key", "password"])
def test_a_person_is_asked_whether_to_use_what_is_there(person: Person, how: str) -> None:
    logs_in(person, how)
    what = "API key" if how == "key" else "session"
    status, told = on_a_terminal(person, *PROJECT, types={"[y/N]": "y"})
    assert status == 0, told
    assert f"Use the {what} that profile default has? [y/N]" in told
    assert 'cid = "project-alpha"' in person.config()


def test_a_no_leads_to_the_prompt(person: Person) -> None:
    person.logs_in()
    status, told = on_a_terminal(
        person, *PROJECT, types={"[y/N]": "n", "API key for": person.api.api_key}
    )
    assert status == 0, told
    assert "API key for" in told
    assert person.api.api_key not in told
    assert 'cid = "project-alpha"' in person.config()


def test_a_pipe_is_read_as_before(person: Person) -> None:
    person.logs_in()
    before = person.config()
    assert person.types(*PROJECT, stdin="wrong-key").status != 0
    assert person.config() == before
    assert person.types(*PROJECT, stdin=person.api.api_key).status == 0


def test_a_project_that_is_not_there_changes_nothing(person: Person) -> None:
    for how in ("key", "password"):
        logs_in(person, how)
        before = person.config()
        outcome = person.types("login", "--project", "Nowhere", "--reuse")
        assert (outcome.status, outcome.stdout) == (3, b"")
        assert person.config() == before


def test_a_workgroup_is_joined_with_the_session(person: Person) -> None:
    logs_in(person, "password")
    outcome = person.types("login", "--workgroup", "Alpha team", "--reuse")
    assert outcome.status == 0, outcome.told
    assert 'cwid = "workgroup-alpha"' in person.config()


def test_the_key_goes_to_no_other_server(person: Person) -> None:
    person.logs_in()
    before = person.config()
    outcome = person.types(*PROJECT, "--reuse", "--url", "http://127.0.0.2:9")
    assert outcome.status == 4
    assert "so credhelper does not send it" in outcome.told
    assert person.config() == before


def test_reuse_needs_something_to_use(person: Person) -> None:
    outcome = person.types(*PROJECT, "--reuse")
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert "there is no profile default yet" in outcome.told
    person.logs_in()
    assert person.types("logout").status == 0
    outcome = person.types(*PROJECT, "--reuse")
    assert outcome.status == 4
    assert "credhelper login" in outcome.told
    assert person.types(*PROJECT, "--reuse", "--session", stdin="x").status == 2


def test_what_was_made_for_asking_is_revoked(person: Person) -> None:
    logs_in(person, "password")
    person.token()
    before = person.api.stats()
    assert person.types(*PROJECT, "--reuse").status == 0
    after = person.api.stats()
    made = after["created"] + after.get("minted", 0) - before["created"] - before.get("minted", 0)
    assert after["revoked"] - before["revoked"] >= 1
    assert made <= 2


@pytest.mark.parametrize("how", ["key", "password"])
@pytest.mark.parametrize("words", [(), ("--no-input",)])
def test_nobody_to_ask_is_told_to_reuse_what_is_there(
    person: Person, how: str, words: tuple[str, ...]
) -> None:
    logs_in(person, how)
    outcome = person.types(*PROJECT, *words)
    assert outcome.status == 4, outcome
    what = "API key" if how == "key" else "session"
    again = " ".join((*PROJECT, *words, "--reuse"))
    assert f"hint: use the {what} that it has: credhelper {again}\n" in outcome.told
    assert person.types(*again.split()).status == 0
