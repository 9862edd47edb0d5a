"""`credhelper status`: offline, in words, and safe to paste."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest

from tests.cli.conftest import Person
from tests.support.programs import command
from tests.support.worlds import snapshot, tokens_in


def document(person: Person, *words: str, **how: Any) -> dict[str, Any]:
    outcome = person.types("status", "--json", *words, **how)
    assert outcome.status == 0, outcome
    found: dict[str, Any] = json.loads(outcome.stdout)
    return found


def test_without_a_config_it_says_what_to_do(person: Person) -> None:
    outcome = person.types("status")
    assert outcome.status == 0
    assert "no profile is configured" in outcome.stdout.decode()
    assert "credhelper login" in outcome.stdout.decode()
    assert document(person)["profiles"] == []


def test_it_shows_who_where_and_how_long(person: Person) -> None:
    person.logs_in("--service", "https://git.example", "--cid", "project-alpha", "--scopes", "A,B")
    told = person.types("status", environ={"CLICOLOR_FORCE": "1"}).stdout.decode()
    assert "default (default)\n" in told
    assert person.api.url in told
    assert "Sandbox User (sandbox@example.com)" in told
    assert "project project-alpha, scopes A,B" in told
    assert "JWT, [################] 24 h of 24 h left, until 2" in told
    assert "https://git.example" in told
    assert "grants/default.key" in told
    assert f"kept in {person.world.records()[0]}" in told


def test_a_token_in_mid_life_has_part_of_its_bar(person: Person) -> None:
    person.logs_in()
    person.world.age(6 * 3600)
    told = person.types("status", environ={"CLICOLOR_FORCE": "1"}).stdout.decode()
    assert "[############----] 18 h of 24 h left" in told


def test_an_expired_token_is_told_as_that(person: Person) -> None:
    person.logs_in()
    person.world.age(25 * 3600)
    told = person.types("status").stdout.decode()
    assert "JWT, expired 60 min ago: the next get makes a new one" in told
    assert document(person)["profiles"][0]["seconds_left"] == 0


def test_it_asks_nobody_and_changes_nothing(person: Person) -> None:
    person.logs_in()
    person.token()
    before = person.api.stats()["requests"], snapshot(person.world.root)
    for words in ([], ["--json"], ["--profile", "default"]):
        assert person.types("status", *words).status == 0
    assert (person.api.stats()["requests"], snapshot(person.world.root)) == before


def test_it_shows_a_fingerprint_and_no_token(person: Person) -> None:
    person.logs_in("--user", person.api.username, stdin=person.api.password)
    token = person.token()
    for words in (["status"], ["status", "--json"], ["status", "--check"]):
        outcome = person.types(*words)
        assert not tokens_in(outcome.stdout)
        assert sha256(token.encode()).hexdigest()[:8] in outcome.stdout.decode()


def test_a_session_is_shown_with_its_idle_life(person: Person) -> None:
    person.logs_in("--user", person.api.username, stdin=person.api.password)
    assert "held, ends after 60 min without use" in person.types("status").stdout.decode()
    assert document(person)["profiles"][0]["session_ends_at"]
    assert person.types("logout").status == 0
    told = person.types("status").stdout.decode()
    assert "  fix       credhelper login --profile default\n" in told
    assert "  session   none\n" in told
    assert "  token     none\n" in told
    assert "makes" not in told


def test_check_asks_the_api_about_each_token(person: Person) -> None:
    person.logs_in()
    assert "the API knows this token" in person.types("status", "--check").stdout.decode()
    person.api.revoke_all()
    outcome = person.types("status", "--check")
    assert outcome.status == 5
    assert "refused or not reached" in outcome.stdout.decode()


def test_a_clock_that_differs_is_shown(person: Person) -> None:
    person.api.fault({"path": "/v1/tokens", "date": 7200, "times": 2})
    person.logs_in()
    assert document(person)["profiles"][0]["clock_skew"] in (7199, 7200, 7201)
    assert "the server's is 2 h ahead of ours" in person.types("status").stdout.decode()


@pytest.mark.parametrize(
    ("api", "variable"),
    [
        ("iap", "ICA_ACCESS_TOKEN"),
        ("iap", "IAP_AUTH_TOKEN"),
        ("iap", "IAP_ACCESS_TOKEN"),
        ("ica", "ICAV2_ACCESS_TOKEN"),
    ],
)
def test_a_variable_that_would_override_us_is_warned_of(
    person: Person, api: str, variable: str
) -> None:
    person.logs_in("--api", api)
    outcome = person.types("status", environ={variable: "canary"})
    assert outcome.status == 0
    assert f"credhelper: warning: {variable} is set" in outcome.told
    assert "canary" not in outcome.told
    assert variable in document(person, environ={variable: "canary"})["warnings"][0]


def test_our_own_variables_in_a_child_are_not_warned_of(person: Person) -> None:
    person.logs_in()
    outcome = person.world.run("exec", "--", *command(), "status")
    assert (outcome.status, outcome.told) == (0, "")


def test_what_overrides_in_a_child_is_warned_of_there_as_well(person: Person) -> None:
    person.logs_in("--aws", "folder=fol.1")
    others = {"AWS_ACCESS_KEY_ID": "AKIA-anything", "IAP_TOKEN": "canary"}
    words = ("exec", "--var", "IAP_ACCESS_TOKEN", "--", *command(), "status")
    outcome = person.world.run(*words, environ=others)
    assert outcome.status == 0
    assert outcome.told.count("warning") == len(others)
    for variable in others:
        assert f"credhelper: warning: {variable} is set" in outcome.told


@pytest.mark.parametrize(("api", "variable"), [("iap", "ICA_BASE_URL"), ("ica", "ICAV2_BASE_URL")])
def test_a_variable_that_leads_tools_to_another_server_is_warned_of(
    person: Person, api: str, variable: str
) -> None:
    person.logs_in("--api", api)
    base = "/ica/rest" if api == "ica" else "/"
    others = {"ICA_BASE_URL", "ICAV2_BASE_URL"} - {variable}
    same = {variable: person.api.url + base, **dict.fromkeys(others, "https://other.example")}
    assert document(person, environ=same)["warnings"] == []
    for value in ("https://other.example", "https://me:secret@x.test", "nonsense"):
        (told,) = document(person, environ={variable: value})["warnings"]
        assert told.startswith(f"{variable} is set: tools send their token to another server")
        assert value not in told


def test_a_key_that_the_icav2_program_takes_first_is_warned_of(person: Person) -> None:
    environ = {"ICAV2_X_API_KEY": person.api.api_key}
    assert document(person, environ=environ)["warnings"] == []
    person.logs_in("--api", "ica")
    (told,) = document(person, environ=environ)["warnings"]
    assert told.startswith("ICAV2_X_API_KEY is set: the icav2 program will use that")
    person.types("login", "--grant-env", "ICAV2_X_API_KEY", environ=environ)
    assert document(person, environ=environ)["warnings"] == []


def test_a_terminals_profile_that_is_none_is_warned_of(person: Person) -> None:
    person.logs_in()
    outcome = person.types("status", environ={"CREDHELPER_PROFILE": "gone\x1b[2J"})
    assert (
        "CREDHELPER_PROFILE is set to a profile that does not exist: gone\\x1b[2J" in outcome.told
    )


def test_a_key_in_the_environment_beside_a_config_is_warned_of(person: Person) -> None:
    person.logs_in()
    outcome = person.types("status", environ={"CREDHELPER_API_KEY": person.api.api_key})
    assert "CREDHELPER_API_KEY is ignored, because " in outcome.told


def test_a_config_from_the_environment_is_shown(person: Person) -> None:
    environ = {
        "CREDHELPER_API_KEY": person.api.api_key,
        "CREDHELPER_URL": person.api.url,
        "CREDHELPER_SERVICES": "https://git.example",
    }
    person.token(environ=environ)
    entry = document(person, environ=environ)["profiles"][0]
    assert (entry["profile"], entry["kind"]) == ("env", "jwt")
    assert entry["grant"] == "the environment variable CREDHELPER_API_KEY"
    assert entry["fingerprint"]


def test_one_profile_can_be_asked_for(person: Person) -> None:
    person.logs_in("--profile", "one")
    person.logs_in("--profile", "two", "--cid", "project-alpha")
    assert [e["profile"] for e in document(person, "-p", "two")["profiles"]] == ["two"]
    assert person.types("status", "-p", "three").status == 3


def test_what_a_server_says_of_a_person_is_escaped(person: Person) -> None:
    person.logs_in()
    hostile = {"name": "Eve\x1b]0;owned\x07", "username": "\u202eeve"}
    person.api.fault({"path": "/v1/tokens/details", "status": 200, "json": hostile})
    outcome = person.types("status", "--check")
    assert "Eve\\x1b]0;owned\\x07" in outcome.stdout.decode()
    assert b"\x1b" not in outcome.stdout
    assert "\u202e" not in outcome.stdout.decode()


def test_a_copy_in_a_variable_is_told_from_a_stranger(person: Person) -> None:
    person.logs_in()
    environ = {"ICA_ACCESS_TOKEN": person.token(), "IAP_TOKEN": "eyJ.something.else"}
    copy, stranger = document(person, environ=environ)["warnings"]
    assert copy.startswith(
        "ICA_ACCESS_TOKEN is set: the ica CLI and the v1 SDK will use that token"
    )
    assert copy.endswith("a copy of the one of profile default, which ends in 24 h")
    assert stranger == "IAP_TOKEN is set: libiap will use that token, not one of these"
    person.world.age(25 * 3600)
    told = document(person, environ=environ)["warnings"]
    assert any(each.endswith("profile default, which has expired") for each in told)


def test_a_strangers_token_that_has_expired_is_told(person: Person) -> None:
    person.logs_in()
    old = "eyJhbGciOiJub25lIn0.eyJleHAiOjF9.c2ln"
    (told,) = document(person, environ={"ICA_ACCESS_TOKEN": old})["warnings"]
    assert told.endswith("will use that token, not one of these, and it has expired")


@pytest.mark.parametrize(
    ("variable", "who"),
    [
        ("AWS_ACCESS_KEY_ID", "every AWS SDK and the aws CLI"),
        ("DOCKER_AUTH_CONFIG", "the docker CLI"),
        ("TF_TOKEN_terraform__mirror_example_org", "Terraform (terraform-mirror.example.org)"),
    ],
)
def test_what_a_tool_takes_from_its_environment_first_is_told(
    person: Person, variable: str, who: str
) -> None:
    environ = {variable: "AKIA-anything"}
    assert document(person, environ=environ)["warnings"] == []
    person.logs_in("--service", "https://terraform-mirror.example.org", "--aws", "folder=fol.1")
    (told,) = document(person, environ=environ)["warnings"]
    assert told.startswith(f"{variable} is set: {who} will use that")
    assert "AKIA" not in told
    assert document(person, environ={"TF_TOKEN_other_example_org": "x"})["warnings"] == []


def test_other_peoples_aws_keys_are_nobodys_affair(person: Person) -> None:
    person.logs_in()
    assert document(person, environ={"AWS_ACCESS_KEY_ID": "AKIA-anything"})["warnings"] == []
