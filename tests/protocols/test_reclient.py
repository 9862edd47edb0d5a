"""reclient: what transcripts do not show."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from credhelper.core.model import Call, Credential, Request, Secret
from credhelper.errors import CredhelperError, UsageError
from credhelper.protocols import reclient
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World


def ask(*arguments: str) -> Request:
    return reclient.parse(Call("credhelper", arguments, b"", {}))


def test_it_never_reads() -> None:
    for arguments in ([], ["x"], ["--bad"], ["--service", "https://ica.example"]):
        assert reclient.reads(arguments) == "nothing"


def test_a_service_a_profile_and_a_life_may_be_named() -> None:
    request = ask("--service", "https://ICA.example/x/", "-p", "main", "--min-ttl=90")
    assert str(request.service) == "https://ica.example/x"
    assert (request.profile, request.min_ttl, request.margin) == ("main", 90, 360)
    assert "any_scheme" not in request.echo
    assert ask("--service=127.0.0.1:8080").echo["any_scheme"] == "1"


def test_a_token_that_reproxy_would_not_keep_is_renewed_before_it_is_handed_out(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    def expiry() -> float:
        outcome = scratch_world.run("reclient")
        assert (outcome.status, outcome.told) == (0, "")
        told = json.loads(outcome.stdout)["expiry"]
        return datetime.strptime(told, "%a %b %d %H:%M:%S UTC %Y").replace(tzinfo=UTC).timestamp()

    left = expiry() - time.time()
    # What we tell has less than five minutes left now, although the token itself has more.
    scratch_world.age(int(left) - 295)

    assert expiry() - time.time() > 3600
    assert running_sandbox.stats()["created"] == 2


@pytest.mark.parametrize(
    "arguments", [["x"], ["--format", "json"], ["--service"], ["--service="], ["--min-ttl", "x"]]
)
def test_a_command_line_that_makes_no_sense_ends_in_2(arguments: list[str], talk: Any) -> None:
    with pytest.raises(UsageError):
        ask(*arguments)
    reply = talk("reclient", arguments)
    assert (reply.stdout, reply.status) == (b"", 2)


@pytest.mark.parametrize("wanted", ["http://ica.example", "https://u:canary@ica.example", "a b"])
def test_a_service_that_makes_no_sense_ends_in_2(wanted: str, talk: Any) -> None:
    reply = talk("reclient", ["--service", wanted])
    assert (reply.stdout, reply.status) == (b"", 2)
    assert b"canary" not in reply.stderr


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (1136214245, "Mon Jan  2 15:04:05 UTC 2006"),
        (1800000000, "Fri Jan 15 08:00:00 UTC 2027"),
        (951827696, "Tue Feb 29 12:34:56 UTC 2000"),
        (0, "Thu Jan  1 00:00:00 UTC 1970"),
        (-1, "Thu Jan  1 00:00:00 UTC 1970"),
        (10**12, "Fri Dec 31 23:59:59 UTC 9999"),
    ],
)
def test_an_expiry_is_written_as_go_writes_it(seconds: int, told: str) -> None:
    assert reclient.unix_date(seconds) == told


@given(st.integers(0, 253402300799))
@example(1800000000)
def test_an_expiry_is_read_back(seconds: int) -> None:
    told = reclient.unix_date(seconds)
    assert len(told) == len("Mon Jan _2 15:04:05 MST 2006")
    parsed = datetime.strptime(told, "%a %b %d %H:%M:%S UTC %Y").replace(tzinfo=UTC)
    assert int(parsed.timestamp()) == seconds


@given(st.text(st.characters(codec="utf-8"), min_size=1).filter(str.isprintable))
def test_token_and_header_say_the_same(token: str) -> None:
    credential = Credential(Secret(token), 1800000000, username="u", profile="p")
    line = reclient.render(ask(), credential).stdout
    assert line.isascii()
    assert line.count(b"\n") == 1
    answer = json.loads(line)
    assert answer["token"] == token
    assert answer["headers"] == {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("bad", ["a\nb", "a\rb", "a\0b", "\x85", "\ud800", ""])
def test_a_token_that_is_not_one_line_makes_no_header(bad: str) -> None:
    with pytest.raises(CredhelperError):
        reclient.render(ask(), Credential(Secret(bad), 0, username="u", profile="p"))
