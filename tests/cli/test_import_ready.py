"""`credhelper import` of a token alone in a variable: a profile that reads it from there."""

from __future__ import annotations

import json
import time
import tomllib
from typing import Any

import pytest

from tests.cli.conftest import Person
from tests.cli.test_import import jwt

V2 = "ICAV2_ACCESS_TOKEN"
PROJECT = "6f0a4d3c-93d9-4a57-8b2b-2f0f5b0c1a77"


def made(person: Person, *words: str) -> str:
    """Return a token that somebody else made, with a key that this home does not have."""
    words = ("token", "create", "--url", person.api.url, *words, "--secret-file", "-")
    token: str = json.loads(person.types(*words, stdin=person.api.api_key).stdout)["access_token"]
    person.api.count_from_here()
    return token


def profiles(person: Person) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(person.config()).get("profiles", {})
    return found


@pytest.mark.parametrize(
    ("variable", "base", "words"),
    [
        (V2, "ICAV2_BASE_URL", ("--api", "ica")),
        (V2, "ICAV2_SERVER_URL", ("--api", "ica")),
        ("ICA_ACCESS_TOKEN", "ICA_BASE_URL", ()),
        ("IAP_AUTH_TOKEN", "IAP_BASE_URL", ()),
    ],
)
def test_a_token_in_a_variable_becomes_a_profile_that_reads_it(
    person: Person, variable: str, base: str, words: tuple[str, ...]
) -> None:
    token = made(person, *words)
    environ = {variable: token, base: f"{person.api.url}/ica/rest", "ICAV2_PROJECT_ID": PROJECT}
    name = variable.lower().replace("_", "-")
    shown = person.types("import", environ=environ).stdout.decode()
    assert f"{variable}: a token\n" in shown
    assert f"profile  {name}\n" in shown
    assert f"grant    the environment variable {variable}\n" in shown
    assert f"&& unset {variable}\n" in shown
    assert person.config() == ""
    outcome = person.types("import", name, "--yes", environ=environ)
    assert (outcome.status, outcome.told) == (0, "")
    assert "next   credhelper get\n" in outcome.stdout.decode()
    api = {"api": "ica", "project": PROJECT} if words else {}
    grant = {"env": variable}
    want = {**api, "url": person.api.url, "auth": "token", "grant": grant}
    assert profiles(person) == {name: want}
    assert person.token(environ=environ) == token
    again = made(person, *words)
    assert person.token(environ=environ | {variable: again}) == again
    assert person.api.stats()["requests"] == 0


@pytest.mark.parametrize(
    ("variable", "audience", "url"),
    [
        (V2, "ica", "https://ica.illumina.com"),
        ("ICA_ACCESS_TOKEN", "iap-use1", "https://use1.platform.illumina.com"),
        ("IAP_TOKEN", ["iap-cac1"], "https://cac1.platform.illumina.com"),
    ],
)
def test_without_a_server_the_token_says_whose_it_is(
    person: Person, variable: str, audience: str | list[str], url: str
) -> None:
    token = jwt(aud=audience, exp=int(time.time()) + 3600)
    person.world.canaries.append(token)
    assert person.types("import", "--yes", environ={variable: token}).status == 0
    [profile] = profiles(person).values()
    assert profile["url"] == url


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "iap-use1"},
        {"aud": "iap-use1", "exp": 1},
        {"aud": "iap-use1", "exp": "4102444800"},
        {"aud": "iap-use1", "exp": None},
        {"exp": 4102444800},
        {"aud": "iap-x/../y", "exp": 4102444800},
        {"aud": "somebody", "exp": 4102444800},
    ],
)
def test_a_token_that_cannot_be_read_on_makes_no_profile(
    person: Person, claims: dict[str, Any]
) -> None:
    token = jwt(**claims)
    person.world.canaries.append(token)
    outcome = person.types("import", "--yes", environ={"ICA_ACCESS_TOKEN": token})
    assert (outcome.status, outcome.told) == (0, "")
    assert (
        "a token alone cannot be renewed: credhelper login --profile ica && unset"
        in outcome.stdout.decode()
    )
    assert person.config() == ""


def test_a_server_that_makes_no_sense_is_none(person: Person) -> None:
    token = jwt(aud="ica", exp=4102444800)
    person.world.canaries.append(token)
    environ = {V2: token, "ICAV2_BASE_URL": "https://me@x.test/?a"}
    told = person.types("import", "--yes", environ=environ).stdout.decode()
    assert (
        "credhelper login --profile icav2 --api ica --url URL && unset ICAV2_ACCESS_TOKEN\n" in told
    )
    assert person.config() == ""


def test_a_token_of_the_other_api_is_refused_and_the_rest_is_taken(person: Person) -> None:
    good = made(person, "--api", "ica")
    environ = {
        "ICA_ACCESS_TOKEN": good,
        "ICA_BASE_URL": person.api.url,
        V2: good,
        "ICAV2_BASE_URL": person.api.url,
    }
    outcome = person.types("import", "--yes", environ=environ)
    assert outcome.status == 6, outcome
    assert "error: the token of profile ica-access-token" in outcome.told
    assert list(profiles(person)) == ["icav2-access-token"]


def test_a_key_beside_the_token_is_what_is_proposed(person: Person) -> None:
    environ = {V2: made(person, "--api", "ica"), "ICAV2_X_API_KEY": person.api.api_key}
    told = person.types("import", environ=environ).stdout.decode()
    assert "profile  icav2-env\n" in told
    assert told.count("profile  ") == 1
    assert f"{V2}: a token\n" in told
