"""The four calls of v1: what goes over the wire, and what each answer becomes."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests_mock as mocking

from credhelper.client.api import TokenSpec
from credhelper.client.authorization import ApiKey, Bearer, Password
from credhelper.client.http.transport import Transport
from credhelper.client.iap import REVOKED, UNKNOWN, Client
from credhelper.core.model import JWT, SESSION, Secret
from credhelper.errors import (
    ConfigError,
    MalformedAnswerError,
    RejectedError,
)
from tests.client.conftest import shown_of

NOW = 1_800_000_000
URL = "https://api.test"
TOKENS = f"{URL}/v1/tokens"
KEY = ApiKey(Secret("the-api-key-CANARY"))
PASSWORD = Password("user", Secret("pw"))
BODY = b'{"access_token": "psToken"}'
CANARY = "CANARY"

Make = Callable[..., Transport]


def jwt(**claims: object) -> str:
    parts = [b'{"alg":"RS256"}', json.dumps(claims).encode(), b"signature"]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@pytest.fixture
def client(transport: Make, frozen: Any) -> Client:
    return Client(transport(URL), clock=frozen.clock, session_lifetime=1800)


@pytest.mark.parametrize("status", [200, 201])
def test_create_exchanges_a_key_for_a_jwt(
    client: Client, mocked: mocking.Mocker, status: int
) -> None:
    value = jwt(exp=NOW + 86400, nbf=NOW + 2)
    mocked.post(TOKENS, json={"access_token": value, "token_type": "MAC"}, status_code=status)

    token = client.create(KEY)

    assert token.value == Secret(value)
    assert (token.kind, token.expires_at, token.not_before) == (JWT, NOW + 86400, NOW + 2)
    [request] = mocked.request_history
    assert request.url == TOKENS
    assert request.body is None
    assert dict(request.headers) == {
        "User-Agent": "credhelper/test",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "X-API-Key": "the-api-key-CANARY",
        "Content-Length": "0",
    }


@pytest.mark.parametrize(
    ("parameters", "query"),
    [
        ({"client_id": "app"}, {"clientId": "app"}),
        ({"domain": "my domain"}, {"domain": "my domain"}),
        ({"data": '{"a": "b&c=d#e"}\n'}, {"data": '{"a": "b&c=d#e"}\n'}),
        ({"scopes": ["a.read", "b.write"]}, {"scopes": "a.read,b.write"}),
        ({"scopes": ()}, {}),
        ({"cwid": "w-1"}, {"cwid": "w-1"}),
        ({"cid": "ü/+%2f"}, {"cid": "ü/+%2f"}),
        ({"return_session_token": True}, {"returnSessionToken": "true"}),
        ({"return_session_token": False}, {"returnSessionToken": "false"}),
        ({"return_session_token": None}, {}),
        (
            {
                "client_id": "1",
                "domain": "2",
                "data": "3",
                "scopes": ["4"],
                "cwid": "5",
                "cid": "6",
            },
            {"clientId": "1", "domain": "2", "data": "3", "scopes": "4", "cwid": "5", "cid": "6"},
        ),
    ],
)
def test_each_parameter_has_its_name_on_the_wire(
    client: Client, mocked: mocking.Mocker, parameters: dict[str, Any], query: dict[str, str]
) -> None:
    mocked.post(TOKENS, json={"access_token": "opaque"})

    client.create(KEY, TokenSpec(**parameters))

    sent = urlsplit(mocked.request_history[0].url).query
    assert dict(parse_qsl(sent, strict_parsing=bool(sent))) == query
    assert "+" not in sent


def test_the_obsolete_key_parameter_is_sent_only_when_chosen_and_warns(
    transport: Make, mocked: mocking.Mocker
) -> None:
    warnings: list[str] = []
    mocked.post(TOKENS, json={"access_token": "opaque"})

    Client(transport(URL), warn=warnings.append).create(
        ApiKey(Secret("k+ey"), "query"), TokenSpec(cid="1")
    )

    [request] = mocked.request_history
    assert dict(parse_qsl(urlsplit(request.url).query)) == {"cid": "1", "api_key": "k+ey"}
    assert "X-API-Key" not in request.headers
    assert len(warnings) == 1


@pytest.mark.parametrize(
    ("authorization", "header"),
    [
        (Bearer(Secret("psToken")), "Bearer psToken"),
        (Password("me", Secret("pw")), "Basic bWU6cHc="),
        (ApiKey(Secret("k"), "basic"), "Basic azo="),
    ],
)
def test_create_takes_each_authorization(
    client: Client, mocked: mocking.Mocker, authorization: Any, header: str
) -> None:
    mocked.post(TOKENS, json={"access_token": "opaque"})

    client.create(authorization)

    assert mocked.request_history[0].headers["Authorization"] == header


def test_create_can_answer_a_session(client: Client, mocked: mocking.Mocker) -> None:
    mocked.post(TOKENS, json={"access_token": "psToken"})

    token = client.create(KEY, TokenSpec(return_session_token=True))

    assert (token.kind, token.expires_at, token.assumed) == (SESSION, NOW + 1800, True)


def test_a_parameter_that_is_no_text_is_refused(client: Client, mocked: mocking.Mocker) -> None:
    with pytest.raises(ConfigError):
        client.create(KEY, TokenSpec(cid="\udcff"))
    assert not mocked.called


@pytest.mark.parametrize("hours", [-2, 2])
def test_the_servers_clock_decides_what_has_expired(
    client: Client, mocked: mocking.Mocker, hours: int
) -> None:
    date = {"Date": formatdate(NOW + 3600 * hours, usegmt=True)}
    mocked.post(TOKENS, json={"access_token": jwt(exp=NOW + 3600 * hours + 60)}, headers=date)

    token = client.create(KEY)

    assert token.skew == 3600 * hours
    assert token.expires_at - token.issued_at == 60


@pytest.mark.parametrize(
    "date",
    [None, "", "yesterday", "Thu, 99 Jan 2027 08:00:00 GMT", "0", formatdate(NOW + 2, usegmt=True),
     formatdate(NOW - 2, usegmt=True), "Mon, 01 Jan 99999 00:00:00 GMT", "\x00"],
)  # fmt: skip
def test_without_a_usable_difference_there_is_no_skew(
    client: Client, mocked: mocking.Mocker, date: str | None
) -> None:
    headers = {} if date is None else {"Date": date}
    mocked.post(TOKENS, json={"access_token": "opaque"}, headers=headers)

    assert client.create(KEY).skew == 0


@pytest.mark.parametrize("age", [0, 1, 86400])
def test_a_token_that_is_expired_on_arrival_is_asked_for_once(
    client: Client, mocked: mocking.Mocker, age: int
) -> None:
    date = formatdate(NOW + 7200, usegmt=True)
    value = jwt(exp=NOW + 7200 - age, sub=CANARY)
    mocked.post(TOKENS, json={"access_token": value}, headers={"Date": date})

    with pytest.raises(MalformedAnswerError) as caught:
        client.create(KEY)

    assert mocked.call_count == 1
    assert date in str(caught.value)
    assert formatdate(NOW, usegmt=True) in str(caught.value)
    assert value not in shown_of(caught.value)


BAD_BODIES = [
    b"", b" ", b"null", b"[]", b"{}", b'"token"', b"5", b"true", b"<html>hi</html>", b"{", b"\xff",
    b'{"access_token":null}', b'{"access_token":""}', b'{"access_token":"null"}',
    b'{"access_token":"None"}', b'{"access_token":"undefined"}', b'{"Access_Token":"CANARY"}',
    b'{"accessToken":"CANARY"}', b'{"ACCESS_TOKEN":"CANARY"}', b'{"token":"CANARY"}',
    b'{"access_token":5}', b'{"access_token":true}', b'{"access_token":["CANARY"]}',
    b'{"access_token":{"value":"CANARY"}}', b'[{"access_token":"CANARY"}]',
    b'{"access_token":"CANARY\\n"}', b'{"access_token":"CANARY\\r\\nX: y"}',
    b'{"access_token":"CANARY\\u0000"}', b'{"access_token":"CANARY x"}',
    b'{"access_token":"CANARY\\"x"}', b'{"access_token":"CANARY\\\\x"}',
    b'{"access_token":"CANARY\\u00e9"}', b'{"access_token":"CANARY\xc3\xa9"}',
    b'{"access_token":"CANARY\\ud800"}', b'{"access_token":"\\u001b[2JCANARY"}',
    b'{"access_token":"' + b"CANARY" * 11000 + b'"}',
    b'{"access_token":"CANARY1","access_token":"CANARY2"}', b'{"access_token":"CANARY","x":NaN}',
    b"\xef\xbb\xbf" + b'{"access_token":"CANARY"}', '{"access_token":"CANARY"}'.encode("utf-16"),
    b'{"access_token":"CANARY"} trailing', b'{"access_token":"CANARY"', b"[" * 100_000,
    b'{"access_token":"CANARY","x":' + b"9" * 5000 + b"}",
]  # fmt: skip


@pytest.mark.parametrize("body", BAD_BODIES, ids=lambda body: repr(body[:40]))
@pytest.mark.parametrize("call", ["create", "refresh"])
def test_an_answer_without_a_usable_token_is_malformed_and_not_repeated(
    client: Client, mocked: mocking.Mocker, body: bytes, call: str
) -> None:
    mocked.post(mocking.ANY, content=body, status_code=201)

    with pytest.raises(MalformedAnswerError) as caught:
        client.create(KEY) if call == "create" else client.refresh(Secret("psToken-CANARY"))

    assert mocked.call_count == 1
    assert CANARY not in shown_of(caught.value)
    assert str(caught.value).isprintable()
    assert caught.value.retryable


@pytest.mark.parametrize("status", [202, 203, 204, 205, 206, 226])
def test_another_2xx_is_no_answer_without_a_token(
    client: Client, mocked: mocking.Mocker, status: int
) -> None:
    mocked.post(TOKENS, status_code=status)

    with pytest.raises(MalformedAnswerError):
        client.create(KEY)


def test_a_portal_is_named_as_one(client: Client, mocked: mocking.Mocker) -> None:
    mocked.post(TOKENS, text="\n <!doctype html><title>Guest</title>")

    with pytest.raises(MalformedAnswerError, match="HTML") as caught:
        client.create(KEY)

    assert "portal" in (caught.value.hint or "")


def test_details_tell_about_the_bearer(client: Client, mocked: mocking.Mocker) -> None:
    detail = {"uid": "u", "currentWorkgroup": None, "acls": ["a"], "new": {"member": 1}}
    mocked.get(f"{TOKENS}/details", json=detail)

    assert client.details(Secret("token")) == detail
    assert mocked.request_history[0].headers["Authorization"] == "Bearer token"


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"x"', b"7", b"<html>", b'{"uid":', b"NaN"])
def test_details_of_another_shape_are_malformed(
    client: Client, mocked: mocking.Mocker, body: bytes
) -> None:
    mocked.get(f"{TOKENS}/details", content=body)

    with pytest.raises(MalformedAnswerError):
        client.details(Secret("token"))


def test_details_of_a_dead_token_are_refused_even_without_a_body(
    client: Client, mocked: mocking.Mocker
) -> None:
    mocked.get(f"{TOKENS}/details", status_code=401)

    with pytest.raises(RejectedError) as caught:
        client.details(Secret("token"))

    assert caught.value.status == 401


@pytest.mark.parametrize("call", ["details", "refresh", "revoke"])
@pytest.mark.parametrize("value", ["", "a\r\nX-Evil: 1", "a b", "null", "é"])
def test_what_is_no_token_is_not_sent(
    client: Client, mocked: mocking.Mocker, call: str, value: str
) -> None:
    with pytest.raises(ConfigError):
        getattr(client, call)(Secret(value))
    assert not mocked.called


@pytest.mark.parametrize("answer", ["psToken", "another"])
@pytest.mark.parametrize("status", [200, 201])
def test_refresh_returns_whatever_session_comes_back(
    client: Client, mocked: mocking.Mocker, answer: str, status: int
) -> None:
    mocked.post(f"{TOKENS}:refresh", json={"access_token": answer}, status_code=status)

    session = client.refresh(Secret("psToken"))

    assert (session.value, session.kind) == (Secret(answer), SESSION)
    [request] = mocked.request_history
    assert request.headers["Authorization"] == "Bearer psToken"
    assert request.headers["Content-Type"] == "application/json"
    assert request.json() == {"access_token": "psToken"}


@pytest.mark.parametrize("named", [Secret("psToken"), None])
def test_details_refresh_and_revoke_may_be_authorised_otherwise(
    client: Client, mocked: mocking.Mocker, named: Secret | None
) -> None:
    mocked.get(f"{TOKENS}/details", json={})
    mocked.post(f"{TOKENS}:refresh", json={"access_token": "new"})
    mocked.delete(TOKENS, status_code=204)

    client.details(named, PASSWORD)
    client.refresh(named, PASSWORD)
    client.revoke(named, PASSWORD)

    for request in mocked.request_history:
        assert request.headers["Authorization"] == "Basic dXNlcjpwdw=="
    bodies = [request.body for request in mocked.request_history]
    assert bodies == ([None, BODY, BODY] if named else [None] * 3)


@pytest.mark.parametrize("call", ["details", "refresh", "revoke"])
def test_a_call_on_no_token_by_nobody_is_not_made(
    client: Client, mocked: mocking.Mocker, call: str
) -> None:
    with pytest.raises(ConfigError, match="neither"):
        getattr(client, call)(None)
    assert not mocked.called


def test_a_session_that_can_no_longer_be_refreshed_is_refused(
    client: Client, mocked: mocking.Mocker
) -> None:
    mocked.post(
        f"{TOKENS}:refresh", status_code=401, json={"code": "x", "message": "psToken-CANARY ended"}
    )

    with pytest.raises(RejectedError, match="ended") as caught:
        client.refresh(Secret("psToken-CANARY"))

    assert CANARY not in shown_of(caught.value)


@pytest.mark.parametrize(
    ("status", "outcome"), [(204, REVOKED), (200, REVOKED), (404, UNKNOWN), (401, UNKNOWN)]
)
def test_revoke_says_whether_the_server_confirmed(
    client: Client, mocked: mocking.Mocker, status: int, outcome: str
) -> None:
    mocked.delete(TOKENS, status_code=status)

    assert client.revoke(Secret("token")) == outcome
    [request] = mocked.request_history
    assert request.headers["Authorization"] == "Bearer token"
    assert request.headers["Content-Type"] == "application/json"
    assert request.json() == {"access_token": "token"}


def test_a_refused_password_says_nothing_about_the_token_to_revoke(
    client: Client, mocked: mocking.Mocker
) -> None:
    mocked.delete(TOKENS, status_code=401)

    with pytest.raises(RejectedError):
        client.revoke(Secret("token"), PASSWORD)


@pytest.mark.parametrize("status", [400, 403, 405, 422])
def test_a_revocation_that_is_refused_is_an_error(
    client: Client, mocked: mocking.Mocker, status: int
) -> None:
    mocked.delete(TOKENS, status_code=status)

    with pytest.raises(RejectedError):
        client.revoke(Secret("token"))


def test_revoke_is_repeated_after_trouble(client: Client, mocked: mocking.Mocker) -> None:
    mocked.delete(TOKENS, [{"status_code": 502}, {"status_code": 204}])

    assert client.revoke(Secret("token")) == REVOKED


def test_projects_are_read_page_by_page(client: Client, mocked: mocking.Mocker) -> None:
    pages = [
        {"items": [{"id": "p-1", "name": "One"}, {"id": "p-2"}], "nextPageToken": "more"},
        {"items": [{"id": "p-3", "name": None}, {"id": 4}, {"name": "nobody"}, "x"]},
    ]
    mocked.get(f"{URL}/v1/projects", [{"json": page} for page in pages])

    found = list(client.projects(Secret("the-token-CANARY")))
    assert found == [("p-1", "One"), ("p-2", ""), ("p-3", "")]

    assert [request.qs for request in mocked.request_history] == [{}, {"pagetoken": ["more"]}]
    assert {request.headers["Authorization"] for request in mocked.request_history} == {
        "Bearer the-token-CANARY"
    }


def test_a_list_without_end_is_left(client: Client, mocked: mocking.Mocker) -> None:
    page = {"items": [{"id": "p"}], "nextPageToken": "again"}
    mocked.get(f"{URL}/v1/workgroups", json=page)
    with pytest.raises(MalformedAnswerError, match="came twice"):
        list(client.workgroups(Secret("the-session")))
    assert mocked.call_count == 2


@pytest.mark.parametrize("items", [None, {}, "x", 5])
def test_a_list_that_is_none_is_empty(
    client: Client, mocked: mocking.Mocker, items: object
) -> None:
    mocked.get(f"{URL}/v1/projects", json={"items": items})
    assert list(client.projects(Secret("the-token"))) == []
