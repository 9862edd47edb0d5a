"""bazel: any URI at all may come, and a build that needs no token goes on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from credhelper import protocols
from credhelper.core import service
from credhelper.core.model import Call, Credential, Request, Secret
from credhelper.errors import (
    CredhelperError,
    NotFoundError,
    PathRequiredError,
    RequestError,
    UnknownServiceError,
)
from credhelper.protocols import bazel

NONE = b'{"headers":{}}\n'
PIECES = ["https://", "http://", "ica.example", "evil.test", "@", "\\", "?", "#", "/", ":", "443"]


def ask(uri: Any, *arguments: str) -> Request:
    stdin = json.dumps({"uri": uri}).encode()
    return bazel.parse(Call("bazel-credential-x", arguments or ("get",), stdin, {}))


def test_only_get_reads() -> None:
    assert bazel.reads(["get"]) == "document"
    assert bazel.reads(["get", "-p", "x"]) == "document"
    for arguments in ([], ["put"], ["get", "get"], ["--bad", "get"]):
        assert bazel.reads(arguments) == "nothing"


def test_the_programs_name_is_bazels() -> None:
    assert protocols.by_program("bazel-credential-credhelper") == "bazel"


def test_a_token_has_to_live_as_long_as_old_releases_keep_it() -> None:
    assert ask("https://ica.example").margin == 1800


@pytest.mark.parametrize(
    ("uri", "normal"),
    [
        ("HTTPS://ICA.example:443/a?b#c", "https://ica.example/a"),
        ("https://ica.example/build.bazel.remote.execution.v2.Execution", None),
        ("https://ica.example/a//b/%2e%2e/c", "https://ica.example"),
        ("https://ica.example/" + "a" * 100_000, "https://ica.example"),
        ("http://[::1]:8980/", "http://[::1]:8980"),
    ],
)
def test_the_receiver_is_the_service(uri: str, normal: str | None) -> None:
    request = ask(uri)
    assert str(request.service) == (normal or uri)
    assert "any_scheme" not in request.echo


@pytest.mark.parametrize(
    "uri",
    [
        *("http://ica.example/", "http://localhost/", "http://127.0.0.1.evil.test/"),
        *("grpc://ica.example", "grpcs://ica.example", "ftp://ica.example", "file:///etc/passwd"),
        *("https://evil.test/@ica.example", "https://evil.test?@ica.example", "https://evil.test"),
        *(
            "https://evil.test#@ica.example/",
            "https://ica.example.evil.test/",
            "unix://ica.example",
        ),
        *("https://xica.example/", "https://ica.example:8443/", "https://evil.test/ica.example"),
    ],
)
def test_other_hosts_and_schemes_get_no_headers(uri: str, talk: Any) -> None:
    reply = talk("bazel", ["get"], json.dumps({"uri": uri}).encode())
    assert (reply.stdout, reply.stderr, reply.status) == (NONE, b"", 0)


@pytest.mark.parametrize(
    "uri",
    [
        *("", "ica.example", "//ica.example", "https:ica.example", "https://", "https:///x", None),
        *("https://u@ica.example/", "https://ica.example@evil.test/", "https://@ica.example", 7),
        *("https://ica.example\\@evil.test/", "https://ica.example%2f@evil.test/", ["https://x"]),
        *("https://ica.example\n.evil.test/", "https://ica.example\t.evil.test/", {}, True),
        *("https://ica.example./", "https://ica.example:0443/", "https://ica.example\u3002/"),
        *("https://ica.example/\0", "https://ica.example/\x1b[0m", "https://ica.example/a b"),
    ],
)
def test_an_odd_uri_gets_nothing(uri: Any, talk: Any) -> None:
    reply = talk("bazel", ["get"], json.dumps({"uri": uri}).encode())
    if isinstance(uri, str):
        assert (reply.stdout, reply.stderr, reply.status) == (NONE, b"", 0)
    else:
        assert (reply.stdout, reply.status) == (b"", 2)
        assert reply.stderr.startswith(b"credhelper: error: ")


@pytest.mark.parametrize(
    "document",
    [
        *(b"", b"{", b"{}", b"[]", b"null", b'"https://ica.example"', b'{"URI":"https://a"}'),
        *(b'{"uri":"https://a","uri":"https://b"}', b'{"uri":"https://a"}{}', b"\xff", b"{" * 9999),
        *(b'{"uri":"https://ica.example"}\r\n', b'{"uri":"https://ica.example\\ud800"}'),
    ],
    ids=lambda document: repr(document[:40]),
)
def test_a_document_that_makes_no_sense_is_refused(document: bytes, refusal: Any) -> None:
    assert type(refusal(bazel, ["get"], document)) is RequestError


def test_nothing_here_and_a_mistake_are_told_apart() -> None:
    for nothing in (UnknownServiceError("x"), PathRequiredError("x")):
        assert bazel.refuse(nothing, None).stdout == NONE
    told = bazel.refuse(NotFoundError("there is no profile x"), None)
    assert (told.stdout, told.status) == (b"", 3)


@given(st.text() | st.lists(st.sampled_from(PIECES)).map("".join))
@example("https://ica.example?@evil.test/")
def test_any_uri_is_a_plain_receiver_or_an_error(uri: str) -> None:
    try:
        request = ask(uri)
    except CredhelperError as error:
        assert bazel.refuse(error, None).stdout in (b"", NONE)
        return
    assert request.service is not None
    assert service.parse(str(request.service)) == request.service
    if "https://ica.example" in request.service.prefixes():
        rest = uri.lower().removeprefix("https://ica.example").removeprefix(":443")
        assert rest[:1] in ("", "/", "?", "#")


@given(st.text(min_size=1))
def test_the_answer_is_one_line_of_json(token: str) -> None:
    credential = Credential(Secret(token), 1800000000, username="me", profile="p")
    if not token.isprintable():
        with pytest.raises(CredhelperError):
            bazel.render(ask("https://ica.example"), credential)
        return
    said = bazel.render(ask("https://ica.example"), credential).stdout
    assert said.isascii()
    assert said.count(b"\n") == 1
    assert json.loads(said) == {
        "headers": {"Authorization": [f"Bearer {token}"]},
        "expires": "2027-01-15T08:00:00Z",
    }
