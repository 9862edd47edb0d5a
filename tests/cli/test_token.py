"""`credhelper token`: the API's four calls, one to one, with nothing cached."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.cli.conftest import Person


def claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def created(person: Person, *words: str, **how: Any) -> dict[str, Any]:
    outcome = person.types("token", "create", *words, **how)
    assert outcome.status == 0, outcome
    found: dict[str, Any] = json.loads(outcome.stdout)
    return found


def test_create_prints_the_token_with_its_end(person: Person) -> None:
    made = created(person, "--url", person.api.url, stdin=person.api.api_key)
    assert list(made) == ["access_token", "token_type", "expires_at"]
    assert made["token_type"] == "Bearer"
    assert made["expires_at"].endswith("Z")
    assert claims(made["access_token"])["exp"]


def test_create_passes_every_parameter_on(person: Person) -> None:
    words = ["--client-id", "c", "--domain", "acme", "--data", "d", "--scopes", "A,B"]
    words += ["--cwid", "workgroup-alpha", "--cid", "project-alpha"]
    made = created(person, "--url", person.api.url, *words, stdin=person.api.api_key)
    found = claims(made["access_token"])
    assert (found["azp"], found["domain"], found["session"]["data"]) == ("c", "acme", "d")
    assert (found["scope"], found["cwid"]) == ("A,B", "workgroup-alpha")
    assert found["cid"] == "project-alpha"


@pytest.mark.parametrize("form", ["header", "basic", "basic-raw", "basic-password", "query"])
def test_the_key_travels_as_is_asked(person: Person, form: str) -> None:
    words = ["--url", person.api.url, "--api-key-as", form]
    words += ["--user", person.api.username] if form == "basic-password" else []
    assert created(person, *words, stdin=person.api.api_key)["access_token"]


def test_a_password_or_a_session_authorises_too(person: Person) -> None:
    where = ["--url", person.api.url]
    words = [*where, "--user", person.api.username, "--return-session-token"]
    made = created(person, *words, stdin=person.api.password)
    assert made["assumed"] is True
    minted = created(person, *where, "--session", stdin=made["access_token"])
    assert claims(minted["access_token"])["session"]["id"]


def test_the_profiles_grant_and_context_are_the_default(person: Person) -> None:
    person.logs_in("--cid", "project-alpha")
    made = created(person)
    assert claims(made["access_token"])["cid"] == "project-alpha"
    other = created(person, "--cid", "project-beta")
    assert claims(other["access_token"])["cid"] == "project-beta"


def test_a_profile_with_a_session_mints_from_it(person: Person) -> None:
    person.logs_in("--user", person.api.username, stdin=person.api.password)
    assert claims(created(person)["access_token"])["session"]["id"]
    assert person.types("logout").status == 0
    outcome = person.types("token", "create")
    assert outcome.status == 4
    assert "credhelper login --profile default" in outcome.told


def test_nothing_is_cached(person: Person) -> None:
    created(person, "--url", person.api.url, stdin=person.api.api_key)
    assert not person.world.records()
    assert not person.world.state.exists()


@pytest.mark.parametrize("how", ["env", "file", "dash"])
def test_a_secret_comes_from_where_it_is_said_to(person: Person, how: str) -> None:
    key = person.world.secret_file("key", person.api.api_key)
    words = {
        "env": ["--secret-env", "MY_KEY"],
        "file": ["--secret-file", str(key)],
        "dash": ["--secret-file", "-"],
    }[how]
    stdin = person.api.api_key if how == "dash" else ""
    environ = {"MY_KEY": person.api.api_key}
    person.logs_in()
    assert created(person, *words, stdin=stdin, environ=environ)
    assert created(person, *words, "--url", person.api.url, stdin=stdin, environ=environ)


def test_details_prints_what_the_server_says(person: Person) -> None:
    person.logs_in()
    outcome = person.types("token", "details", stdin=person.token())
    assert outcome.status == 0
    details = json.loads(outcome.stdout)
    assert (details["username"], details["uid"]) == ("sandbox@example.com", "user-sandbox")
    assert "currentWorkgroup" not in details


def test_details_cannot_move_a_cursor(person: Person) -> None:
    person.logs_in()
    person.api.fault(
        {"path": "/v1/tokens/details", "status": 200, "json": {"name": "a\x1b[2J\u202e"}}
    )
    outcome = person.types("token", "details", stdin=person.token())
    assert outcome.stdout.isascii()
    assert b"\x1b" not in outcome.stdout


def test_refresh_extends_a_session_and_prints_what_to_keep(person: Person) -> None:
    where = ["--url", person.api.url]
    made = created(person, *where, "--return-session-token", stdin=person.api.api_key)
    person.api.fault({"path": "/v1/tokens:refresh", "rotate": True})
    outcome = person.types("token", "refresh", *where, stdin=made["access_token"])
    assert outcome.status == 0
    assert json.loads(outcome.stdout)["access_token"] != made["access_token"]
    again = person.types("token", "refresh", *where, stdin=made["access_token"])
    assert (again.status, again.stdout) == (5, b"")


def test_a_jwt_cannot_be_refreshed(person: Person) -> None:
    person.logs_in()
    outcome = person.types("token", "refresh", stdin=person.token())
    assert (outcome.status, outcome.stdout) == (5, b"")


def test_revoke_makes_a_token_useless(person: Person) -> None:
    where = ["--url", person.api.url]
    made = created(person, *where, stdin=person.api.api_key)["access_token"]
    outcome = person.types("token", "revoke", *where, stdin=made)
    assert (outcome.status, outcome.stdout) == (0, b"revoked\n")
    assert person.types("token", "details", *where, stdin=made).status == 5


def test_revoking_what_the_server_does_not_know_is_said(person: Person) -> None:
    person.api.fault({"path": "/v1/tokens", "method": "DELETE", "status": 404})
    outcome = person.types("token", "revoke", "--url", person.api.url, stdin="x.y.z")
    assert outcome.status == 0
    assert "does not know" in outcome.stdout.decode()


@pytest.mark.parametrize(
    ("words", "stdin", "status"),
    [
        (["create", "--url", "http://evil.example"], "k", 2),
        (["create", "--url", "https://u:p@h"], "k", 2),
        (["create"], "k", 3),
        (["create", "--url", "API", "--session", "--user", "u"], "k", 2),
        (["create", "--url", "API", "--user", "u", "--api-key-as", "basic"], "k", 2),
        (["create", "--url", "API", "--secret-env", "A", "--secret-file", "b"], "", 2),
        (["create", "--url", "API", "--secret-env", "NOT_SET"], "", 4),
        (["create", "--url", "API", "--secret-file", "/proc/nowhere"], "", 4),
        (["create", "--url", "API"], "", 4),
        (["details", "--url", "API"], "", 4),
        (["details", "--url", "API"], 'tok"en', 6),
        (["details", "--url", "API"], "a\nb", 6),
        (["refresh", "--url", "API"], "ps-nothing", 5),
        (["details", "--url", "http://127.0.0.1:1"], "x.y.z", 5),
        (["revoke", "--url", "http://127.0.0.1:1"], "x.y.z", 5),
        (["create", "--api-key", "k"], "", 2),
    ],
)
def test_what_cannot_be_done_is_told(
    person: Person, words: list[str], stdin: str, status: int
) -> None:
    words = [person.api.url if word == "API" else word for word in words]
    outcome = person.types("token", *words, stdin=stdin)
    assert (outcome.status, outcome.stdout) == (status, b""), outcome
    assert outcome.told.startswith("credhelper: error: ")


def test_a_url_beside_a_profile_must_be_its_own(person: Person) -> None:
    person.logs_in()
    outcome = person.types("token", "create", "-p", "default", "--url", "https://other.example")
    assert outcome.status == 2


def test_a_profile_without_a_key_has_no_form_for_it(person: Person) -> None:
    key = person.world.secret_file("pw", person.api.password)
    person.logs_in("--user", person.api.username, "--grant-file", str(key), stdin="")
    assert created(person)
    assert person.types("token", "create", "--api-key-as", "basic").status == 2
