"""token: a token on a line, and programs whose name carries the profile."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credhelper import protocols
from credhelper.core.model import Call, Credential, Request, Secret
from credhelper.errors import CredhelperError, RequestError, UsageError
from credhelper.protocols import bare


def ask(*arguments: str, program: str = "credhelper") -> Request:
    return bare.parse(Call(program, arguments, b"", {}))


def told(token: str) -> bytes:
    credential = Credential(Secret(token), 1800000000, username="me", profile="p")
    return bare.render(ask(), credential).stdout


def test_it_never_reads() -> None:
    for arguments in ([], ["--bad"], ["-p", "x"]):
        assert bare.reads(arguments) == "nothing"


@pytest.mark.parametrize(
    ("program", "profile"),
    [
        ("credhelper-token-main", "main"),
        ("credhelper-token-a.b-c", "a.b-c"),
        ("credhelper-token-main.EXE", "main"),
        ("credhelper-token-token-", "token-"),
        ("credhelper-token-credhelper-bearer-x", "credhelper-bearer-x"),
        ("credhelper-bearer-main", "main"),
        ("credhelper", None),
    ],
)
def test_a_programs_name_carries_the_profile(program: str, profile: str | None) -> None:
    assert ask(program=program).profile == profile
    assert ask("--min-ttl", "60", program=program).min_ttl == 60


def test_only_names_that_carry_a_profile_are_ours() -> None:
    assert protocols.by_program("credhelper-token-main") == "token"
    assert protocols.by_program("credhelper-bearer-main") == "token"
    for program in (
        "credhelper-token-",
        "credhelper-token",
        "credhelper-token-.exe",
        "token-x",
        "bearer-x",
    ):
        assert protocols.by_program(program) is None


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("credhelper", ["--bearer"]),
        ("credhelper-bearer-p", []),
        ("credhelper-token-p", ["--bearer"]),
    ],
)
def test_a_whole_header_is_told_where_it_is_wanted(program: str, arguments: list[str]) -> None:
    credential = Credential(Secret("eyJh.eyJz.c2ln"), 1800000000, username="me", profile="p")

    assert bare.render(ask(*arguments, program=program), credential).stdout == (
        b"Bearer eyJh.eyJz.c2ln\n"
    )


def test_the_name_and_the_command_line_do_not_contradict() -> None:
    assert ask("-p", "main", program="credhelper-token-main").profile == "main"
    with pytest.raises(UsageError) as caught:
        ask("-p", "other\x1b", program="credhelper-token-ma\x1bin")
    assert "\x1b" not in caught.value.message


def test_a_service_without_a_scheme_says_so() -> None:
    assert ask("--service", "127.0.0.1:8080").echo["any_scheme"] == "1"
    assert "any_scheme" not in ask("--service", "https://ica.example").echo


@pytest.mark.parametrize(
    "arguments",
    [
        ["a", "b"],
        ["a", "--service", "b"],
        ["--service", ""],
        ["--service"],
        ["--format", "json"],
        ["--token=x"],
        ["-"],
        [""],
    ],
)
def test_what_makes_no_sense_is_wrong_use(arguments: list[str], talk: Any) -> None:
    reply = talk("token", arguments)
    assert (reply.stdout, reply.status) == (b"", 2)


@pytest.mark.parametrize(
    "service", ["https://u:pw@ica.example", "https://ica.example\\@evil.test", "ica.example\n"]
)
def test_an_odd_service_is_refused(service: str) -> None:
    with pytest.raises(RequestError) as caught:
        ask("--service", service)
    assert "pw" not in caught.value.message


@pytest.mark.parametrize("token", ["a\nb", "a\r", "a\0b", "", "\u2028", "\x1b[0m", "\ud800"])
def test_a_token_that_is_no_line_is_not_handed_over(token: str) -> None:
    with pytest.raises(CredhelperError):
        told(token)


@given(st.text(st.characters(codec="utf-8"), min_size=1).filter(str.isprintable))
def test_any_other_token_is_a_line(token: str) -> None:
    assert told(token).decode().splitlines() == [token]
