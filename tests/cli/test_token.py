"""`credhelper token`: the API's four calls, one to one, with nothing cached."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Person
from tests.support import swagger
from tests.support.recorder import Recorder


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
    assert found["scope"] == "A,B"
    assert found["acl"][::2] == ["cid:project-alpha", "wid:workgroup-alpha"]


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
    assert claims(made["access_token"])["mem"] == {"cid:project-alpha": "*"}
    other = created(person, "--cid", "project-beta")
    assert claims(other["access_token"])["mem"] == {"cid:project-beta": "*"}


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


def sent(recorder: Recorder) -> tuple[str, str, Any]:
    """Return the last request that went through: what it was, its Authorization, its body."""
    asked, told = recorder.heard[-1]
    call = swagger.call_of(swagger.calls(), asked.method, asked.target)
    assert call is not None
    assert swagger.flaws_of_request(call, asked) == []
    assert swagger.flaws_of_answer(call, told) == []
    body = json.loads(asked.body) if asked.body else None
    return f"{asked.method} {asked.target}", dict(asked.headers).get("Authorization", ""), body


def basic(person: Person) -> str:
    pair = f"{person.api.username}:{person.api.password}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


@pytest.mark.parametrize(
    ("word", "query", "dots"),
    [
        ([], "", 2),
        (["--no-return-session-token"], "?returnSessionToken=false", 2),
        (["--return-session-token"], "?returnSessionToken=true", 0),
    ],
)
def test_create_says_true_or_false_or_nothing_of_a_session_token(
    person: Person, recorder: Recorder, word: list[str], query: str, dots: int
) -> None:
    made = created(person, "--url", recorder.url, *word, stdin=person.api.api_key)
    assert made["access_token"].count(".") == dots
    assert sent(recorder)[0] == f"POST /v1/tokens{query}"


def test_details_tell_of_the_user_whose_password_it_is(person: Person, recorder: Recorder) -> None:
    words = ["--url", recorder.url, "--user", person.api.username]
    outcome = person.types("token", "details", *words, stdin=person.api.password)
    assert json.loads(outcome.stdout)["username"] == person.api.username
    assert sent(recorder) == ("GET /v1/tokens/details", basic(person), None)


@pytest.mark.parametrize("kind", ["jwt", "psToken"])
def test_a_leaked_token_is_revoked_with_ones_own(
    person: Person, recorder: Recorder, kind: str
) -> None:
    person.types("login", "--url", recorder.url, stdin=person.api.api_key)
    own = person.token()
    words = ["--return-session-token"] if kind == "psToken" else []
    leaked = created(person, *words)["access_token"]
    outcome = person.types("token", "revoke", "--own-token", stdin=leaked)
    assert (outcome.status, outcome.stdout) == (0, b"revoked\n")
    assert sent(recorder) == ("DELETE /v1/tokens", f"Bearer {own}", {"access_token": leaked})
    assert person.types("token", "details", stdin=leaked).status == 5
    assert person.token() == own


@pytest.mark.parametrize("verb", ["refresh", "revoke"])
@pytest.mark.parametrize("how", ["variable", "file", "stdin", "password"])
def test_something_else_than_the_token_authorises(
    person: Person, recorder: Recorder, tmp_path: Path, verb: str, how: str
) -> None:
    where = ["--url", recorder.url]
    key = person.api.api_key
    session = created(person, *where, "--return-session-token", stdin=key)["access_token"]
    other = created(person, *where, stdin=key)["access_token"]
    named = tmp_path / "session"  # no canary: a refresh prints it
    named.touch(0o600)
    named.write_text(session)
    secret = person.api.password if how == "password" else other
    path = person.world.secret_file("other", secret)
    words = {
        "variable": ["--auth-env", "OTHER"],
        "file": ["--auth-file", str(path)],
        "stdin": ["--auth-file", "-", "--secret-file", str(named)],
        "password": ["--auth-file", str(path), "--user", person.api.username],
    }[how]
    stdin = secret if how == "stdin" else session
    outcome = person.types("token", verb, *where, *words, stdin=stdin, environ={"OTHER": secret})
    assert outcome.status == 0, outcome
    _, authorization, body = sent(recorder)
    assert authorization == (basic(person) if how == "password" else f"Bearer {other}")
    assert body == {"access_token": session}


@pytest.mark.parametrize("verb", ["refresh", "revoke"])
@pytest.mark.parametrize("how", ["itself", "own", "password"])
def test_a_call_without_a_body_is_made_and_its_refusal_told(
    person: Person, recorder: Recorder, verb: str, how: str
) -> None:
    person.types("login", "--url", recorder.url, stdin=person.api.api_key)
    own = person.token()
    path = person.world.secret_file("password", person.api.password)
    words = {
        "itself": [],
        "own": ["--own-token"],
        "password": ["--auth-file", str(path), "--user", person.api.username],
    }[how]
    outcome = person.types("token", verb, "--no-body", *words, stdin=own if how == "itself" else "")
    assert (outcome.status, outcome.stdout) == (5, b"")
    assert "a body with an access_token is needed" in outcome.told
    expected = basic(person) if how == "password" else f"Bearer {own}"
    assert sent(recorder)[1:] == (expected, None)
    assert person.token() == own


def test_v2_has_no_other_authorization_and_no_other_form_of_a_key(person: Person) -> None:
    where = ["--url", person.api.url, "--api", "ica"]
    made = created(person, *where, stdin=person.api.api_key)["access_token"]
    for words in (
        ["refresh", "--auth-env", "A"],
        ["refresh", "--no-body"],
        ["details", "--user", "u"],
    ):
        outcome = person.types("token", *words, *where, stdin=made, environ={"A": made})
        assert (outcome.status, outcome.stdout) == (2, b"")
        assert "v2 API" in outcome.told
    for form in ("basic", "basic-raw", "query"):
        outcome = person.types("token", "create", "--api-key-as", form, *where, stdin="k")
        assert (outcome.status, outcome.stdout) == (2, b"")
        assert "X-API-Key" in outcome.told


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
        (["revoke", "--url", "API", "--own-token"], "x.y.z", 2),
        (["revoke", "--url", "API", "--own-token", "--auth-env", "A"], "x.y.z", 2),
        (["revoke", "--url", "API", "--own-token", "--user", "u"], "x.y.z", 2),
        (["revoke", "--url", "API", "--user", "u"], "x.y.z", 2),
        (["revoke", "--url", "API", "--auth-env", "A", "--auth-file", "b"], "x.y.z", 2),
        (["revoke", "--url", "API", "--auth-file", "-"], "x.y.z", 2),
        (["refresh", "--url", "API", "--auth-env", "NOT_SET"], "ps", 4),
        (["refresh", "--url", "API", "--no-body", "--auth-env", "A", "--secret-env", "B"], "", 2),
        (["refresh", "--own-token"], "ps", 3),
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
