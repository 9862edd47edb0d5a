"""What each way to authorise puts on the wire, and what it refuses to put there."""

from __future__ import annotations

import base64

import pytest

from credhelper.client.authorization import ApiKey, Authorization, Bearer, Parts, Password, parts
from credhelper.core.model import Secret
from credhelper.errors import ConfigError

KEY = "k3y-CANARY"


def made(authorization: Authorization) -> Parts:
    return parts(authorization, pytest.fail)


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


@pytest.mark.parametrize(
    ("authorization", "headers"),
    [
        (ApiKey(Secret(KEY)), {"X-API-Key": KEY}),
        (ApiKey(Secret(KEY), "header"), {"X-API-Key": KEY}),
        (ApiKey(Secret(KEY), "basic"), basic(f"{KEY}:")),
        (ApiKey(Secret(KEY), "basic-raw"), basic(KEY)),
        (ApiKey(Secret(KEY), "basic-password", "me"), basic(f"me:{KEY}")),
        (Password("me@example.org", Secret("p:ä ß")), basic("me@example.org:p:ä ß")),
        (Bearer(Secret("psToken")), {"Authorization": "Bearer psToken"}),
    ],
)
def test_each_way_has_its_header(authorization: Authorization, headers: dict[str, str]) -> None:
    got = made(authorization)

    assert (got.headers, got.query) == (headers, [])
    [value] = headers.values()
    assert value.rpartition(" ")[2] in [secret.reveal() for secret in got.secrets]


def test_the_obsolete_parameter_warns_each_time_and_sends_no_header() -> None:
    warnings: list[str] = []
    got = parts(ApiKey(Secret(KEY), "query"), warnings.append)

    assert (got.headers, got.query) == ({}, [("api_key", KEY)])
    assert len(warnings) == 1
    assert KEY not in warnings[0]


@pytest.mark.parametrize(
    "authorization",
    [
        *(ApiKey(Secret(f"CANARY{flaw}CANARY")) for flaw in "\r\n\0\t \x7f\x1bé\u041a\u2028\ud800"),
        ApiKey(Secret("")),
        ApiKey(Secret("CANARY:CANARY"), "basic"),
        ApiKey(Secret("CANARY"), "basic-password", ""),
        ApiKey(Secret("CANARY"), "basic-password", "a:b"),
        ApiKey(Secret("CANARY"), "cookie"),
        *(Password(f"m{flaw}e", Secret("CANARY")) for flaw in ":\r\n\0\x1b\x85\u202e\ud800"),
        Password("", Secret("CANARY")),
        Password("me", Secret("")),
        *(Password("me", Secret(f"CANARY{flaw}CANARY")) for flaw in "\r\n\0\t\x7f\x85\ud800"),
        *(Bearer(Secret(f"CANARY{flaw}CANARY")) for flaw in "\r\n\0\t \"'\\é"),
        Bearer(Secret("")),
        Bearer(Secret("null")),
    ],
)
def test_what_cannot_travel_is_refused_and_not_repeated(authorization: Authorization) -> None:
    with pytest.raises(ConfigError) as caught:
        made(authorization)

    assert "CANARY" not in repr(caught.value) + str(caught.value)
    assert str(caught.value).isprintable()


def test_no_way_prints_its_secret() -> None:
    for authorization in (
        ApiKey(Secret(KEY), "basic"),
        Password("me", Secret(KEY)),
        Bearer(Secret(KEY)),
    ):
        got = made(authorization)
        printed = f"{authorization!r} {authorization} {got!r} {got}"
        assert KEY not in printed
        assert all(secret.reveal() not in printed for secret in got.secrets)
