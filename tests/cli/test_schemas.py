"""What commands print with --json, when they fail as well, is what their schemas describe."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from credhelper.errors import of_code
from tests.cli.conftest import Person
from tests.support.commands import leaves
from tests.support.worlds import Outcome


def schema(name: str) -> dict[str, Any]:
    text = (files("credhelper.cli") / f"schema/{name}.schema.json").read_text()
    document: dict[str, Any] = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(document)
    return document


def held(document: dict[str, Any], person: Person, *words: str) -> dict[str, Any]:
    """Return what a command prints, held to its schema."""
    outcome = person.types(*words)
    assert outcome.status == 0, outcome.told
    found: dict[str, Any] = json.loads(outcome.stdout)
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.Draft202012Validator(document, format_checker=checker).validate(found)
    return found


@pytest.fixture
def several(person: Person) -> Person:
    """Give this test profiles with a token, without one, with a session, and with AWS keys."""
    person.logs_in("--service", "https://git.example", "--cid", "project-alpha")
    person.logs_in("--profile", "kept", "--keep-session", "--scopes", "a,b", "--min-ttl", "1m")
    person.logs_in("--profile", "two", "--api", "ica", "--aws", "project=p,data=d")
    add = ("profile", "add", "bare", "--grant-env", "NOT_THERE", "--url", person.api.url)
    assert person.types(*add).status == 0
    return person


def test_status_is_as_its_schema_says(several: Person) -> None:
    document = schema("status")
    found = held(document, several, "status", "--json")
    assert found.keys() == document["properties"].keys()
    described = document["properties"]["profiles"]["items"]["properties"]
    states = set()
    for one in found["profiles"]:
        assert one.keys() == described.keys()
        states.add(one["state"])
        if one["aws"]:
            assert one["aws"].keys() == described["aws"]["oneOf"][1]["properties"].keys()
    assert {"fresh", "key-missing"} <= states


def test_profiles_are_as_their_schema_says(several: Person) -> None:
    document = schema("profile")
    described = document["$defs"]["profile"]["properties"]
    for one in held(document, several, "profile", "list", "--json")["profiles"]:
        assert one.keys() == described.keys()
        shown = held(document, several, "profile", "show", one["profile"], "--json")
        assert shown == {"version": 1, **one}


@pytest.mark.parametrize("name", ["status", "profile"])
def test_a_schema_refuses_what_is_not_so(several: Person, name: str) -> None:
    document = schema(name)
    words = (name, "--json") if name == "status" else (name, "show", "--json")
    found = held(document, several, *words)
    wrong: dict[str, Any] = {"profiles": [{}]} if name == "status" else {"services": 1}
    for change in ({"version": 2}, wrong):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**found, **change}, document)


FAILURES = [
    ("status", "--json"),
    ("status", "--json", "--profile", "nobody"),
    ("profile", "list", "--json"),
    ("profile", "show", "--json"),
    ("doctor", "--json", "--env", "A=b"),
    ("doctor", "--json", "no-such-tool"),
    ("doctor", "--as-job", "--json", "--env", "wrong"),
    ("-q", "status", "--json"),
]
# Refused before options are read: what they ask for counts all the same.
MISUSED = [
    ("status", "--json", "--nope"),
    ("profile", "list", "--nope", "--json"),
    ("doctor", "--as-job", "--json", "git", "docker"),
]


def refused(outcome: Outcome) -> dict[str, Any]:
    """Return the one object with which a command failed, held to its schema."""
    assert outcome.status, outcome
    lines = outcome.stdout.decode().splitlines()
    assert len(lines) == 1, outcome
    found: dict[str, Any] = json.loads(lines[0])
    document = schema("error")
    jsonschema.validate(found, document)
    described = document["properties"]["error"]["properties"].keys()
    assert found["error"].keys() <= described
    return found


@pytest.mark.parametrize("words", FAILURES, ids=" ".join)
def test_a_failure_is_one_object_on_stdout_and_words_on_stderr(
    person: Person, words: tuple[str, ...]
) -> None:
    person.world.config.write_text("nonsense" if "nobody" not in words else "")
    outcome = person.types(*words)
    error = refused(outcome)["error"]
    assert f"credhelper: error: {error['message']}\n" in outcome.told
    hint = f"credhelper: hint: {error.get('hint')}\n"
    assert (hint in outcome.told) == ("hint" in error and "-q" not in words)
    assert outcome.status == of_code(error["code"], "", None, retryable=None).exit_status


@pytest.mark.parametrize("words", MISUSED, ids=" ".join)
def test_what_is_refused_before_its_options_are_read_is_told_in_json_too(
    person: Person, words: tuple[str, ...]
) -> None:
    outcome = person.types(*words)
    assert outcome.status == 2
    assert refused(outcome)["error"]["code"] == "usage"


@pytest.mark.parametrize(
    "words", [("status",), ("get", "--format", "json"), ("exec", "x", "--json")]
)
def test_without_the_option_stdout_has_nothing(person: Person, words: tuple[str, ...]) -> None:
    person.world.config.write_text("nonsense")
    outcome = person.world.run(*words)
    assert (outcome.status, outcome.stdout) == (6, b""), outcome


def test_what_a_check_found_is_no_failure_of_the_command(person: Person) -> None:
    add = ("profile", "add", "bare", "--grant-env", "NOT_THERE", "--url", person.api.url)
    assert person.types(*add).status == 0
    outcome = person.types("status", "--json", "--exit-status")
    assert outcome.status == 4
    jsonschema.validate(json.loads(outcome.stdout), schema("status"))
    outcome = person.types("doctor", "--json", "--offline")
    assert outcome.status == 4, outcome
    jsonschema.validate(json.loads(outcome.stdout), schema("doctor"))


def test_every_option_for_json_has_a_schema_and_every_schema_a_command() -> None:
    asked = {
        path.split()[1]
        for path, context in leaves()
        if any("--json" in one.opts for one in context.command.params)
    }
    shipped = {path.name.split(".")[0] for path in (files("credhelper.cli") / "schema").iterdir()}
    assert shipped == asked | {"error"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": 2},
        {"error": {"code": "x", "message": "y"}},
        {"error": {"code": "X Y", "message": "y", "retryable": False}},
        {"error": {"code": "x", "message": "", "retryable": False}},
    ],
)
def test_the_schema_of_errors_refuses_what_is_none(person: Person, wrong: dict[str, Any]) -> None:
    found = refused(person.types("status", "--json", "--nope"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**found, **wrong}, schema("error"))
