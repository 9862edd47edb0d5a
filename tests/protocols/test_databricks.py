"""databricks: what transcripts do not show, and the neighbours of what they do."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credhelper import service
from credhelper.errors import CredhelperError, LoginRequiredError, NotFoundError, UsageError
from credhelper.model import Call, Credential, Request, Secret
from credhelper.protocols import databricks


def ask(*arguments: str) -> Request:
    return databricks.parse(Call("credhelper", arguments, b"", {}))


def test_it_never_reads() -> None:
    for arguments in ([], ["version"], ["--bad"], ["auth", "token", "--host", "https://x.example"]):
        assert databricks.reads(arguments) == "nothing"


def test_options_stand_wherever_they_like() -> None:
    for arguments in (
        ["auth", "token", "--host", "https://ICA.example:443/", "-p", "main", "--min-ttl=90"],
        ["-p", "main", "auth", "--host=https://ica.example", "--min-ttl", "90", "token"],
        [
            "--force-refresh",
            "auth",
            "token",
            "--host",
            "ica.example",
            "-p",
            "main",
            "-o",
            "json",
            "--min-ttl=90",
        ],
    ):
        request = ask(*arguments)
        assert str(request.service) == "https://ica.example"
        assert (request.profile, request.min_ttl, request.margin) == ("main", 90, 60)


def test_without_a_host_it_is_a_profile_or_the_default_one() -> None:
    request = ask("auth", "token")
    assert (request.action, request.service, request.profile) == ("get", None, None)


@pytest.mark.parametrize(
    "arguments",
    [
        *([], ["auth"], ["token"], ["auth", "token", "x"], ["auth", "describe"], ["token", "auth"]),
        *(["version", "x"], ["Version"], ["--version"], ["auth", "token", "--target", "dev"]),
        *(["auth", "token", "--host"], ["auth", "token", "--host="], ["version", "--output=yaml"]),
        *(["auth", "token", "--force-refresh=true"], ["auth", "token", "--min-ttl", "-1"]),
        *(["auth", "token", "--host", "a.example", "--host", "b.example"], ["auth token"]),
    ],
)
def test_a_command_line_that_makes_no_sense_ends_in_2(arguments: list[str], talk: Any) -> None:
    with pytest.raises(UsageError):
        ask(*arguments)
    reply = talk("databricks", arguments)
    assert (reply.stdout, reply.status) == (b"", 2)


@pytest.mark.parametrize(
    "host",
    [
        *("http://ica.example", "https://u:canary@ica.example", "https://ica.example@evil.test"),
        *("https://evil.test/?x=https://ica.example", "https://evil.test#@ica.example", "ica"),
        *("https://ica.example.evil.test", "https://ica.example\\@evil.test", "xica.example"),
        *("https://ica.example\n.evil.test", "https://ica.example:0443", "//ica.example", " "),
    ],
)
def test_no_other_host_is_given_a_token(host: str, talk: Any) -> None:
    reply = talk("databricks", ["auth", "token", "--host", host])
    assert reply.stdout == b""
    assert reply.status in (2, 3)
    assert b"canary" not in reply.stderr


def test_only_nothing_here_makes_an_sdk_try_its_next_way() -> None:
    told = databricks.NOT_CONFIGURED.encode()
    assert told in databricks.refuse(NotFoundError("x"), None).stderr
    for error in (LoginRequiredError("x"), CredhelperError("x"), UsageError("x")):
        assert told not in databricks.refuse(error, None).stderr


@given(st.text(st.characters()), st.integers(0, 253402300799))
def test_the_answer_is_what_an_sdk_parses(token: str, expires_at: int) -> None:
    credential = Credential(Secret(token), expires_at, username="u", profile="p")
    line = databricks.render(Request("get"), credential).stdout
    assert line.count(b"\n") == 1
    answer = json.loads(line)
    assert (answer["access_token"], answer["token_type"]) == (token, "Bearer")
    parsed = datetime.strptime(answer["expiry"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert int(parsed.timestamp()) == expires_at


@given(st.text(st.characters()))
def test_any_host_is_a_plain_service_or_an_error(host: str) -> None:
    try:
        request = ask("auth", "token", f"--host={host}")
    except CredhelperError as error:
        reply = databricks.refuse(error, None)
        assert reply.stdout == b""
        assert reply.status != 0
        assert reply.stderr.count(b"\n") <= 2
    else:
        assert request.service is not None
        assert request.service.scheme == "https" or service.is_loopback(request.service.host)
