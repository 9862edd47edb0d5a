"""What each refusal of v1 becomes, and that none of them shows a secret."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest
import requests_mock as mocking
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credhelper.client.api import TokenSpec
from credhelper.client.authorization import ApiKey, Bearer, Password
from credhelper.client.http.transport import DEADLINE, Transport
from credhelper.client.iap import Client
from credhelper.core.model import Secret
from credhelper.errors import (
    CredhelperError,
    MalformedAnswerError,
    RateLimitedError,
    RejectedError,
    TokenAPIError,
    UnreachableError,
)
from tests.client.conftest import shown_of
from tests.client.test_iap import CANARY, KEY, NOW, TOKENS, URL

Make = Callable[..., Transport]


@pytest.fixture
def client(transport: Make, frozen: Any) -> Client:
    return Client(transport(URL), clock=frozen.clock, session_lifetime=1800)


@pytest.mark.parametrize(
    ("status", "kind", "attempts"),
    [
        (300, MalformedAnswerError, 1), (301, MalformedAnswerError, 1),
        (302, MalformedAnswerError, 1), (303, MalformedAnswerError, 1),
        (304, MalformedAnswerError, 1), (307, MalformedAnswerError, 1),
        (308, MalformedAnswerError, 1), (400, RejectedError, 1), (401, RejectedError, 1),
        (403, RejectedError, 1), (404, RejectedError, 1), (405, RejectedError, 1),
        (407, RejectedError, 1), (409, RejectedError, 1), (415, RejectedError, 1),
        (418, RejectedError, 1), (422, RejectedError, 1), (499, RejectedError, 1),
        (408, UnreachableError, 3), (429, RateLimitedError, 3), (500, UnreachableError, 3),
        (501, UnreachableError, 1), (502, UnreachableError, 3), (503, UnreachableError, 3),
        (504, UnreachableError, 3), (511, UnreachableError, 1), (599, UnreachableError, 1),
        (600, MalformedAnswerError, 1), (999, MalformedAnswerError, 1),
        (101, MalformedAnswerError, 1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("body", [b"", b'{"code":"c0de","message":"why not"}', b"<html>", b"[1]"])
def test_each_status_has_its_error(
    client: Client,
    mocked: mocking.Mocker,
    status: int,
    kind: type[TokenAPIError],
    attempts: int,
    body: bytes,
) -> None:
    mocked.post(
        TOKENS, status_code=status, content=body, headers={"Location": "https://evil.test/"}
    )

    with pytest.raises(kind) as caught:
        client.create(KEY, TokenSpec(data="CANARY"))

    assert type(caught.value) is kind
    assert caught.value.status == status
    assert caught.value.retryable == (kind is not RejectedError)
    assert mocked.call_count == attempts
    assert str(status) in str(caught.value)
    assert URL in str(caught.value)
    assert "evil" not in str(caught.value)
    assert CANARY not in shown_of(caught.value)
    if body.startswith(b"{"):
        assert "c0de: why not" in str(caught.value)


@pytest.mark.parametrize("status", [500, 502, 504, 408])
def test_refresh_is_not_repeated_when_it_may_have_been_done(
    client: Client, mocked: mocking.Mocker, status: int
) -> None:
    mocked.post(f"{TOKENS}:refresh", status_code=status)

    with pytest.raises(UnreachableError):
        client.refresh(Secret("psToken"))

    assert mocked.call_count == 1


@pytest.mark.parametrize("status", [429, 503])
def test_refresh_is_repeated_when_the_server_says_that_it_did_nothing(
    client: Client, mocked: mocking.Mocker, status: int
) -> None:
    mocked.post(
        f"{TOKENS}:refresh",
        [{"status_code": status}, {"json": {"access_token": "new"}, "status_code": 201}],
    )

    assert client.refresh(Secret("psToken")).value == Secret("new")
    assert mocked.call_count == 2


def test_pauses_grow_and_are_jittered(client: Client, mocked: mocking.Mocker, frozen: Any) -> None:
    mocked.post(TOKENS, status_code=500)

    with pytest.raises(UnreachableError):
        client.create(KEY)

    first, second = frozen.slept
    assert 0 < first < second


@pytest.mark.parametrize(
    ("value", "pause"),
    [
        ("7", 7), ("0", 0.3), (" 7 ", 7), (formatdate(NOW + 7, usegmt=True), 7),
        (formatdate(NOW - 7, usegmt=True), 0.3), ("", 0.3), ("soon", 0.3), ("-5", 0.3),
        ("1e1", 0.3), ("\u0667", 0.3), ("7_0", 0.3), ("7.5", 0.3),
    ],
)  # fmt: skip
def test_retry_after_is_honoured_within_the_deadline(
    client: Client, mocked: mocking.Mocker, frozen: Any, value: str, pause: float
) -> None:
    failure = {"status_code": 429, "headers": {"Retry-After": value}}
    mocked.post(TOKENS, [failure, {"json": {"access_token": "opaque"}}])

    client.create(KEY)

    assert frozen.slept == [pytest.approx(pause)]


def test_retry_after_as_a_date_is_counted_from_the_servers_clock(
    client: Client, mocked: mocking.Mocker, frozen: Any
) -> None:
    headers = {
        "Date": formatdate(NOW + 7200, usegmt=True),
        "Retry-After": formatdate(NOW + 7205, usegmt=True),
    }
    mocked.post(
        TOKENS, [{"status_code": 503, "headers": headers}, {"json": {"access_token": "opaque"}}]
    )

    client.create(KEY)

    assert frozen.slept == [5]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (str(int(DEADLINE)), int(DEADLINE)),
        ("3600", 3600),
        ("9" * 400, 86400),
        (formatdate(NOW + 3 * int(DEADLINE), usegmt=True), 3 * int(DEADLINE)),
    ],
)
@pytest.mark.parametrize(("status", "kind"), [(429, RateLimitedError), (503, UnreachableError)])
def test_a_wait_beyond_the_deadline_is_the_callers(
    client: Client,
    mocked: mocking.Mocker,
    frozen: Any,
    value: str,
    seconds: int,
    status: int,
    kind: type[TokenAPIError],
) -> None:
    mocked.post(TOKENS, status_code=status, headers={"Retry-After": value})

    with pytest.raises(kind) as caught:
        client.create(KEY)

    assert caught.value.retry_after == seconds
    later = f"try again in {seconds:.0f} s, as the server asks" if seconds else None
    assert caught.value.hint == later
    assert (mocked.call_count, frozen.slept) == (1, [])


def test_the_deadline_is_over_all_attempts(
    transport: Make, mocked: mocking.Mocker, frozen: Any
) -> None:
    mocked.post(TOKENS, status_code=500)

    with pytest.raises(UnreachableError):
        Client(transport(URL, deadline=0.2)).create(KEY)

    assert (mocked.call_count, frozen.slept) == (1, [])


def test_what_the_server_says_is_one_short_printable_line(
    client: Client, mocked: mocking.Mocker
) -> None:
    message = "first\r\ncredhelper: hint: run \x1b[31mrm\x1b[0m \u202e" + "x" * 10_000
    mocked.post(TOKENS, status_code=400, json={"code": 5, "message": message})

    with pytest.raises(RejectedError) as caught:
        client.create(KEY)

    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


visible = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=20, max_size=40)


@settings(suppress_health_check=list(HealthCheck), max_examples=40)
@given(
    visible,
    st.sampled_from(
        ["header", "basic", "basic-raw", "basic-password", "query", "password", "bearer"]
    ),
    st.sampled_from([200, 302, 400, 401, 429, 500]),
)
def test_no_error_holds_a_secret_that_the_server_echoes(
    client: Client, secret: str, form: str, status: int
) -> None:
    def echo(request: Any, _: Any) -> str:
        said = [request.url, str(dict(request.headers)), secret, base64.b64encode(secret.encode())]
        return json.dumps({"code": str(said), "message": f"{secret} is wrong", "details": [secret]})

    ways: dict[str, Any] = {
        "password": Password("user", Secret(secret)),
        "bearer": Bearer(Secret(secret)),
    }
    with mocking.Mocker() as mocker:
        mocker.post(TOKENS, text=echo, status_code=status)
        with pytest.raises(CredhelperError) as caught:
            client.create(ways.get(form) or ApiKey(Secret(secret), form, "user"))

    assert secret not in shown_of(caught.value)
    assert base64.b64encode(secret.encode()).decode()[:-4] not in shown_of(caught.value)
