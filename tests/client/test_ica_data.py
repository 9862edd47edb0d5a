"""Credentials from v2's data API: what is sent, what is read, and what is not believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests_mock

from credhelper.client.http.transport import Transport
from credhelper.client.ica_data import Client
from credhelper.core.model import AWS, Secret, Token
from credhelper.errors import (
    MalformedAnswerError,
    RateLimitedError,
    RejectedError,
    UnreachableError,
)

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
CONFIG = {
    "type": "s3",
    "provider": "AWS",
    "env_auth": "false",
    "access_key_id": "ASIARCLONE",
    "secret_access_key": "CANARY",
    "session_token": "CANARY==",
    "region": "us-east-1",
    "server_side_encryption": "AES256",
}
FOR_RCLONE: dict[str, Any] = {
    "config": CONFIG,
    "filePathPrefix": "ica-bucket/1234/folder/",
    "storageType": "s3",
    "expirationTime": "2027-01-15T09:00:00Z",
}
AZURE = {"type": "azureblob", "sas_url": "https://x.test/?sig=CANARY"}


@pytest.fixture
def api() -> Any:
    with requests_mock.Mocker() as mocker:
        yield mocker


@pytest.fixture
def buy(api: Any, transport: Callable[..., Transport], frozen: Any) -> Callable[..., Token]:
    """Buy credentials from a server that answers as `said`, one after the other."""

    def bought(
        *said: dict[str, Any], read_only: bool = False, lifetime: int | None = 129600
    ) -> Token:
        client = Client(transport(), lifetime=lifetime, clock=frozen.clock)
        api.post(requests_mock.ANY, list(said))
        return client.exchange(Secret(JWT), "data", ("p-1", "fol.1"), read_only=read_only)

    return bought


def aws(**changes: object) -> dict[str, Any]:
    return {"json": {"awsTempCredentials": KEYS | changes, "rcloneTempCredentials": None}}


def rclone(**changes: object) -> dict[str, Any]:
    return {"json": {"awsTempCredentials": None, "rcloneTempCredentials": FOR_RCLONE | changes}}


def config(**changes: object) -> dict[str, Any]:
    return rclone(config=CONFIG | changes)


def members(token: Token) -> Any:
    return json.loads(token.value.reveal())


def forms(api: Any) -> list[str | None]:
    """Return in which form each request asked."""
    return [sent.json().get("credentialsFormat") for sent in api.request_history]


@pytest.mark.parametrize("read_only", [False, True])
def test_a_post_names_project_and_data_and_asks_in_the_form_that_tells_the_expiry(
    buy: Callable[..., Token], api: Any, read_only: bool
) -> None:
    buy(rclone(), read_only=read_only)
    (sent,) = api.request_history
    assert (sent.method, sent.url) == ("POST", URL)
    assert sent.headers["Authorization"] == f"Bearer {JWT}"
    assert sent.headers["Content-Type"] == "application/json"
    assert sent.json() == {"readOnlyCredentials": read_only, "credentialsFormat": "RCLONE"}


def test_one_answer_gives_the_keys_by_awss_names_their_true_end_and_the_rest_for_rclone(
    buy: Callable[..., Token],
) -> None:
    token = buy(config(sse_kms_key_id="arn:k", no_check_bucket="true"), lifetime=1)
    assert (token.kind, token.issued_at, token.expires_at) == (AWS, NOW, NOW + 3600)
    assert not token.assumed
    assert members(token) == {
        "AccessKeyId": "ASIARCLONE",
        "SecretAccessKey": "CANARY",
        "SessionToken": "CANARY==",
        "Region": "us-east-1",
        "Encryption": "AES256",
        "EncryptionKey": "arn:k",
        "rclone.type": "s3",
        "rclone.provider": "AWS",
        "rclone.env_auth": "false",
        "rclone.no_check_bucket": "true",
        "Bucket": "ica-bucket",
        "Prefix": "1234/folder/",
    }


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (None, {}),
        (5, {}),
        ("", {}),
        ("ica-bucket", {"Bucket": "ica-bucket"}),
        ("/ica-bucket/a b/", {"Bucket": "ica-bucket", "Prefix": "a b/"}),
        ("Not A Bucket/a", {"Path": "Not A Bucket/a"}),
    ],
)
def test_a_place_is_told_as_far_as_it_is_known(
    buy: Callable[..., Token], path: object, place: dict[str, str]
) -> None:
    found = members(buy(rclone(filePathPrefix=path)))
    assert {name: found[name] for name in ("Bucket", "Prefix", "Path") if name in found} == place


@pytest.mark.parametrize("status", [400, 405, 406, 409, 415, 422, 501])
def test_where_the_form_is_refused_the_plain_answer_counts_and_its_life_is_assumed(
    buy: Callable[..., Token], api: Any, status: int
) -> None:
    token = buy({"status_code": status, "json": {"title": "No"}}, aws())
    assert (token.issued_at, token.expires_at, token.assumed) == (NOW, NOW + 36 * 3600, True)
    assert forms(api) == ["RCLONE", None]
    assert members(token) == {
        "AccessKeyId": "ASIAEXAMPLE",
        "SecretAccessKey": "se/cr+et",
        "SessionToken": "to/ke+n==",
        "Region": "us-east-1",
        "Bucket": "ica-bucket",
        "Prefix": "1234/folder/",
        "Encryption": "AES256",
    }


@pytest.mark.parametrize(
    "first",
    [
        rclone(expirationTime=None), rclone(expirationTime="soon"), rclone(expirationTime=5),
        rclone(expirationTime=""), rclone(expirationTime="2027-01-15"),
        config(access_key_id=""), config(secret_access_key=""), config(session_token=""),
        rclone(config={"type": "s3", "env_auth": "true"}), rclone(config={}), rclone(config=None),
        rclone(config="type=s3"), rclone(config=["type"]), {"json": {}},
        {"json": {"rcloneTempCredentials": None}}, {"json": {"rcloneTempCredentials": []}},
    ],
)  # fmt: skip
def test_where_the_form_does_not_tell_enough_the_plain_answer_counts(
    buy: Callable[..., Token], api: Any, first: dict[str, Any]
) -> None:
    token = buy(first, aws(), lifetime=1800)
    assert members(token)["AccessKeyId"] == "ASIAEXAMPLE"
    assert (token.expires_at, token.assumed) == (NOW + 1800, True)
    assert forms(api) == ["RCLONE", None]


def test_an_api_that_does_not_know_the_form_and_answers_all_the_same_is_asked_once(
    buy: Callable[..., Token], api: Any
) -> None:
    token = buy(aws())
    assert (members(token)["AccessKeyId"], token.assumed) == ("ASIAEXAMPLE", True)
    assert forms(api) == ["RCLONE"]


def test_an_expiry_that_is_told_all_the_same_counts_for_more(buy: Callable[..., Token]) -> None:
    token = buy(aws(expirationTime="2027-01-15T09:00:00Z"), lifetime=1)
    assert (token.expires_at, token.assumed) == (NOW + 3600, False)


def test_without_any_word_it_is_the_shortest_that_aws_knows(buy: Callable[..., Token]) -> None:
    assert buy(aws(), lifetime=None).expires_at == NOW + 900


def test_another_store_has_what_rclone_needs_and_no_key_for_aws(
    buy: Callable[..., Token], api: Any
) -> None:
    token = buy(rclone(config=AZURE, filePathPrefix="box/a b"))
    assert (token.expires_at, token.assumed) == (NOW + 3600, False)
    assert members(token) == {
        "rclone.type": "azureblob",
        "rclone.sas_url": "https://x.test/?sig=CANARY",
        "Path": "box/a b",
    }
    assert forms(api) == ["RCLONE"]
    token = buy(rclone(config=AZURE, expirationTime=None), lifetime=1800)
    assert (token.expires_at, token.assumed) == (NOW + 1800, True)


@pytest.mark.parametrize(
    "changes",
    [
        {"config": {"type": 5}}, {"config": {"type": None}}, {"config": {"Type": "s3"}},
        {"config": {"ty\npe": "s3"}}, {"config": {"type]": "s3"}}, {"config": {"": "s3"}},
        {"config": CONFIG | {"provider": "AWS\n[evil]"}}, {"config": CONFIG | {"env_auth": "\r"}},
        {"config": CONFIG | {"acl": "\u0000"}}, {"config": {"type": "\u001b[2J"}},
        {"config": {"type": "s3\n[evil]"}},
        {"config": {f"o{n}": "x" for n in range(65)}},
        {"config": {"type": "webdav", "bearer_token_command": "touch here"}},
        {"config": {"type": "sftp", "ssh": "touch here"}},
        {"config": CONFIG | {"ssh": "touch here"}},
        {"config": CONFIG | {"access_key_id": "a b"}},
        {"config": CONFIG | {"secret_access_key": "CANARY\nx"}},
        {"config": CONFIG | {"session_token": "null"}},
        {"config": CONFIG | {"session_token": "x" * 8000}},
        {"config": CONFIG | {"session_token": "ä"}},
        {"filePathPrefix": "ica-bucket/a\nb"}, {"filePathPrefix": "a\nb"},
        {"expirationTime": "2026-01-01T00:00Z"},
    ],
)  # fmt: skip
def test_a_config_that_makes_no_sense_is_refused_and_not_repeated(
    buy: Callable[..., Token], api: Any, changes: dict[str, Any]
) -> None:
    with pytest.raises(MalformedAnswerError) as caught:
        buy(rclone(**changes), aws())
    assert "CANARY" not in f"{caught.value} {caught.value.hint} {caught.value.__context__!r}"
    assert str(caught.value).isprintable()
    assert forms(api) == ["RCLONE"]


@pytest.mark.parametrize("name", ["accessKey", "secretKey", "sessionToken"])
@pytest.mark.parametrize("value", [None, "", "null", "a b", "a\nb", 5, "ä"])
def test_a_key_that_is_none_is_refused(buy: Callable[..., Token], name: str, value: object) -> None:
    with pytest.raises(MalformedAnswerError):
        buy(aws(**{name: value}))


@pytest.mark.parametrize("answer", [{}, {"awsTempCredentials": None}, {"awsTempCredentials": []}])
def test_an_answer_without_credentials_is_malformed(buy: Callable[..., Token], answer: Any) -> None:
    with pytest.raises(MalformedAnswerError, match=r"without credentials for data fol\.1"):
        buy({"json": answer})


def test_html_is_malformed_and_asks_for_nothing_more(buy: Callable[..., Token], api: Any) -> None:
    with pytest.raises(MalformedAnswerError, match="HTML"):
        buy({"text": "<html>log in</html>"}, aws())
    assert forms(api) == ["RCLONE"]


def test_what_does_not_lie_on_aws_is_said_to(buy: Callable[..., Token]) -> None:
    other = {"json": {"awsTempCredentials": None, "azureTempCredentials": {"sas": "x"}}}
    with pytest.raises(RejectedError, match="does not lie on AWS"):
        buy(other)


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (400, RejectedError, None),
        (401, RejectedError, None),
        (403, RejectedError, "read_only = true"),
        (404, RejectedError, "in this project"),
        (429, RateLimitedError, None),
        (500, UnreachableError, None),
    ],
)
def test_a_refusal_is_told_with_the_next_step(
    buy: Callable[..., Token], api: Any, status: int, kind: type[Exception], hint: str | None
) -> None:
    problem = {"title": "Nope", "detail": f"not with {JWT}", "status": status}
    with pytest.raises(kind, match="Nope: not with") as caught:
        buy({"status_code": status, "json": problem})
    assert JWT not in str(caught.value)
    assert (hint or "") in (getattr(caught.value, "hint", None) or "")
    # What a refusal says of the data is not asked again in another form.
    assert (None in forms(api)) == (status == 400)


def test_who_asks_to_read_only_is_not_told_to_ask_for_that(buy: Callable[..., Token]) -> None:
    with pytest.raises(RejectedError) as caught:
        buy({"status_code": 403, "json": {}}, read_only=True)
    assert caught.value.hint == "may the token's user read it?"
