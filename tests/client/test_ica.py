"""The two calls of v2: what goes over the wire, and what each answer becomes."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest
import requests_mock as mocking

from credhelper.client import iap
from credhelper.client.api import Client as Either
from credhelper.client.api import TokenSpec
from credhelper.client.authorization import ApiKey, Bearer, Password
from credhelper.client.http.transport import Transport
from credhelper.client.ica import Client
from credhelper.core.model import JWT, Secret
from credhelper.errors import (
    ConfigError,
    MalformedAnswerError,
    RateLimitedError,
    RejectedError,
    TokenAPIError,
    UnreachableError,
    UnsupportedActionError,
)
from tests.client.conftest import shown_of
from tests.client.test_iap import BAD_BODIES, CANARY, KEY, NOW, URL, jwt

TOKENS = f"{URL}/ica/rest/api/tokens"
REFRESH = f"{TOKENS}:refresh"

Make = Callable[..., Transport]


@pytest.fixture
def client(transport: Make, frozen: Any) -> Client:
    return Client(transport(URL), clock=frozen.clock)


def test_both_clients_have_the_one_shape(transport: Make) -> None:
    either: list[Either] = [Client(transport(URL)), iap.Client(transport(URL))]
    assert [one.refreshes for one in either] == ["jwt", "session"]
    assert [(one.revokes, one.has_details) for one in either] == [(False, False), (True, True)]


@pytest.mark.parametrize("status", [200, 201])
def test_create_exchanges_a_key_for_a_jwt(
    client: Client, mocked: mocking.Mocker, status: int
) -> None:
    value = jwt(exp=NOW + 86400, nbf=NOW + 2, aud=["ica"])
    mocked.post(TOKENS, json={"token": value}, status_code=status)

    token = client.create(KEY)

    assert token.value == Secret(value)
    assert (token.kind, token.expires_at, token.not_before) == (JWT, NOW + 86400, NOW + 2)
    assert not token.assumed
    [request] = mocked.request_history
    assert request.url == TOKENS
    assert request.body is None
    assert dict(request.headers) == {
        "User-Agent": "credhelper/test",
        "Accept": "application/vnd.illumina.v3+json, application/problem+json",
        "Accept-Encoding": "identity",
        "X-API-Key": "the-api-key-CANARY",
        "Content-Length": "0",
    }


@pytest.mark.parametrize(
    ("authorization", "header"),
    [
        (Bearer(Secret("psToken")), "Bearer psToken"),
        (Password("me@x.org", Secret("pw")), "Basic bWVAeC5vcmc6cHc="),
    ],
)
def test_create_takes_each_authorization_and_the_tenant(
    client: Client, mocked: mocking.Mocker, authorization: Any, header: str
) -> None:
    mocked.post(TOKENS, json={"token": "opaque"})

    client.create(authorization, TokenSpec(domain="acme & sons"))

    [request] = mocked.request_history
    assert request.headers["Authorization"] == header
    assert request.url == f"{TOKENS}?tenant=acme%20%26%20sons"


@pytest.mark.parametrize(
    ("name", "value"),
    [("client_id", "a"), ("data", "a"), ("scopes", ["a"]), ("cwid", "a"), ("cid", "a"),
     ("return_session_token", True)],
)  # fmt: skip
def test_what_only_v1_has_is_refused_before_anything_is_sent(
    client: Client, mocked: mocking.Mocker, name: str, value: Any
) -> None:
    with pytest.raises(UnsupportedActionError, match="the v2 API has no"):
        client.create(KEY, TokenSpec(**{name: value}))
    assert not mocked.called


@pytest.mark.parametrize("form", ["basic", "basic-raw", "basic-password", "query"])
def test_a_key_travels_in_its_header_or_not_at_all(
    client: Client, mocked: mocking.Mocker, form: str
) -> None:
    with pytest.raises(UnsupportedActionError, match="X-API-Key only"):
        client.create(ApiKey(Secret("k"), form, "me"))
    assert not mocked.called


def test_a_refresh_is_authorised_by_the_jwt_itself(client: Client, mocked: mocking.Mocker) -> None:
    for named, other in ((Secret("a.b.c"), Bearer(Secret("d.e.f"))), (None, Bearer(Secret("a")))):
        with pytest.raises(UnsupportedActionError, match="the very JWT"):
            client.refresh(named, other)
    assert not mocked.called


def test_what_v1_leaves_out_is_no_reason_to_refuse(client: Client, mocked: mocking.Mocker) -> None:
    mocked.post(TOKENS, json={"token": "opaque"})
    client.create(KEY, TokenSpec(return_session_token=False))
    assert mocked.request_history[0].query == ""


def test_refresh_exchanges_a_jwt_for_another(client: Client, mocked: mocking.Mocker) -> None:
    old, new = jwt(exp=NOW + 60), jwt(exp=NOW + 86400)
    mocked.post(REFRESH, json={"token": new})

    token = client.refresh(Secret(old))

    assert (token.value, token.kind, token.expires_at) == (Secret(new), JWT, NOW + 86400)
    [request] = mocked.request_history
    assert request.headers["Authorization"] == f"Bearer {old}"
    assert request.body is None
    assert request.headers["Content-Length"] == "0"


def test_who_refreshes_what_a_key_made_is_told_what_to_do(
    client: Client, mocked: mocking.Mocker
) -> None:
    mocked.post(REFRESH, status_code=401)
    with pytest.raises(RejectedError) as caught:
        client.refresh(Secret(jwt(exp=NOW + 60)))
    assert "create another" in (caught.value.hint or "")


def test_projects_are_read_page_by_page(client: Client, mocked: mocking.Mocker) -> None:
    first = [{"id": f"p-{n}", "name": f"N{n}"} for n in range(199)]
    last = [{"id": "p-200", "name": None}, {"name": "no id"}, "nothing", {"id": 5}]
    last.append({"id": "p-199", "name": "N199"})
    pages = [{"items": first, "nextPageToken": "a+/b=&c"}, {"items": last, "nextPageToken": ""}]
    mocked.get(f"{URL}/ica/rest/api/projects", [{"json": page} for page in pages])

    found = list(client.projects(Secret("jwt")))

    assert (found[0], found[-1], len(found)) == (("p-0", "N0"), ("p-199", "N199"), 201)
    assert found[-2:] == [("p-200", ""), ("p-199", "N199")]
    first_asked, next_asked = mocked.request_history
    assert first_asked.qs == {"includehiddenprojects": ["true"], "pagesize": ["200"]}
    assert next_asked.qs == {**first_asked.qs, "pagetoken": ["a+/b=&c"]}
    assert first_asked.headers["Authorization"] == "Bearer jwt"


def test_a_name_is_searched_for(client: Client, mocked: mocking.Mocker) -> None:
    mocked.get(f"{URL}/ica/rest/api/projects", json={"items": []})
    assert list(client.projects(Secret("jwt"), "a & b?")) == []
    (asked,) = mocked.request_history
    assert asked.qs["search"] == ["a & b?"]


def test_an_id_is_asked_for_and_then_taken_for_a_name(
    client: Client, mocked: mocking.Mocker
) -> None:
    known = "4a8b3c0e-0d3f-4f9e-9a55-8f9d3a1b2c3d"
    one = mocked.get(f"{URL}/ica/rest/api/projects/{known}", json={"id": known, "name": "One"})
    every = mocked.get(f"{URL}/ica/rest/api/projects", json={"items": []})
    assert next(client.projects(Secret("jwt"), known.upper())) == (known, "One")
    assert (one.call_count, every.call_count) == (1, 0)
    refused: list[dict[str, Any]] = [{"status_code": 404}, {"status_code": 403}, {"json": {}}]
    for answer in (*refused, {"json": {"id": 5}}):
        mocked.get(f"{URL}/ica/rest/api/projects/{known}", **answer)
        assert list(client.projects(Secret("jwt"), known)) == []
        assert mocked.request_history[-1].qs["search"] == [known]
    mocked.get(f"{URL}/ica/rest/api/projects/{known}", status_code=500)
    with pytest.raises(UnreachableError):
        list(client.projects(Secret("jwt"), known))


@pytest.mark.parametrize("answer", [{}, {"items": None}, {"items": {}}])
def test_no_projects_are_none(client: Client, mocked: mocking.Mocker, answer: Any) -> None:
    mocked.get(f"{URL}/ica/rest/api/projects", json=answer)
    assert list(client.projects(Secret("jwt"))) == []


def test_who_has_no_password_is_told_what_to_take(client: Client, mocked: mocking.Mocker) -> None:
    mocked.post(TOKENS, status_code=401)
    with pytest.raises(RejectedError) as caught:
        client.create(Password("me@x.org", Secret("pw")))
    assert "single sign-on" in (caught.value.hint or "")


@pytest.mark.parametrize("call", ["details", "revoke", "workgroups"])
def test_what_v2_cannot_do_is_said_and_not_played(
    client: Client, mocked: mocking.Mocker, call: str
) -> None:
    with pytest.raises(UnsupportedActionError, match="v2"):
        getattr(client, call)(Secret("token"))
    assert not mocked.called


BODIES = [
    *(body.replace(b"access_token", b"token") for body in BAD_BODIES if b'{"token"' not in body),
    *(b'{"access_token":"CANARY"}', b'{"Token":"CANARY"}', b'{"jwt":"CANARY"}'),
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:40]))
@pytest.mark.parametrize("call", ["create", "refresh"])
def test_an_answer_without_a_usable_token_is_malformed_and_not_repeated(
    client: Client, mocked: mocking.Mocker, body: bytes, call: str
) -> None:
    mocked.post(mocking.ANY, content=body)

    with pytest.raises(MalformedAnswerError) as caught:
        client.create(KEY) if call == "create" else client.refresh(Secret("jwt-CANARY"))

    assert mocked.call_count == 1
    assert CANARY not in shown_of(caught.value)
    assert "access_token" not in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("age", [0, 1, 86400])
def test_a_token_that_is_expired_on_arrival_is_asked_for_once(
    client: Client, mocked: mocking.Mocker, age: int
) -> None:
    date = formatdate(NOW + 7200, usegmt=True)
    mocked.post(TOKENS, json={"token": jwt(exp=NOW + 7200 - age)}, headers={"Date": date})

    with pytest.raises(MalformedAnswerError, match="already expired") as caught:
        client.create(KEY)

    assert mocked.call_count == 1
    assert date in str(caught.value)
    assert formatdate(NOW, usegmt=True) in str(caught.value)


@pytest.mark.parametrize(
    ("status", "kind", "attempts"),
    [
        (302, MalformedAnswerError, 1), (307, MalformedAnswerError, 1), (400, RejectedError, 1),
        (401, RejectedError, 1), (403, RejectedError, 1), (404, RejectedError, 1),
        (429, RateLimitedError, 3), (500, UnreachableError, 3), (503, UnreachableError, 3),
    ],
)  # fmt: skip
@pytest.mark.parametrize("call", ["create", "refresh"])
def test_each_status_has_its_error_and_a_problem_is_told(
    client: Client,
    mocked: mocking.Mocker,
    status: int,
    kind: type[TokenAPIError],
    attempts: int,
    call: str,
) -> None:
    problem = {
        "type": "about:blank",
        "title": "Nope",
        "status": status,
        "detail": "why the-api-key-CANARY is\u001b[2J not",
        "parameters": {},
        "timestamp": "2026-11-27T15:00:00Z",
    }
    headers = {"Content-Type": "application/problem+json", "Location": "https://evil.test/"}
    mocked.post(mocking.ANY, status_code=status, json=problem, headers=headers)

    with pytest.raises(kind) as caught:
        client.create(KEY) if call == "create" else client.refresh(Secret("the-api-key-CANARY"))

    assert type(caught.value) is kind
    assert caught.value.status == status
    assert mocked.call_count == attempts
    assert "Nope: why" in str(caught.value)
    assert CANARY not in shown_of(caught.value)
    assert str(caught.value).isprintable()


def test_retry_after_is_honoured(client: Client, mocked: mocking.Mocker, frozen: Any) -> None:
    refused = {"status_code": 429, "headers": {"Retry-After": "7"}}
    mocked.post(TOKENS, [refused, {"json": {"token": "opaque"}}])

    assert client.create(KEY).value == Secret("opaque")
    assert frozen.slept == [7]


def test_a_secret_that_cannot_travel_is_refused(client: Client, mocked: mocking.Mocker) -> None:
    with pytest.raises(ConfigError):
        client.create(ApiKey(Secret("a b")))
    with pytest.raises(ConfigError):
        client.refresh(Secret("a\nb"))
    assert not mocked.called
