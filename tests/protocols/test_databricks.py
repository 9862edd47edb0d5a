"""databricks: what transcripts do not show, and the neighbours of what they do."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credhelper import protocols
from credhelper.core import service
from credhelper.core.model import Call, Credential, Request, Secret
from credhelper.errors import (
    AmbiguousServiceError,
    CredhelperError,
    LoginRequiredError,
    NotFoundError,
    PathRequiredError,
    UnknownProfileError,
    UsageError,
)
from credhelper.protocols import databricks


def ask(*arguments: str) -> Request:
    return databricks.parse(Call("credhelper", arguments, b"", {}))


def test_a_name_of_its_own_makes_it_the_databricks_cli() -> None:
    assert protocols.by_program("credhelper-databricks") == "databricks"
    assert protocols.by_program("databricks") is None


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
        assert (request.profile, request.min_ttl, request.margin) == ("main", 90, 1200)


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
    assert told in databricks.refuse(UnknownProfileError("x"), None).stderr
    for kind in (
        *(LoginRequiredError, CredhelperError, UsageError),
        # Meant for this host: an SDK that went on would keep it to itself.
        *(AmbiguousServiceError, PathRequiredError),
    ):
        assert told not in databricks.refuse(kind("x"), None).stderr


@pytest.mark.parametrize(
    "zone", ["UTC0", "XXX-14", "XXX+12", "XXX-5:45", "CET-1CEST,M3.5.0,M10.5.0/3"]
)
@given(st.text(st.characters()), st.integers(86400, 253402300799 - 3 * 86400))
def test_the_answer_is_what_an_sdk_parses_wherever_it_is(
    zone: str, token: str, expires_at: int
) -> None:
    credential = Credential(Secret(token), expires_at, username="u", profile="p")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        line = databricks.render(Request("get"), credential).stdout
        assert line.count(b"\n") == 1
        answer = json.loads(line)
        assert (answer["access_token"], answer["token_type"]) == (token, "Bearer")
        # Go, Java, JavaScript read all of it; Python the local time, up to the point.
        assert datetime.fromisoformat(answer["expiry"]).timestamp() == expires_at
        cut = answer["expiry"].rstrip("Z").split(".")[0]
        local = datetime.strptime(cut, "%Y-%m-%dT%H:%M:%S")  # noqa: DTZ007  # as the SDK does
        # An hour that a clock shows twice is the first for one and the second for the other.
        assert expires_at in {int(local.replace(fold=fold).timestamp()) for fold in (0, 1)}
    time.tzset()


@pytest.mark.parametrize("expires_at", [-(10**18), 0, 10**18])
def test_a_time_that_no_date_has_is_the_nearest_one(expires_at: int) -> None:
    credential = Credential(Secret("t"), expires_at, username="u", profile="p")
    expiry = json.loads(databricks.render(Request("get"), credential).stdout)["expiry"]
    assert expiry in ("1970-01-02T00:00:00.000000Z", "9999-12-30T23:59:59.000000Z")


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
