"""What `status` and `profile` print with --json is what their schemas describe, and no more."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from tests.cli.conftest import Person


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
