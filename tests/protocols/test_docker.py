"""docker: what transcripts do not show, and the neighbours of what they do."""

from __future__ import annotations

import json
from typing import Any

import pytest

import credhelper
from credhelper.core.model import Call, Credential, Listing, Request, Secret
from credhelper.errors import CacheError, ConfigError, NotFoundError, RequestError, UnreachableError
from credhelper.protocols import docker

MISSING = (b"credentials not found in native keychain\n", b"", 1)


def ask(stdin: bytes, *arguments: str) -> Request:
    return docker.parse(Call("credhelper", arguments or ("get",), stdin, {}))


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/", "/v2", "/v2/"])
@pytest.mark.parametrize("scheme", ["", "https://", "HTTPS://"])
def test_every_spelling_that_clients_use_is_one_service(scheme: str, path: str) -> None:
    asked = f"{scheme}ica.example{path}"
    for blanks in ("", " ", "\t", "\n", "  \n"):
        request = ask((asked + blanks).encode())
        assert str(request.service) == "https://ica.example"
        assert request.echo["server"] == asked
        assert ("any_scheme" in request.echo) is (not scheme)


@pytest.mark.parametrize("path", ["/v3", "/v1/x", "/V1", "/ns", "/v2/ns/repo", "/v1/v2", "/v10"])
def test_any_other_path_is_not_found(path: str, talk: Any) -> None:
    reply = talk("docker", ["get"], b"ica.example" + path.encode())
    assert (reply.stdout, reply.stderr, reply.status) == MISSING


@pytest.mark.parametrize(
    "server",
    [
        *(b"ica.example\n.evil.test", b"\nica.example", b"ica.example\n\n", b"ica.example\n "),
        *(
            b" ica.example",
            b"ica.example\r",
            b"ica.example\r\n",
            b"ica.example\0",
            b"ica\0.example",
        ),
        *(
            b"ica.example evil.test",
            b"ica.example\x0b",
            b"\xef\xbb\xbfica.example",
            b"ica.example\x1b",
        ),
        *(
            b"user@ica.example",
            b"https://u:canary@ica.example",
            b"ica.example?x=canary",
            b"ica.example#",
        ),
        *(b"ica.example//v1", b"ica.example/v1//", b"ica.example/../v1", b"ica.example/v%31"),
        *(b"http://ica.example", b"ftp://ica.example", b"unix:///run/x", b"\xff\xfei\0c\0a\0"),
    ],
)
def test_what_is_not_one_plain_server_is_not_answered(server: bytes, talk: Any) -> None:
    reply = talk("docker", ["get"], server)
    assert reply.status == 1
    assert b"Secret" not in reply.stdout
    assert b"canary" not in reply.stdout + reply.stderr
    assert reply.stdout.count(b"\n") == 1


def test_a_name_of_a_megabyte_is_told_in_a_line(talk: Any) -> None:
    for letter in (b"a", b"a/", b".", b"\xc3\xa9"):
        reply = talk("docker", ["get"], letter * 500_000)
        assert reply.status == 1
        assert len(reply.stdout) < 1000


@pytest.mark.parametrize(
    "document",
    [
        *(b"{}", b"[]", b"null", b'"x"', b"7", b"", b"{", b"\xff", b'{"ServerURL":"x"', b"nul"),
        *(
            b'{"ServerURL":""}',
            b'{"ServerURL":" ","Username":"u"}',
            b'{"ServerURL":[],"Username":"u"}',
        ),
        *(b'{"ServerURL":"x","Username":""}', b'{"ServerURL":"x","Username":null}', b"[" * 100_000),
        *(b'{"ServerURL":' + b"9" * 5000 + b"}", b'{"serverurl":"x","username":"u"}', b"{}{}"),
        b'{"ServerURL":"x","Username":"u","Secret":"' + b"s" * 10_000_000 + b'"}',
        *(
            b"\xef\xbb\xbf{}",
            '{"ServerURL":"x"}'.encode("utf-16"),
            b'{"ServerURL":"x","Username":"\\ud800"}',
        ),
    ],
    ids=lambda document: repr(document[:40]),
)
def test_store_fails_with_one_line_whatever_it_is_sent(document: bytes, talk: Any) -> None:
    reply = talk("docker", ["store"], document)
    assert reply.status == 1
    assert reply.stdout.count(b"\n") == 1
    assert reply.stdout.decode().strip() in {
        docker.NO_SERVER,
        docker.NO_USERNAME,
        docker.NOT_A_DOCUMENT,
        docker.STORE_REFUSED,
    }


@pytest.mark.parametrize("document", [b'{"Secret":"canary"', b'["canary"]', b'{"Secret":"canary"}'])
def test_no_error_of_store_carries_the_password(document: bytes, refusal: Any) -> None:
    error: BaseException | None = refusal(docker, ["store"], document)
    assert isinstance(error, RequestError)
    assert error.__context__ is None
    assert error.__cause__ is None
    assert "canary" not in repr(error)


def test_erase_succeeds_and_names_no_token(talk: Any) -> None:
    assert ask(b"ica.example", "erase").rejected is None
    for server in (b"ica.example", b"https://evil.test/x?y", b"two\nlines", b"\0\xff"):
        reply = talk("docker", ["erase"], server)
        assert (reply.stdout, reply.stderr, reply.status) == (b"", b"", 0)


def test_only_verbs_that_clients_send_something_with_read() -> None:
    for verb in ("get", "store", "erase"):
        assert docker.reads([verb]) == "document"
        assert docker.reads(["--profile", "p", verb]) == "document"
    for arguments in (
        [],
        ["list"],
        ["version"],
        ["--version"],
        ["x"],
        ["get", "x"],
        ["--bad", "get"],
    ):
        assert docker.reads(arguments) == "nothing"


@pytest.mark.parametrize("arguments", [["version"], ["--version"]])
def test_the_version_is_the_packages(arguments: list[str], talk: Any) -> None:
    expected = f"docker-credential-credhelper (credhelper) v{credhelper.__version__}\n"
    assert talk("docker", arguments).stdout.decode() == expected


def test_an_empty_list_is_an_object() -> None:
    assert docker.render(Request("list"), Listing([])).stdout == b"{}\n"


def test_a_list_holds_hosts_and_the_first_of_two_profiles() -> None:
    listing = Listing(
        [
            ("https://z.example", "zoe", "z"),
            ("https://b.example:8443", "second", "y"),
            ("https://b.example:8443", "first", "x"),
            ("https://p.example/only/below", "nobody", "p"),
            ("bare-name", "nobody", "q"),
            ("http://[::1]:5000", 'say "é"', "r"),
        ]
    )
    reply = docker.render(Request("list"), listing)
    assert list(json.loads(reply.stdout).items()) == [
        ("[::1]:5000", 'say "é"'),
        ("b.example:8443", "first"),
        ("z.example", "zoe"),
    ]


@pytest.mark.parametrize("error", [ConfigError, CacheError, UnreachableError, RequestError])
def test_no_other_error_looks_like_not_found(error: type[RequestError]) -> None:
    reply = docker.refuse(error("the disk is \x1b[31mfull", "make\nroom"), None)
    assert reply.stdout == b"the disk is \\x1b[31mfull\n"
    assert reply.stderr == b"credhelper: hint: make\\nroom\n"
    assert reply.status == 1


def test_not_found_is_told_word_for_word_and_nothing_else() -> None:
    reply = docker.refuse(NotFoundError("no profile covers x", "add one"), None)
    assert (reply.stdout, reply.stderr, reply.status) == MISSING


def test_a_secret_of_any_letters_is_one_json_string() -> None:
    token = 'a"b\\c\nd\u2028\ud7ff\U0001f511'
    credential = Credential(Secret(token), 0, username="<token>\x07", profile="p")
    line = docker.render(ask(b"ica.example"), credential).stdout
    assert line.isascii()
    assert line.count(b"\n") == 1
    assert json.loads(line) == {
        "ServerURL": "ica.example",
        "Username": "<token>\x07",
        "Secret": token,
    }
