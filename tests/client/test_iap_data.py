"""AWS credentials from v1: what is sent, what is read tolerantly, and what is not believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests_mock

from credhelper.client.http.transport import Transport
from credhelper.client.iap_data import Client
from credhelper.core.model import AWS, Secret, Token
from credhelper.errors import (
    MalformedAnswerError,
    RateLimitedError,
    RejectedError,
    UnreachableError,
)

NOW = 1_800_000_000
JWT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.c2ln"
KEYS: dict[str, Any] = {
    "access_Key_Id": "ASIAEXAMPLE",
    "secret_Access_Key": "se/cr+et",
    "session_Token": "to/ke+n==",
    "region": "ap-southeast-2",
    "bucketName": "stratus-gds-aps2",
    "keyPrefix": "volume/folder/",
    "expirationDate": "2027-01-15T09:00:00Z",
    "serviceUrl": "https://s3.ap-southeast-2.amazonaws.com",
    "serverSideEncryptionAlgorithm": "AES256",
    "serverSideEncryptionKey": None,
}
UPLOAD = "awsS3TemporaryUploadCredentials"
READ_ONLY = "awsS3TemporaryReadOnlyCredentials"
FOLDER = "https://api.test/v1/folders/fol.1"


@pytest.fixture
def api() -> Any:
    with requests_mock.Mocker() as mocker:
        yield mocker


@pytest.fixture
def buy(api: Any, transport: Callable[..., Transport], frozen: Any) -> Callable[..., Token]:
    """Buy credentials for a folder from a server that answers `keys` (or `answer` as it is)."""
    client = Client(transport(), clock=frozen.clock)

    def bought(
        keys: object = KEYS,
        *,
        answer: object = None,
        how: str = "folder",
        read_only: bool = False,
        **said: Any,
    ) -> Token:
        member = READ_ONLY if read_only else UPLOAD
        body = {"id": "fol.1", "objectStoreAccess": {member: keys}} if answer is None else answer
        told = {"json": body, **said}
        if "text" in said or "content" in said:
            del told["json"]
        api.register_uri(requests_mock.ANY, requests_mock.ANY, **told)
        return client.exchange(Secret(JWT), how, ("fol.1",), read_only=read_only)

    return bought


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in KEYS.items() if key != name}


def members(token: Token) -> Any:
    return json.loads(token.value.reveal())


@pytest.mark.parametrize("how", ["folder", "file", "volume"])
def test_a_patch_that_changes_nothing_asks_for_credentials_that_can_write(
    buy: Callable[..., Token], api: Any, how: str
) -> None:
    buy(how=how)
    (sent,) = api.request_history
    assert (sent.method, sent.url) == (
        "PATCH",
        f"https://api.test/v1/{how}s/fol.1?include=objectStoreAccess",
    )
    assert sent.headers["Authorization"] == f"Bearer {JWT}"
    assert sent.headers["Content-Type"] == "application/json"
    assert sent.body == b"{}"


@pytest.mark.parametrize("how", ["folder", "file"])
def test_a_get_asks_for_credentials_that_cannot(
    buy: Callable[..., Token], api: Any, how: str
) -> None:
    assert members(buy(how=how, read_only=True))["AccessKeyId"] == "ASIAEXAMPLE"
    (sent,) = api.request_history
    assert (sent.method, sent.url) == (
        "GET",
        f"https://api.test/v1/{how}s/fol.1?include=objectStoreAccess",
    )
    assert sent.body is None


def test_the_answer_becomes_flat_json_with_the_names_that_aws_uses(
    buy: Callable[..., Token],
) -> None:
    token = buy()
    assert (token.kind, token.issued_at, token.expires_at) == (AWS, NOW, NOW + 3600)
    assert (token.assumed, token.not_before, token.skew) == (False, 0, 0)
    assert members(token) == {
        "AccessKeyId": "ASIAEXAMPLE",
        "SecretAccessKey": "se/cr+et",
        "SessionToken": "to/ke+n==",
        "Region": "ap-southeast-2",
        "Bucket": "stratus-gds-aps2",
        "Prefix": "volume/folder/",
        "Endpoint": "https://s3.ap-southeast-2.amazonaws.com",
        "Encryption": "AES256",
    }
    assert token.value.reveal().isascii()


@pytest.mark.parametrize(
    "spell",
    [
        str.lower,
        str.upper,
        lambda name: name.replace("_", ""),
        "_".join,
        str.swapcase,
        str.title,
    ],
    ids=["lower", "upper", "no underscores", "underscores everywhere", "swapped", "title"],
)
def test_case_and_underscores_in_names_do_not_count(
    buy: Callable[..., Token], spell: Callable[[str], str]
) -> None:
    keys = {spell(name): value for name, value in KEYS.items()}
    answer = {spell("objectStoreAccess"): {spell(UPLOAD): keys}}
    assert members(buy(answer=answer)) == members(buy())


def test_two_spellings_of_one_name_with_two_values_are_refused(buy: Callable[..., Token]) -> None:
    with pytest.raises(MalformedAnswerError, match="two spellings"):
        buy(KEYS | {"accessKeyId": "ASIAOTHER"})
    assert buy(KEYS | {"accessKeyId": KEYS["access_Key_Id"]})


@pytest.mark.parametrize(
    ("told", "expires"),
    [
        ("2027-01-15T09:00:00Z", NOW + 3600),
        ("2027-01-15T09:00:00.9999999Z", NOW + 3600),
        ("2027-01-15T09:00:00.5Z", NOW + 3600),
        ("2027-01-15t09:00:00z", NOW + 3600),
        ("2027-01-15T09:00:00", NOW + 3600),
        ("2027-01-15 09:00:00", NOW + 3600),
        ("2027-01-15T09:00Z", NOW + 3600),
        ("20270115T090000Z", NOW + 3600),
        ("2027-01-15T09:00:00+00:00", NOW + 3600),
        ("2027-01-15T10:00:00+0100", NOW + 3600),
        ("2027-01-15T10:00:00+01", NOW + 3600),
        ("2027-01-14T22:00:00.123456-11:00", NOW + 3600),
        (" 2027-01-15T09:00:00Z ", NOW + 3600),
        ("9999-12-31T23:59:59-12:00", 253402300799),
    ],
)
def test_iso_8601_is_read_in_its_variants(
    buy: Callable[..., Token], told: str, expires: int
) -> None:
    assert buy(KEYS | {"expirationDate": told}).expires_at == expires


@pytest.mark.parametrize(
    "told",
    [
        "",
        "soon",
        "2027-01-15",
        "2027-13-15T09:00:00Z",
        "2027-01-15T25:00:00Z",
        "2027-01-15T09:00:00Z\n2028-01-15T09:00:00Z",
        "2027-01-15T09:00:00 Europe/Berlin",
        "Fri, 15 Jan 2027 09:00:00 GMT",
        "1800003600",
        1800003600,
        1800003600.5,
        True,
        [],
        {},
        "٢٠٢٧-01-15T09:00:00Z",
    ],
)
def test_what_is_no_moment_in_iso_8601_is_refused(buy: Callable[..., Token], told: object) -> None:
    with pytest.raises(MalformedAnswerError, match="ISO 8601"):
        buy(KEYS | {"expirationDate": told})


@pytest.mark.parametrize("keys", [without("expirationDate"), KEYS | {"expirationDate": None}])
def test_an_expiry_that_nobody_told_is_the_shortest_that_aws_knows(
    buy: Callable[..., Token], keys: object
) -> None:
    token = buy(keys)
    assert (token.expires_at - token.issued_at, token.assumed) == (900, True)


@pytest.mark.parametrize(
    "told", ["2027-01-15T08:00:00Z", "2027-01-15T07:59:59Z", "1970-01-01T00:00Z"]
)
def test_what_has_expired_on_arrival_is_refused_and_both_clocks_are_shown(
    buy: Callable[..., Token], told: str
) -> None:
    with pytest.raises(MalformedAnswerError, match="had already expired at") as caught:
        buy(KEYS | {"expirationDate": told})
    assert caught.value.message.count("GMT") == 3


def test_the_servers_own_clock_judges(buy: Callable[..., Token]) -> None:
    # It is an hour ahead of ours: what it calls half an hour from now is 90 minutes from ours.
    token = buy(
        KEYS | {"expirationDate": "2027-01-15T09:30:00Z"},
        headers={"Date": "Fri, 15 Jan 2027 09:00:00 GMT"},
    )
    assert (token.skew, token.issued_at, token.expires_at) == (3600, NOW + 3600, NOW + 5400)
    with pytest.raises(MalformedAnswerError, match="already expired"):
        buy(headers={"Date": "Fri, 15 Jan 2027 09:00:00 GMT"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("region", "ap-southeast-2\nexport X=1"),
        ("region", "AP SOUTH"),
        ("region", 5),
        ("region", ""),
        ("bucketName", None),
        ("bucketName", ["b"]),
        ("keyPrefix", "a\0b"),
        ("keyPrefix", "p" * 1025),
        ("serviceUrl", "http://x\r\n"),
    ],
)
def test_a_place_that_makes_no_sense_is_left_out_and_hinders_nobody(
    buy: Callable[..., Token], name: str, value: object
) -> None:
    whole, found = members(buy()), members(buy(KEYS | {name: value}))
    assert len(whole) - len(found) == 1
    assert found.items() < whole.items()


def test_a_prefix_may_be_in_any_script(buy: Callable[..., Token]) -> None:
    token = buy(KEYS | {"keyPrefix": "проба/'quoted' \"x\"/"})
    assert members(token)["Prefix"] == "проба/'quoted' \"x\"/"
    assert token.value.reveal().isascii()


NOT_SECRETS = {
    "missing": None,
    "a number": 5,
    "a list": ["x"],
    "an object": {"a": "b"},
    "true": True,
    "empty": "",
    "a blank": "a b",
    "a line feed": "a\nb",
    "a carriage return": "a\rb",
    "a NUL": "a\0b",
    "a quote": 'a"b',
    "an apostrophe": "a'b",
    "a backtick": "a`b",
    "a backslash": "a\\b",
    "a tab": "a\tb",
    "an escape": "a\x1b[2J",
    "another script": "пароль",
    "half a character": "a\ud800",
    "the word null": "null",
    "64 KiB": "x" * 65536,
    "8 KiB": "x" * 8192,
}


@pytest.mark.parametrize("name", ["access_Key_Id", "secret_Access_Key", "session_Token"])
@pytest.mark.parametrize("value", NOT_SECRETS.values(), ids=NOT_SECRETS)
def test_what_is_no_secret_is_refused_and_not_repeated(
    buy: Callable[..., Token], name: str, value: object
) -> None:
    with pytest.raises(MalformedAnswerError) as caught:
        buy(KEYS | {name: value})
    told = caught.value.message + str(caught.value.hint)
    assert not any(secret in told for secret in ("se/cr+et", "to/ke+n", JWT))
    assert not (isinstance(value, str) and len(value) > 4 and value in told)


@pytest.mark.parametrize("name", ["access_Key_Id", "secret_Access_Key", "session_Token"])
def test_a_secret_that_is_not_there_is_named(buy: Callable[..., Token], name: str) -> None:
    with pytest.raises(MalformedAnswerError, match="is missing or not a string") as caught:
        buy(without(name))
    assert name.replace("_", "").lower() in caught.value.message.lower()


def test_as_much_as_fits_into_8_kib_is_taken(buy: Callable[..., Token]) -> None:
    assert buy(KEYS | {"session_Token": "t" * 7850})
    with pytest.raises(MalformedAnswerError, match="8 KiB"):
        buy(KEYS | {"session_Token": "t" * 7900})


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"objectStoreAccess": None},
        {"objectStoreAccess": []},
        {"objectStoreAccess": "yes"},
        {"objectStoreAccess": {}},
        {"objectStoreAccess": {UPLOAD: None}},
        {"objectStoreAccess": {UPLOAD: {}}},
        {"objectStoreAccess": {READ_ONLY: KEYS}},
        {UPLOAD: KEYS},
    ],
)
def test_an_answer_without_credentials_says_so_and_what_to_ask(
    buy: Callable[..., Token], answer: object
) -> None:
    with pytest.raises(MalformedAnswerError, match=r"without AWS credentials for folder fol\.1"):
        buy(answer=answer)


def test_credentials_that_can_write_do_not_pass_for_read_only_ones(
    buy: Callable[..., Token],
) -> None:
    with pytest.raises(MalformedAnswerError, match="without read-only AWS credentials"):
        buy(answer={"objectStoreAccess": {UPLOAD: KEYS}}, read_only=True)


def test_what_lies_on_azure_is_said_to(buy: Callable[..., Token]) -> None:
    with pytest.raises(RejectedError, match="lies on Azure"):
        buy(answer={"objectStoreAccess": {"azureTemporaryUploadCredentials": {"sasToken": "x"}}})


@pytest.mark.parametrize("text", ["", "null", "[]", "<html>", '{"a":1,"a":2}', "\ufeff{}", "{"])
def test_what_is_no_json_object_is_refused(buy: Callable[..., Token], text: str) -> None:
    with pytest.raises(MalformedAnswerError):
        buy(text=text)


@pytest.mark.parametrize(
    ("status", "error", "hint"),
    [
        (400, RejectedError, None),
        (401, RejectedError, "revoked or expired"),
        (403, RejectedError, "read_only = true"),
        (404, RejectedError, "does it still exist"),
        (409, RejectedError, None),
        (302, MalformedAnswerError, "captive portal"),
        (429, RateLimitedError, None),
        (500, UnreachableError, None),
        (503, UnreachableError, None),
    ],
)
def test_a_refusal_is_told_in_our_words_with_the_next_step(
    buy: Callable[..., Token], status: int, error: type[Exception], hint: str | None
) -> None:
    body = {"code": "X", "message": f"no: {JWT}"}
    with pytest.raises(error) as caught:
        buy(answer=body, status_code=status)
    found: Any = caught.value
    assert (found.status, JWT in found.message) == (status, False)
    assert "/v1/folders/fol.1" in found.message or status == 302
    assert hint is None or hint in found.hint


def test_trouble_is_met_again_since_the_patch_changes_nothing(
    buy: Callable[..., Token], api: Any
) -> None:
    with pytest.raises(UnreachableError):
        buy(status_code=500)
    assert len(api.request_history) == 3
