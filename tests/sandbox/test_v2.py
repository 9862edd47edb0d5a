"""The sandbox as v2: create, refresh, projects, and errors as problems."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from credhelper.sandbox.server import Sandbox

Ask = Callable[..., Any]
TOKENS = "/ica/rest/api/tokens"
HOUR = 3600


def claims(jwt: str) -> dict[str, Any]:
    part = jwt.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def token(reply: Any) -> str:
    assert reply.status == 200, reply.body
    assert reply.headers["Content-Type"] == "application/vnd.illumina.v3+json"
    assert set(reply.json) == {"token"}
    return str(reply.json["token"])


def problem(reply: Any, status: int) -> dict[str, Any]:
    assert reply.status == status, reply.body
    assert reply.headers["Content-Type"] == "application/problem+json"
    told: dict[str, Any] = reply.json
    assert told["status"] == status
    assert told["type"]
    assert told["title"]
    assert told["parameters"] == {}
    assert told["timestamp"] == "2027-01-15T08:00:00Z"
    uuid.UUID(told["id"])
    return told


@pytest.fixture
def by_key(sandbox: Sandbox, ask: Ask) -> str:
    return token(ask("POST", TOKENS, key=sandbox.api_key))


@pytest.fixture
def by_password(sandbox: Sandbox, ask: Ask) -> str:
    return token(ask("POST", TOKENS, basic=f"{sandbox.username}:{sandbox.password}"))


def test_a_key_is_exchanged_for_a_jwt_for_ica(by_key: str, clock: Any) -> None:
    told = claims(by_key)
    assert told["aud"] == "ica"
    uuid.UUID(told["sub"])
    assert told["exp"] == clock.now + 24 * HOUR
    assert not {"cid", "acl", "domain"} & set(told)


def test_the_tenant_is_told(sandbox: Sandbox, ask: Ask) -> None:
    basic = f"{sandbox.username}:{sandbox.password}"
    assert (
        claims(token(ask("POST", f"{TOKENS}?tenant=acme%20inc", basic=basic)))["tns"] == "acme inc"
    )
    assert problem(ask("POST", f"{TOKENS}?tenant=a&tenant=b", basic=basic), 400)


def test_a_session_of_v1_mints_at_v2(ask: Ask, session: str) -> None:
    minted = token(ask("POST", TOKENS, bearer=session))
    assert claims(minted)["session"]
    assert ask("GET", "/_sandbox/stats").json["minted"] == 1


@pytest.mark.parametrize(
    "way", ["nothing", "key", "basic", "key-as-user", "bearer", "jwt", "query"]
)
def test_create_needs_a_good_grant(sandbox: Sandbox, ask: Ask, by_password: str, way: str) -> None:
    sent: dict[str, Any] = {
        "nothing": {},
        "key": {"key": "wrong"},
        "basic": {"basic": f"{sandbox.username}:wrong"},
        "key-as-user": {"basic": f"{sandbox.api_key}:"},
        "bearer": {"bearer": "ps-wrong"},
        "jwt": {"bearer": by_password},
        "query": {},
    }[way]
    query = f"?api_key={sandbox.api_key}" if way == "query" else ""
    told = problem(ask("POST", TOKENS + query, **sent), 401)
    assert told["instance"] == f"urn:uuid:{told['id']}"


def test_a_jwt_that_a_password_made_is_refreshed_again_and_again(
    ask: Ask, by_password: str, clock: Any
) -> None:
    held = by_password
    for _ in range(3):
        clock.now += 12 * HOUR
        held = token(ask("POST", f"{TOKENS}:refresh", bearer=held))
        assert claims(held)["exp"] == clock.now + 24 * HOUR
        assert claims(held)["tns"] == "sandbox"
    assert ask("GET", "/_sandbox/stats").json["refreshed"] == 3


def test_the_jwt_that_was_refreshed_stays_good_until_it_expires(
    ask: Ask, by_password: str, clock: Any
) -> None:
    token(ask("POST", f"{TOKENS}:refresh", bearer=by_password))
    assert ask("GET", "/protected", bearer=by_password).status == 200
    clock.now += 24 * HOUR
    assert ask("GET", "/protected", bearer=by_password).status == 401


def test_a_jwt_that_a_key_made_is_not_refreshed(ask: Ask, by_key: str) -> None:
    assert "API key" in problem(ask("POST", f"{TOKENS}:refresh", bearer=by_key), 400)["detail"]


def test_only_a_valid_jwt_of_v2_is_refreshed(
    ask: Ask, by_password: str, jwt: str, session: str, clock: Any
) -> None:
    for bearer in (jwt, session, "wrong", None):
        problem(ask("POST", f"{TOKENS}:refresh", bearer=bearer), 401)
    clock.now += 24 * HOUR
    assert ask("POST", f"{TOKENS}:refresh", bearer=by_password).status == 401


def test_projects_are_listed_and_searched(
    sandbox: Sandbox, ask: Ask, by_key: str, jwt: str
) -> None:
    page = ask("GET", "/ica/rest/api/projects", bearer=by_key).json
    assert [item["name"] for item in page["items"]] == ["Alpha", "Beta"]
    assert (page["nextPageToken"], page["remainingRecords"]) == ("", 0)
    found = ask("GET", "/ica/rest/api/projects?search=bet", key=sandbox.api_key).json["items"]
    assert [item["name"] for item in found] == ["Beta"]
    problem(ask("GET", "/ica/rest/api/projects", bearer=jwt), 401)
    problem(ask("GET", "/ica/rest/api/projects"), 401)


def where(ask: Ask, by_key: str, data: str = "fol.1") -> str:
    project = ask("GET", "/ica/rest/api/projects", bearer=by_key).json["items"][0]["id"]
    return f"/ica/rest/api/projects/{project}/data/{data}:createTemporaryCredentials"


@pytest.mark.parametrize("body", [None, {}, {"readOnlyCredentials": True}])
def test_keys_for_aws_do_not_tell_when_they_expire(ask: Ask, by_key: str, body: Any) -> None:
    path = where(ask, by_key)
    found = ask("POST", path, bearer=by_key, body=body).json["awsTempCredentials"]
    (alive,) = ask("GET", "/_sandbox/aws").json
    assert found["accessKey"] == alive["accessKeyId"]
    assert found["sessionToken"] == alive["sessionToken"]
    assert found["objectPrefix"] == "volume/fol.1/"
    assert alive["readOnly"] is bool(body)
    assert not any("xpir" in name for name in found)
    assert ask("GET", "/_sandbox/stats").json["exchanged"] == 1


def test_keys_for_rclone_do(ask: Ask, by_key: str, sandbox: Sandbox) -> None:
    body = {"credentialsFormat": "RCLONE"}
    path = where(ask, by_key, "fil.1")
    found = ask("POST", path, key=sandbox.api_key, body=body).json["rcloneTempCredentials"]
    assert found["config"]["type"] == "s3"
    assert found["filePathPrefix"] == "sandbox-bucket/volume/fil.1"
    assert found["expirationTime"] == "2027-01-16T20:00:00Z"
    assert "uploadSessionId" not in found


def test_keys_are_refused_where_they_should_be(ask: Ask, by_key: str, jwt: str) -> None:
    path = where(ask, by_key)
    problem(ask("POST", path, bearer=jwt), 401)
    problem(ask("POST", path.replace("fol.1", "fol.foreign"), bearer=by_key), 403)
    problem(ask("POST", path.replace("fol.1", "fol.missing"), bearer=by_key), 404)
    problem(ask("POST", path.replace("/projects/", "/projects/x"), bearer=by_key), 404)
    problem(ask("GET", path, bearer=by_key), 405)
    for body in ([1], {"credentialsFormat": "CURL"}, {"readOnlyCredentials": "yes"}):
        problem(ask("POST", path, bearer=by_key, body=body), 400)
    problem(ask("POST", path + "x", bearer=by_key), 404)
    problem(ask("POST", path.replace("/data/", "/dota/"), bearer=by_key), 404)
    assert ask("GET", "/_sandbox/stats").json["exchanged"] == 0


def test_what_is_not_there_is_a_problem(ask: Ask, by_key: str) -> None:
    problem(ask("GET", "/ica/rest/api/nothing"), 404)
    problem(ask("DELETE", TOKENS), 405)
    problem(ask("GET", f"{TOKENS}/details", bearer=by_key), 404)


def test_faults_speak_v2_there(sandbox: Sandbox, ask: Ask) -> None:
    faults = [
        {"access_token": "made-up", "path": TOKENS},
        {"access_token": "made-up", "status": 201, "path": TOKENS},
        {"status": 429, "headers": {"Retry-After": "2"}, "path": TOKENS},
        {"lifetime": 5, "nbf": 2, "path": TOKENS},
    ]
    ask("POST", "/_sandbox/faults", body=faults)
    assert ask("POST", TOKENS, key=sandbox.api_key).json == {"token": "made-up"}
    reply = ask("POST", TOKENS)
    assert (reply.status, reply.json) == (201, {"token": "made-up"})
    reply = ask("POST", TOKENS)
    assert reply.headers["Retry-After"] == "2"
    assert problem(reply, 429)["title"] == "Too Many Requests"
    told = claims(token(ask("POST", TOKENS, key=sandbox.api_key)))
    assert (told["exp"] - told["iat"], told["nbf"] - told["iat"]) == (5, 2)
