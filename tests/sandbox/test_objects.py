"""Temporary AWS keys for folders, files and volumes, over a real socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from credhelper.sandbox.server import Sandbox
from tests.sandbox.conftest import NOON, Clock

Ask = Callable[..., Any]
WANTED = "?include=objectStoreAccess"
UPLOAD, READ_ONLY = "awsS3TemporaryUploadCredentials", "awsS3TemporaryReadOnlyCredentials"


def alive(ask: Ask) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask("GET", "/_sandbox/aws").json
    return found


@pytest.mark.parametrize(
    ("path", "prefix"),
    [
        ("/v1/folders/fol.1", "volume/fol.1/"),
        ("/v1/files/fil.1", "volume/fil.1"),
        ("/v1/volumes/vol.1", "vol.1/"),
    ],
)
def test_a_patch_gives_keys_that_can_write_in_upstreams_odd_spelling(
    ask: Ask, jwt: str, path: str, prefix: str
) -> None:
    reply = ask("PATCH", path + WANTED, bearer=jwt, body={})
    assert (reply.status, reply.json["id"]) == (200, path.rpartition("/")[2])
    given = reply.json["objectStoreAccess"][UPLOAD]
    (door,) = alive(ask)
    assert door == {
        "accessKeyId": given["access_Key_Id"],
        "secretAccessKey": given["secret_Access_Key"],
        "sessionToken": given["session_Token"],
        "bucket": given["bucketName"],
        "prefix": prefix,
        "readOnly": False,
        "expires": NOON + 36 * 3600,
    }
    assert given["keyPrefix"] == prefix
    assert given["expirationDate"] == "2027-01-16T20:00:00Z"
    assert READ_ONLY not in reply.json["objectStoreAccess"]


@pytest.mark.parametrize("path", ["/v1/folders/fol.1", "/v1/files/fil.1"])
def test_a_get_gives_keys_that_cannot(ask: Ask, jwt: str, path: str) -> None:
    reply = ask("GET", path + WANTED, bearer=jwt)
    assert set(reply.json["objectStoreAccess"]) == {READ_ONLY}
    assert [one["readOnly"] for one in alive(ask)] == [True]


def test_the_get_of_a_volume_gives_none(ask: Ask, jwt: str) -> None:
    reply = ask("GET", "/v1/volumes/vol.1" + WANTED, bearer=jwt)
    assert (reply.status, "objectStoreAccess" in reply.json) == (200, False)
    assert alive(ask) == []


@pytest.mark.parametrize(
    "query", ["?include=ObjectStoreAccess", "?include=inheritedAcl,objectStoreAccess&tenantId=x"]
)
def test_the_case_of_what_is_to_be_included_does_not_count(ask: Ask, jwt: str, query: str) -> None:
    assert "objectStoreAccess" in ask("PATCH", "/v1/folders/fol.1" + query, bearer=jwt).json


@pytest.mark.parametrize("query", ["", "?include=", "?include=inheritedAcl"])
def test_who_does_not_ask_for_keys_gets_none(ask: Ask, jwt: str, query: str) -> None:
    reply = ask("PATCH", "/v1/folders/fol.1" + query, bearer=jwt)
    assert (reply.status, "objectStoreAccess" in reply.json) == (200, False)
    assert ask("GET", "/_sandbox/stats").json["exchanged"] == 0


def test_every_exchange_counts_and_gives_other_keys(ask: Ask, jwt: str) -> None:
    for _ in range(3):
        ask("PATCH", "/v1/folders/fol.1" + WANTED, bearer=jwt)
    assert ask("GET", "/_sandbox/stats").json["exchanged"] == 3
    for name in ("accessKeyId", "secretAccessKey", "sessionToken"):
        assert len({one[name] for one in alive(ask)}) == 3


def test_keys_are_good_until_they_expire_whatever_becomes_of_the_token(
    ask: Ask, jwt: str, clock: Clock
) -> None:
    ask("PATCH", "/v1/folders/fol.1" + WANTED, bearer=jwt)
    ask("POST", "/_sandbox/revoke-all")
    clock.now += 36 * 3600 - 1
    assert len(alive(ask)) == 1
    clock.now += 1
    assert alive(ask) == []


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_only_a_jwt_that_is_valid_buys(
    sandbox: Sandbox, ask: Ask, jwt: str, session: str, method: str, clock: Clock
) -> None:
    path = "/v1/folders/fol.1" + WANTED
    assert ask(method, path).status == 401
    assert ask(method, path, bearer=session).status == 401
    assert ask(method, path, key=sandbox.api_key).status == 401
    assert ask(method, path, bearer=jwt).status == 200
    clock.now += 86400
    assert ask(method, path, bearer=jwt).status == 401


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/folders/fol.foreign", 403),
        ("/v1/files/fil.missing", 404),
        ("/v1/folders/a%20b", 400),
        ("/v1/folders/a/b", 404),
        ("/v1/folders/", 404),
        ("/v1/buckets/b", 404),
    ],
)
def test_what_is_not_ours_or_not_there_is_refused(
    ask: Ask, jwt: str, path: str, status: int
) -> None:
    reply = ask("PATCH", path + WANTED, bearer=jwt)
    assert reply.status == status
    assert set(reply.json) == {"code", "message", "details"}


def test_other_methods_and_bodies_are_refused(ask: Ask, jwt: str) -> None:
    path = "/v1/folders/fol.1" + WANTED
    assert ask("DELETE", path, bearer=jwt).status == 405
    assert ask("PATCH", path, bearer=jwt, body=b"{}").status == 415
    assert ask("PATCH", path, bearer=jwt, body=b"{", headers=JSON).status == 400
    odd = {"Content-Type": "application/json-patch+json"}
    assert ask("PATCH", path, bearer=jwt, body=b"{}", headers=odd).status == 200


JSON = {"Content-Type": "application/json"}


def test_faults_are_met_here_as_well(ask: Ask, jwt: str) -> None:
    faults = [
        {"path": "/v1/folders", "lifetime": 5},
        {"path": "/v1/folders", "date": 600},
        {"path": "/v1/folders", "json": {}},
        {"path": "/v1/folders", "status": 429},
    ]
    assert ask("POST", "/_sandbox/faults", body=faults).status == 200
    path = "/v1/folders/fol.1" + WANTED
    told = [ask("PATCH", path, bearer=jwt) for _ in faults]
    dates = [one.json["objectStoreAccess"][UPLOAD]["expirationDate"] for one in told[:2]]
    assert dates == ["2027-01-15T08:00:05Z", "2027-01-16T20:10:00Z"]
    assert [(one.status, one.json) for one in told[2:3]] == [(200, {})]
    assert told[3].status == 429
    assert ask("GET", "/_sandbox/stats").json["exchanged"] == 2
