"""`credhelper login --project` and `--workgroup`: a context by its name."""

from __future__ import annotations

import base64
import itertools
import json
import tomllib
from typing import Any
from unittest.mock import Mock

import pytest

from credhelper.cli import projects
from credhelper.core.model import Secret
from credhelper.errors import NotFoundError
from tests.cli.conftest import Person

HOW = "one only: credhelper login"


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
    assert "projects    Alpha (project-alpha), Beta (project-beta); to limit tokens to one:" in told
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


def profile(person: Person, name: str = "default") -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(person.config())["profiles"][name]
    return found


def test_v2_lists_projects_for_tools(person: Person) -> None:
    told = person.logs_in("--api", "ica").stdout.decode()
    alpha = person.api.projects()["Alpha"]
    assert f"projects  Alpha ({alpha}), Beta (" in told
    assert "; to choose the one of your tools: credhelper login --project NAME\n" in told
    assert "workgroups" not in told
    other = person.logs_in("--profile", "other", "--api", "ica").stdout.decode()
    # Without its name it would be another one that is changed.
    assert "tools: credhelper login --profile other --project NAME\n" in other
    told = person.logs_in("--api", "ica", "--project", alpha).stdout.decode()
    assert "--project NAME" not in told


@pytest.mark.parametrize("how", ["name", "other case", "id", "id in capitals"])
def test_a_project_of_v2_is_found_by_name_or_id_and_kept(person: Person, how: str) -> None:
    alpha = person.api.projects()["Alpha"]
    named = {"name": "Alpha", "other case": "aLPHA", "id": alpha}.get(how, alpha.upper())
    told = person.logs_in("--api", "ica", "--project", named).stdout.decode()
    assert f"project {alpha}" in told
    assert profile(person)["project"] == alpha
    assert "aws" not in profile(person)
    assert f"project {alpha}" in person.types("status").stdout.decode()
    shown = json.loads(person.types("profile", "show", "--json").stdout)
    status = json.loads(person.types("status", "--json").stdout)["profiles"][0]
    assert (shown["project"], status["project"]) == (alpha, alpha)


def test_aws_keys_of_v2_are_for_the_project_that_was_named(person: Person) -> None:
    ids = person.api.projects()
    person.logs_in("--api", "ica", "--project", "Alpha", "--aws", "data=fol.1,lifetime=30m")
    assert profile(person)["aws"] == {"data": "fol.1", "lifetime": "30m"}
    assert person.world.run("aws", "--format", "url").status == 0
    shown = json.loads(person.types("profile", "show", "--json").stdout)
    assert shown["aws"] == f"project={ids['Alpha']},data=fol.1,lifetime=1800s"
    person.logs_in("--api", "ica", "--project", "Beta")
    shown = json.loads(person.types("profile", "show", "--json").stdout)
    assert shown["aws"] == f"project={ids['Beta']},data=fol.1,lifetime=1800s"
    # As profiles had it before there was a key `project`, and as one may still say it.
    own = f"project={ids['Alpha']},data=fol.2"
    assert person.types("profile", "add", "default", "--aws", own).status == 0
    person.logs_in("--api", "ica", "--project", "Beta")
    assert profile(person)["aws"] == {"data": "fol.2"}
    person.logs_in("--api", "ica", "--project", "Beta", "--aws", own)
    assert profile(person)["aws"] == {"project": ids["Alpha"], "data": "fol.2"}
    assert profile(person)["project"] == ids["Beta"]


def test_two_projects_share_a_token(person: Person) -> None:
    key = person.world.root / "key"
    key.touch(0o600)
    key.write_text(person.api.api_key)
    words = ("--api", "ica", "--grant-file", str(key))
    person.logs_in("--profile", "one", *words, "--project", "Alpha", stdin="")
    person.logs_in("--profile", "two", *words, "--project", "Beta", stdin="")
    assert person.token("--profile", "one") == person.token("--profile", "two")
    assert profile(person, "one")["project"] != profile(person, "two")["project"]


def test_a_hidden_project_is_found(person: Person) -> None:
    person.api.add_projects({"name": "Secret garden", "hidden": True})
    person.logs_in("--api", "ica", "--project", "Secret garden")
    assert profile(person)["project"] not in person.api.projects().values()


def test_a_project_of_v2_that_is_not_there_is_told_with_those_that_are(person: Person) -> None:
    words = ["login", "--api", "ica", "--url", person.api.url, "--project"]
    for name in ("Alfa", "4a8b3c0e-0d3f-4f9e-9a55-8f9d3a1b2c3d"):
        outcome = person.types(*words, name, stdin=person.api.api_key)
        assert (outcome.status, outcome.stdout) == (3, b"")
        assert f"there is no project {name}" in outcome.told
        assert "projects: Alpha" in outcome.told
    assert person.config() == ""


def test_among_thirty_thousand_one_is_found_with_few_requests(person: Person) -> None:
    person.api.add_projects({"name": "Study", "times": 30_000}, {"name": "Study 7b"})
    last = person.api.named("Study 30000")

    def requests(*words: str) -> int:
        person.api.count_from_here()
        outcome = person.types("login", "--url", person.api.url, *words, stdin=person.api.api_key)
        assert outcome.status in (0, 3), outcome
        return person.api.stats()["requests"] - person.api.stats()["created"]

    v2 = ("--api", "ica")
    assert requests(*v2) == 1  # ten of them are shown
    assert requests(*v2, "--project", "Study 30000") == 1
    assert profile(person)["project"] == last
    assert requests(*v2, "--project", last) == 1
    assert requests(*v2, "--project", "study 7B") == 1
    # 151 pages of the whole list, behind a search that found nothing.
    assert requests(*v2, "--project", "Stady 12345") == 1 + 151


def test_among_thirty_thousand_of_v1_one_is_found(person: Person) -> None:
    person.api.add_projects({"name": "Study", "times": 30_000})
    person.logs_in("--project", "study 30000")
    assert profile(person)["cid"] == "project-30002"


def test_several_of_one_name_want_an_id(person: Person) -> None:
    person.api.add_projects({"name": "Same"}, {"name": "Same", "hidden": True})
    words = ["login", "--api", "ica", "--url", person.api.url, "--project"]
    outcome = person.types(*words, "Same", stdin=person.api.api_key)
    assert outcome.status == 3
    assert "several projects are called Same" in outcome.told
    (one, two) = outcome.told.rpartition("by its id: ")[2].strip().split(", ")
    person.logs_in("--api", "ica", "--project", two)
    assert profile(person)["project"] == two != one


def test_a_list_that_turns_in_a_circle_is_an_error_and_not_a_short_list(person: Person) -> None:
    page = {"items": [{"id": "p", "name": "One"}], "nextPageToken": "again"}
    path = "/ica/rest/api/projects"
    person.api.fault({"path": path, "status": 200, "json": page, "times": 3})
    words = ["login", "--api", "ica", "--url", person.api.url, "--project"]
    outcome = person.types(*words, "Two", stdin=person.api.api_key)
    assert (outcome.status, person.config()) == (5, "")
    assert "gave a list without end: the token of a page came twice" in outcome.told


def test_profile_add_takes_an_id_and_each_api_its_own_key(person: Person) -> None:
    person.logs_in("--api", "ica")
    assert person.types("profile", "add", "default", "--project", "p-1").status == 0
    assert profile(person)["project"] == "p-1"
    outcome = person.types("profile", "add", "default", "--project", "my project")
    assert outcome.status == 2
    assert "project of profile default: expected an id" in outcome.told
    person.logs_in("--profile", "v1")
    outcome = person.types("profile", "add", "v1", "--project", "p-1")
    assert outcome.status == 2
    assert "means nothing to api = 'iap'" in outcome.told
    assert "its key for a project is 'cid'" in outcome.told


def test_a_server_whose_search_finds_too_little_or_too_much_leads_nobody_astray() -> None:
    every = [("1", "Alpha"), ("2", "Alpha two"), ("3", "alpha")]
    for search in ([], [("2", "Alpha two")], every, [("1", "Alpha"), ("1", "Alpha")]):
        client = Mock(searches=True)
        client.projects.side_effect = [iter(search), iter(every)]
        assert projects._project(client, Secret("t"), "Alpha") == "1"


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
    told = projects.in_words("project", [(f"p-{n}", f"N{n}") for n in range(25)], HOW)
    assert "N9 (p-9) and more; one only: credhelper login --project NAME" in told
    assert projects.in_words("project", [], HOW) == ""


def test_a_list_that_is_shown_is_read_no_further() -> None:
    named = ((f"p-{n}", "") for n in itertools.count())
    assert "p-9 and more; " in projects.in_words("project", named, HOW)
    assert next(named)[0] == "p-11"


def test_a_ready_token_finds_a_project_by_its_name_and_nothing_is_created(person: Person) -> None:
    url = person.api.url
    made = person.world.run(
        *("token", "create", "--api", "ica", "--url", url, "--secret-env", "KEY"),
        environ={"KEY": person.api.api_key},
    )
    ready = {"auth": "token", "url": url, "grant": {"env": "TOKEN"}}
    person.world.configure(url, "unused-key", v2={**ready, "api": "ica"}, v1=ready)
    environ = {"TOKEN": json.loads(made.stdout)["access_token"]}
    before = person.api.stats()["created"]
    words = ("login", "--profile", "v2", "--project")
    missing = person.types(*words, "Alfa", environ=environ)
    assert (missing.status, "Alpha" in missing.told) == (3, True)
    outcome = person.types(*words, "alpha", "--aws", "path=/runs/42/", environ=environ)
    assert outcome.status == 0, outcome
    profile = tomllib.loads(person.config())["profiles"]["v2"]
    assert profile["project"] in outcome.stdout.decode()
    assert (profile["auth"], profile["aws"]) == ("token", {"path": "/runs/42/"})
    assert person.api.stats()["created"] == before
    in_one = person.types("login", "--profile", "v1", "--project", "Alpha", environ=environ)
    assert (in_one.status, "is made elsewhere" in in_one.told) == (2, True)
