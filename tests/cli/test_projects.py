"""`credhelper login --project` and `--workgroup`: a context by its name."""

from __future__ import annotations

import base64
import json
import tomllib

import pytest

from credhelper.cli import projects
from credhelper.errors import NotFoundError
from tests.cli.conftest import Person


def claims(token: str) -> dict[str, object]:
    payload = token.split(".")[1]
    found: dict[str, object] = json.loads(
        base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    )
    return found


@pytest.mark.parametrize("name", ["Alpha", "alpha", "project-alpha"])
def test_a_project_is_found_by_name_or_id(person: Person, name: str) -> None:
    person.logs_in("--project", name)
    assert 'cid = "project-alpha"' in person.config()
    assert "cid:project-alpha" in str(claims(person.token())["mem"])


@pytest.mark.parametrize("how", ["key", "password", "session"])
def test_a_workgroup_is_found_however_one_logs_in(person: Person, how: str) -> None:
    words = {"key": (), "password": ("--user", person.api.username), "session": ("--session",)}[how]
    secret = {"key": person.api.api_key, "password": person.api.password}.get(how)
    if how == "session":
        person.logs_in("--profile", "other", "--keep-session")
        (record,) = (person.world.state / "sessions").glob("[0-9a-f]*[0-9a-f]")
        lines = dict(line.split("=", 1) for line in record.read_text().split("\n") if "=" in line)
        secret = lines["token"]
    person.logs_in("--profile", "mine", "--workgroup", "alpha team", *words, stdin=secret)
    assert 'cwid = "workgroup-alpha"' in person.config()


def test_what_was_made_for_asking_is_revoked(person: Person) -> None:
    person.logs_in("--project", "Alpha", "--workgroup", "Alpha team")
    stats = person.api.stats()
    assert stats["created"] == 3  # to ask for projects, to ask for workgroups, to go on
    assert stats["revoked"] == 2


def test_a_project_that_is_not_there_is_told_with_those_that_are(person: Person) -> None:
    words = ["login", "--url", person.api.url, "--project", "Alfa"]
    outcome = person.types(*words, stdin=person.api.api_key)
    assert (outcome.status, outcome.stdout) == (3, b"")
    assert "there is no project Alfa" in outcome.told
    assert "Alpha" in outcome.told
    assert person.config() == ""


def test_names_and_ids_exclude_each_other(person: Person) -> None:
    for words in (["--project", "a", "--cid", "b"], ["--workgroup", "a", "--cwid", "b"]):
        assert person.types("login", *words, stdin="x").status == 2


@pytest.mark.parametrize("option", ["--project", "--workgroup"])
def test_a_name_that_a_variable_left_empty_is_no_wish_for_all(person: Person, option: str) -> None:
    outcome = person.types("login", "--url", person.api.url, option, "", stdin=person.api.api_key)
    assert outcome.status == 2
    assert f"{option} is empty" in outcome.told
    assert person.config() == ""


def test_login_lists_what_there_is_to_choose_from(person: Person) -> None:
    told = person.logs_in("--keep-session").stdout.decode()
    assert "projects    Alpha (project-alpha), Beta (project-beta); tokens for one only:" in told
    assert "workgroups  Alpha team (workgroup-alpha)" in told
    assert "credhelper login --project NAME" in told
    told = person.logs_in("--profile", "two", "--cid", "project-alpha").stdout.decode()
    assert "project-beta" not in told


def test_a_list_that_cannot_be_had_stops_no_login(person: Person) -> None:
    person.api.fault({"status": 500, "path": "/v1/projects", "times": "always"})
    told = person.logs_in().stdout.decode()
    assert "logged in to profile default" in told
    assert "projects" not in told


def test_another_project_takes_the_place_of_the_one_before(person: Person) -> None:
    person.logs_in("--cid", "project-beta")
    person.logs_in("--project", "Alpha")
    assert 'cid = "project-alpha"' in person.config()
    assert "beta" not in person.config()


def test_v2_lists_projects_for_aws_keys(person: Person) -> None:
    told = person.logs_in("--api", "ica").stdout.decode()
    (alpha,) = [one for name, one in person.api.projects().items() if name == "Alpha"]
    assert f"projects  Alpha ({alpha}), Beta (" in told
    assert "AWS keys for one: credhelper login --project NAME --aws data=ID" in told
    assert "workgroups" not in told


@pytest.mark.parametrize("how", ["name", "id"])
def test_a_project_of_v2_is_found_for_aws_keys(person: Person, how: str) -> None:
    alpha = person.api.projects()["Alpha"]
    named = "alpha" if how == "name" else alpha
    person.logs_in("--api", "ica", "--project", named, "--aws", "data=fol.1,lifetime=30m")
    aws = tomllib.loads(person.config())["profiles"]["default"]["aws"]
    assert aws == {"data": "fol.1", "lifetime": "30m", "project": alpha}
    person.logs_in("--api", "ica", "--project", "Beta")
    aws = tomllib.loads(person.config())["profiles"]["default"]["aws"]
    assert aws == {"data": "fol.1", "lifetime": "30m", "project": person.api.projects()["Beta"]}
    assert person.world.run("aws", "--format", "url").status == 0


def test_a_project_of_v2_alone_is_not_enough(person: Person) -> None:
    words = ["login", "--api", "ica", "--url", person.api.url, "--project"]
    outcome = person.types(*words, "Alpha", stdin=person.api.api_key)
    assert outcome.status == 2
    assert "aws of profile default: expected data or path as well" in outcome.told
    outcome = person.types(*words, "Alfa", "--aws", "data=fol.1", stdin=person.api.api_key)
    assert outcome.status == 3
    assert "projects: Alpha" in outcome.told
    assert person.config() == ""


def test_v2_has_no_workgroup_to_choose(person: Person) -> None:
    words = ["login", "--api", "ica", "--url", person.api.url, "--workgroup", "Alpha team"]
    outcome = person.types(*words, stdin=person.api.api_key)
    assert outcome.status == 2
    assert "not for one workgroup" in outcome.told
    assert person.config() == ""


def test_a_name_that_several_have_wants_an_id() -> None:
    named = [("p-1", "Same"), ("p-2", "Same"), ("p-3", "same")]
    assert projects._one("project", "same", named) == "p-3"
    with pytest.raises(NotFoundError) as told:
        projects._one("project", "Same", named)
    assert told.value.hint == "name one by its id: p-1, p-2"


def test_a_long_list_is_cut() -> None:
    told = projects.in_words("project", [(f"p-{n}", f"N{n}") for n in range(25)])
    assert "N9 (p-9) and 15 more; tokens for one only: credhelper login --project NAME" in told
    assert projects.in_words("project", []) == ""
