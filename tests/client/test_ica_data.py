"""Credentials from v2's data API: what is sent, what is read, and what is not believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests_mock

from credhelper.client.http.transport import Transport
from credhelper.client.ica_data import Client
from credhelper.core.model import AWS, RCLONE, Secret, Token
from credhelper.errors import MalformedAnswerError, RateLimitedError, RejectedError

NOW = 1_800_000_000
JWT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.c2ln"
URL = "https://api.test/ica/rest/api/projects/p-1/data/fol.1:createTemporaryCredentials"
KEYS: dict[str, Any] = {
    "accessKey": "ASIAEXAMPLE",
    "secretKey": "se/cr+et",
    "sessionToken": "to/ke+n==",
    "region": "us-east-1",
    "bucket": "ica-bucket",
    "objectPrefix": "1234/folder/",
    "serverSideEncryptionAlgorithm": "AES256",
    "serverSideEncryptionKey": None,
}
CONFIG = {"type": "s3", "access_key_id": "ASIA", "session_token": "CANARY"}
FOR_RCLONE: dict[str, Any] = {
    "config": CONFIG,
    "filePathPrefix": "ica-bucket/1234/folder/",
    "storageType": "s3",
    "expirationTime": "2027-01-15T09:00:00Z",
}


@pytest.fixture
def api() -> Any:
    with requests_mock.Mocker() as mocker:
        yield mocker


@pytest.fixture
def buy(api: Any, transport: Callable[..., Transport], frozen: Any) -> Callable[..., Token]:
    """Buy credentials from a server that answers `answer`, or as `said`."""

    def bought(
        answer: object, *, wants: str = AWS, read_only: bool = False, lifetime: int | None = 3600
    ) -> Token:
        client = Client(transport(), lifetime=lifetime, clock=frozen.clock)
        api.post(requests_mock.ANY, **(answer if isinstance(answer, dict) else {}))
        words = ("p-1", "fol.1")
        return client.exchange(Secret(JWT), "data", words, read_only=read_only, wants=wants)

    return bought


def aws(**changes: object) -> dict[str, Any]:
    return {"json": {"awsTempCredentials": KEYS | changes, "rcloneTempCredentials": None}}


def rclone(**changes: object) -> dict[str, Any]:
    return {"json": {"rcloneTempCredentials": FOR_RCLONE | changes}}


def members(token: Token) -> Any:
    return json.loads(token.value.reveal())


@pytest.mark.parametrize(
    ("wants", "read_only", "body"),
    [
        (AWS, False, {"readOnlyCredentials": False}),
        (AWS, True, {"readOnlyCredentials": True}),
        (RCLONE, False, {"readOnlyCredentials": False, "credentialsFormat": "RCLONE"}),
        (RCLONE, True, {"readOnlyCredentials": True, "credentialsFormat": "RCLONE"}),
    ],
)
def test_a_post_names_project_and_data_and_what_is_wanted(
    buy: Callable[..., Token], api: Any, wants: str, read_only: bool, body: dict[str, Any]
) -> None:
    buy(aws() if wants == AWS else rclone(), wants=wants, read_only=read_only)
    (sent,) = api.request_history
    assert (sent.method, sent.url) == ("POST", URL)
    assert sent.headers["Authorization"] == f"Bearer {JWT}"
    assert sent.headers["Content-Type"] == "application/json"
    assert sent.json() == body


def test_the_answer_for_aws_has_the_names_that_aws_uses_and_a_stated_life(
    buy: Callable[..., Token],
) -> None:
    token = buy(aws(), lifetime=1800)
    assert (token.kind, token.issued_at, token.expires_at) == (AWS, NOW, NOW + 1800)
    assert token.assumed
    assert members(token) == {
        "AccessKeyId": "ASIAEXAMPLE",
        "SecretAccessKey": "se/cr+et",
        "SessionToken": "to/ke+n==",
        "Region": "us-east-1",
        "Bucket": "ica-bucket",
        "Prefix": "1234/folder/",
        "Encryption": "AES256",
    }


def test_an_expiry_that_is_told_all_the_same_counts_for_more(buy: Callable[..., Token]) -> None:
    token = buy(aws(expirationTime="2027-01-15T09:00:00Z"), lifetime=1)
    assert (token.expires_at, token.assumed) == (NOW + 3600, False)


def test_without_any_word_it_is_the_shortest_that_aws_knows(buy: Callable[..., Token]) -> None:
    assert buy(aws(), lifetime=None).expires_at == NOW + 900


def test_the_answer_for_rclone_is_kept_as_it_is_with_its_expiry(buy: Callable[..., Token]) -> None:
    token = buy(rclone(), wants=RCLONE, lifetime=1)
    assert (token.kind, token.expires_at, token.assumed) == (AWS, NOW + 3600, False)
    assert members(token) == {
        "rclone.type": "s3",
        "rclone.access_key_id": "ASIA",
        "rclone.session_token": "CANARY",
        "Path": "ica-bucket/1234/folder/",
    }


@pytest.mark.parametrize("path", [None, 5])
def test_a_path_that_is_not_told_hinders_nobody(buy: Callable[..., Token], path: object) -> None:
    assert "Path" not in members(buy(rclone(filePathPrefix=path), wants=RCLONE))


@pytest.mark.parametrize(
    "changes",
    [
        {"config": None}, {"config": {}}, {"config": "type=s3"}, {"config": ["type"]},
        {"config": {"type": 5}}, {"config": {"type": None}}, {"config": {"Type": "s3"}},
        {"config": {"ty\npe": "s3"}}, {"config": {"type]": "s3"}}, {"config": {"": "s3"}},
        {"config": {"type": "s3\n[evil]"}}, {"config": {"type": "s3\r"}},
        {"config": {"type": "s3\u0000"}}, {"config": {"type": "\u001b[2J"}},
        {"config": {f"o{n}": "x" for n in range(65)}},
        {"config": {"type": "webdav", "bearer_token_command": "touch here"}},
        {"config": {"type": "sftp", "ssh": "touch here"}},
        {"filePathPrefix": "a\nb"},
        {"expirationTime": "soon"}, {"expirationTime": 5}, {"expirationTime": "2026-01-01T00:00Z"},
    ],
)  # fmt: skip
def test_a_config_that_makes_no_sense_is_refused_and_not_repeated(
    buy: Callable[..., Token], changes: dict[str, Any]
) -> None:
    with pytest.raises(MalformedAnswerError) as caught:
        buy(rclone(**changes), wants=RCLONE)
    assert "CANARY" not in f"{caught.value} {caught.value.hint} {caught.value.__context__!r}"
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["accessKey", "secretKey", "sessionToken"])
@pytest.mark.parametrize("value", [None, "", "null", "a b", "a\nb", 5, "ä"])
def test_a_key_that_is_none_is_refused(buy: Callable[..., Token], name: str, value: object) -> None:
    with pytest.raises(MalformedAnswerError):
        buy(aws(**{name: value}))


@pytest.mark.parametrize("wants", [AWS, RCLONE])
@pytest.mark.parametrize("answer", [{}, {"awsTempCredentials": None}, {"awsTempCredentials": []}])
def test_an_answer_without_credentials_is_malformed(
    buy: Callable[..., Token], answer: Any, wants: str
) -> None:
    with pytest.raises(MalformedAnswerError, match=r"without credentials for data fol\.1"):
        buy({"json": answer}, wants=wants)


def test_what_does_not_lie_on_aws_is_said_to(buy: Callable[..., Token]) -> None:
    other = {"json": {"awsTempCredentials": None, "azureTempCredentials": {"sas": "x"}}}
    with pytest.raises(RejectedError, match="does not lie on AWS") as caught:
        buy(other)
    assert caught.value.hint == "credhelper aws --format rclone"


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (400, RejectedError, None),
        (403, RejectedError, "read_only = true"),
        (404, RejectedError, "in this project"),
        (429, RateLimitedError, None),
    ],
)
def test_a_refusal_is_told_with_the_next_step(
    buy: Callable[..., Token], status: int, kind: type[Exception], hint: str | None
) -> None:
    problem = {"title": "Nope", "detail": f"not with {JWT}", "status": status}
    with pytest.raises(kind, match="Nope: not with") as caught:
        buy({"status_code": status, "json": problem})
    assert JWT not in str(caught.value)
    assert (hint or "") in (getattr(caught.value, "hint", None) or "")


def test_who_asks_to_read_only_is_not_told_to_ask_for_that(buy: Callable[..., Token]) -> None:
    with pytest.raises(RejectedError) as caught:
        buy({"status_code": 403, "json": {}}, read_only=True)
    assert caught.value.hint == "may the token's user read it?"
