"""keyring: the neighbours of the ways in which it is called."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credhelper import protocols
from credhelper.core import service
from credhelper.core.model import Call, Credential, Request, Secret
from credhelper.errors import CredhelperError, NotFoundError, RequestError, UsageError
from credhelper.protocols import keyring


def ask(*arguments: str, **environ: str) -> Request:
    return keyring.parse(Call("keyring", arguments, b"", environ))


@pytest.mark.parametrize(
    ("program", "name"),
    [("keyring", "keyring"), ("keyring.exe", "keyring"), ("keyring2", None), ("my-keyring", None)],
)
def test_only_the_program_of_that_very_name_is_one(program: str, name: str | None) -> None:
    assert protocols.by_program(program) == name


def test_it_never_reads() -> None:
    for arguments in ([], ["set", "ica.example", "u"], ["--bad"], ["get", "ica.example", "u"]):
        assert keyring.reads(arguments) == "nothing"


@pytest.mark.parametrize(
    ("name", "wanted", "any_scheme"),
    [
        ("https://ICA.example/simple/", "https://ica.example/simple", False),
        ("https://ica.example/simple?x=y#z", "https://ica.example/simple", False),
        ("ica.example", "https://ica.example", True),
        ("ica.example:8443", "https://ica.example:8443", True),
        ("127.0.0.1:8080", "https://127.0.0.1:8080", True),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", False),
        ("[::1]:8080", "https://[::1]:8080", True),
        ("ica.example/simple", "https://ica.example/simple", True),
    ],
)
def test_a_service_has_three_names(name: str, wanted: str, any_scheme: bool) -> None:
    request = ask("get", name, "me")
    assert str(request.service) == wanted
    assert ("any_scheme" in request.echo) is any_scheme
    assert (request.username, request.margin) == ("me", 300)


def test_options_stand_wherever_they_like() -> None:
    for arguments in (
        ["--mode", "creds", "--profile=main", "--min-ttl=9", "get", "ica.example"],
        ["get", "--min-ttl", "9", "ica.example", "--mode=creds", "--profile", "main"],
    ):
        request = ask(*arguments)
        assert (request.profile, request.min_ttl, request.username) == ("main", 9, None)
        assert (request.echo["mode"], request.echo["output"]) == ("creds", "plain")


def test_an_empty_user_is_no_user() -> None:
    assert ask("get", "ica.example", "").username is None


@pytest.mark.parametrize(
    "arguments",
    [
        *([], ["get"], ["get", "ica.example"], ["get", "ica.example", "u", "x"], ["diagnose"]),
        *(["--list-backends"], ["--disable"], ["--help"], ["-b", "x", "get", "ica.example", "u"]),
        *(["--mode=all", "get", "ica.example", "u"], ["--output=xml", "get", "ica.example", "u"]),
        *(["--mode=creds", "get"], ["GET", "ica.example", "u"], ["--mode", "get", "ica.example"]),
        *(["--mode=creds", "--mode=creds", "get", "ica.example"], ["ica.example", "get", "u"]),
        *(["get", "ica.example", "u", "--min-ttl", "1e3"], ["get", "ica.example", "u", "--mode"]),
    ],
)
def test_a_command_line_that_makes_no_sense_ends_in_2(arguments: list[str], talk: Any) -> None:
    with pytest.raises(UsageError):
        ask(*arguments)
    reply = talk("keyring", arguments)
    assert (reply.stdout, reply.status) == (b"", 2)
    # pip would say that this keyring is too old.
    assert b"unrecognized arguments" not in reply.stderr


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", "system", "python-poetry-check", "poetry-repository-ph", "login2", "ica\nx"),
        *("me@ica.example", "ica.example.", "ica.example:0443", "a b.c", "é.example", "\u202e.x"),
        *("ica.example\\.evil.test", "ica.example?x", "://", "x://y.z", "ftp://ica.example"),
        *("http://ica.example/simple", "//ica.example", "C:\\x", "..", "/", ":", "["),
        *("https", "ica.example:", "ica.example//simple", "https:ica.example"),
    ],
)
@pytest.mark.parametrize("mode", ["password", "creds"])
def test_other_names_are_passed_over_in_silence(name: str, mode: str, talk: Any) -> None:
    reply = talk("keyring", [f"--mode={mode}", "get", "--", name, "me"])
    assert (reply.stdout, reply.stderr, reply.status) == (b"", b"", 1)


@pytest.mark.parametrize(
    "url",
    [
        *("https://u:canary@ica.example/simple", "https://a@b@evil.test/", "https://"),
        *("https://ica.example\\@evil.test/", "https://ica.example\t.evil.test/"),
    ],
)
def test_a_url_that_could_be_two_is_refused_aloud(url: str, talk: Any) -> None:
    with pytest.raises(RequestError):
        ask("get", url, "me")
    reply = talk("keyring", ["get", url, "me"])
    assert (reply.stdout, reply.status) == (b"", 2)
    assert b"canary" not in reply.stderr


def test_credhelper_is_never_answered() -> None:
    for name in ("https://ica.example", "ica.example", "system"):
        for chain in ("main", "a,b", "0"):
            with pytest.raises(NotFoundError):
                ask("get", name, "me", CREDHELPER_ASKING=chain)
    assert ask("get", "ica.example", "me", CREDHELPER_ASKING="").service is not None


@given(st.text(st.characters()), st.text(st.characters()), st.sampled_from(["get", "set", "del"]))
def test_any_name_is_a_plain_request_or_an_error(name: str, user: str, operation: str) -> None:
    for told in (name, f"https://{name}", f"{name}:443"):
        try:
            request = ask(operation, "--", told, user)
        except CredhelperError as error:
            reply = keyring.refuse(error, None)
            assert reply.stdout == b""
            assert reply.status != 0
            assert reply.stderr.count(b"\n") <= 2
        else:
            assert operation == "get"
            assert request.service is not None
            assert request.service.scheme == "https" or service.is_loopback(request.service.host)


@given(
    st.text(st.characters(codec="utf-8"), min_size=1).filter(str.isprintable),
    st.text(st.characters(codec="utf-8"), min_size=1).filter(str.isprintable),
)
def test_what_is_said_is_read_back(token: str, name: str) -> None:
    credential = Credential(Secret(token), 0, username=name, profile="p")
    for mode, told in (("creds", {"username": name}), ("password", {})):
        for output in ("json", "plain"):
            request = Request("get", echo={"mode": mode, "output": output})
            said = keyring.render(request, credential).stdout.decode()
            values = {**told, "password": token}
            if output == "json":
                assert said.isascii()
                assert json.loads(said) == values
            else:
                assert said == "".join(f"{value}\n" for value in values.values())


@pytest.mark.parametrize("bad", ["a\nb", "a\rb", "a\0b", "\x85", "\ud800", ""])
@pytest.mark.parametrize("output", ["plain", "json"])
def test_what_is_not_one_line_is_never_written(output: str, bad: str) -> None:
    for token, name in ((bad, "me"), ("a.b.c", bad)):
        credential = Credential(Secret(token), 0, username=name, profile="p")
        with pytest.raises(CredhelperError):
            keyring.render(Request("get", echo={"mode": "creds", "output": output}), credential)
