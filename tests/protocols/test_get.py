"""get: its shapes, read back by the programs that they are for."""

from __future__ import annotations

import json
import netrc
import subprocess
from pathlib import Path
from typing import Any

import pytest

from credhelper.core.model import Call, Credential, Request, Secret
from credhelper.errors import CredhelperError, RequestError, UsageError
from credhelper.protocols import get

AWKWARD = [
    "a'b",
    "a b",
    "$(id)",
    "`id`",
    "a\\b",
    'a"b',
    "a;b",
    "é",
    "*",
    "~",
    "#x",
    "!x",
    "''",
    "-n",
]
BROKEN = ["a\nb", "a\rb", "a\0b", "a\tb", "\x1b[0m", "\u2028", "\x85", "\ud800", ""]


def ask(*arguments: str) -> Request:
    return get.parse(Call("credhelper", arguments, b"", {}))


def shaped(
    form: str, token: str = "a.b.c", username: str = "me", url: str = "https://b.example"
) -> str:
    credential = Credential(Secret(token), 1800000000, username=username, profile="p", url=url)
    return get.render(
        ask("https://ica.example:8443/x", "--format", form), credential
    ).stdout.decode()


def test_it_never_reads() -> None:
    for arguments in ([], ["x"], ["--bad"], ["--format", "json"]):
        assert get.reads(arguments) == "nothing"


def test_nothing_named_means_nothing_asked_for() -> None:
    request = ask()
    assert (request.action, request.service, request.profile) == ("get", None, None)
    assert (request.min_ttl, request.margin) == (0, 60)


def test_a_service_a_profile_and_a_life_may_be_named() -> None:
    request = ask("--min-ttl", "90", "-p", "main", "--service=https://ICA.example/x/")
    assert str(request.service) == "https://ica.example/x"
    assert (request.profile, request.min_ttl) == ("main", 90)
    assert "any_scheme" not in request.echo


def test_a_service_without_a_scheme_says_so() -> None:
    assert ask("127.0.0.1:8080").echo["any_scheme"] == "1"


@pytest.mark.parametrize(
    "arguments",
    [
        *(["--frobnicate"], ["-x"], ["--prof", "p"], ["--profile"], ["--profile="], ["--format"]),
        *(["--format", ""], ["--format", "JSON"], ["--format=token", "--format=json"], ["a", "b"]),
        *(
            ["a", "--service", "b"],
            ["--format", "netrc"],
            ["-p=main"],
            ["--profile", "a", "-p", "b"],
        ),
        *(
            ["--min-ttl", value]
            for value in ("-1", "1.5", "1e3", "\uff11\uff12", "1_0", " 1", "0x1", "inf")
        ),
        *(["--min-ttl", value] for value in ("315360001", "9" * 5000, "²", "1\n", "+1", "")),
    ],
)
def test_a_command_line_that_makes_no_sense_ends_in_2(arguments: list[str], talk: Any) -> None:
    with pytest.raises(UsageError):
        ask(*arguments)
    reply = talk("get", arguments)
    assert (reply.stdout, reply.status) == (b"", 2)
    assert all(line.startswith(b"credhelper: ") for line in reply.stderr.split(b"\n")[:-1])


@pytest.mark.parametrize(
    "service", ["", "http://ica.example", "https://u:canary@ica.example", "a b", "-"]
)
def test_a_service_that_makes_no_sense_ends_in_2(service: str, talk: Any) -> None:
    reply = talk("get", ["--", service])
    assert (reply.stdout, reply.status) == (b"", 2)
    assert b"canary" not in reply.stderr


@pytest.mark.parametrize("token", ["a.b.c", *AWKWARD])
def test_a_shell_reads_the_token_back(token: str) -> None:
    script = shaped("env", token) + 'printf "%s|%s" "$ICA_ACCESS_TOKEN" "$ICA_BASE_URL"'
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=True)
    assert done.stdout.decode() == f"{token}|https://b.example"


def test_a_shell_is_given_quotes_only_where_it_needs_them() -> None:
    assert shaped("env", "aZ0-._~+/=") == (
        "export ICA_ACCESS_TOKEN='aZ0-._~+/='\nexport ICA_SERVER_URL=b.example\n"
        "export ICA_BASE_URL=https://b.example\n"
    )
    assert shaped("env", "eyJ.x_y-z", url="") == "export ICA_ACCESS_TOKEN=eyJ.x_y-z\n"


@pytest.mark.parametrize("token", ["a.b.c", 'a"b', "a\\b", "a'b"])
def test_curl_would_read_the_header_back(token: str) -> None:
    line = shaped("curl", token)
    start, end = 'header = "', '"\n'
    assert line.startswith(start)
    assert line.endswith(end)
    # What curl does within quotes: a backslash takes the next character as it is.
    inner = line[len(start) : -len(end)]
    back = inner.replace("\\\\", "\0").replace('\\"', '"').replace("\0", "\\")
    assert back == f"Authorization: Bearer {token}"


def test_netrc_is_read_back(tmp_path: Path) -> None:
    file = tmp_path / "netrc"
    file.write_text(shaped("netrc", username="me@lab.example"))
    assert netrc.netrc(str(file)).authenticators("ica.example") == ("me@lab.example", "", "a.b.c")


@pytest.mark.parametrize("bad", ["a b", 'a"b', "a\\b", "#a", "a'b"])
def test_netrc_is_not_written_where_programs_would_read_it_differently(bad: str) -> None:
    with pytest.raises(RequestError):
        shaped("netrc", token=bad)
    with pytest.raises(RequestError):
        shaped("netrc", username=bad)


def test_netrc_names_an_ipv6_host_without_brackets() -> None:
    credential = Credential(Secret("t"), 0, username="u", profile="p")
    reply = get.render(ask("http://[::1]:8080", "--format=netrc"), credential)
    assert reply.stdout == b"machine ::1\nlogin u\npassword t\n"


@pytest.mark.parametrize("form", ["token", "header", "curl", "netrc", "env", "dotenv"])
@pytest.mark.parametrize("bad", BROKEN)
def test_a_token_that_is_not_one_line_is_never_written(form: str, bad: str) -> None:
    with pytest.raises(CredhelperError):
        shaped(form, token=bad)


@pytest.mark.parametrize("token", [*AWKWARD, *BROKEN])
def test_json_holds_any_token_on_one_line(token: str) -> None:
    line = shaped("json", token)
    assert line.isascii()
    assert line.count("\n") == 1
    assert json.loads(line)["token"] == token


def test_json_is_the_answer_of_the_json_protocol(answer_schema: Any) -> None:
    answer_schema.validate(json.loads(shaped("json")))
