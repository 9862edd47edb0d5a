"""headers: for Claude Code and for restish, which must not be mistaken for each other."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credhelper.core.model import Call, Credential, Request, Secret
from credhelper.errors import CredhelperError, RequestError, UnknownServiceError, UsageError
from credhelper.protocols import headers

SENT = b'{"method":"GET","uri":"https://ica.example/a","headers":{"Accept":["x"]},"body":"y"}'


def ask(*arguments: str, stdin: bytes = b"", url: str | None = None) -> Request:
    environ = {} if url is None else {headers.VARIABLE: url}
    return headers.parse(Call("credhelper", arguments, stdin, environ))


def test_only_restish_is_read() -> None:
    assert headers.reads(["--restish"]) == "document"
    assert headers.reads(["-p", "x", "--restish"]) == "document"
    for arguments in ([], ["--service", "x"], ["--restish", "x"], ["--restish=1"], ["--bad"]):
        assert headers.reads(arguments) == "nothing"


def test_the_url_in_the_environment_is_the_receiver() -> None:
    assert str(ask(url="https://ICA.example:443/mcp?x#y").service) == "https://ica.example/mcp"
    assert ask("--profile", "p", url="https://ica.example").service is not None
    assert ask("--profile", "p", url="").service is None


def test_the_command_lines_service_may_not_contradict_it() -> None:
    request = ask("--service", "127.0.0.1:8080", url="http://127.0.0.1:8080/mcp")
    assert str(request.service) == "http://127.0.0.1:8080/mcp"
    with pytest.raises(RequestError):
        ask("--service", "127.0.0.1:8080", url="https://evil.test")


def test_behind_a_tunnel_is_what_the_command_line_names() -> None:
    request = ask("--service", "https://ica.example", url="https://localhost:8443/mcp")
    assert str(request.service) == "https://ica.example"


@pytest.mark.parametrize(
    "url",
    [
        *("https://u:pw@ica.example", "https://ica.example\\@evil.test", "ica.example", "x"),
        *("https://ica.example\n", "https://ica.example\t.evil.test", "https://ica.example:0443"),
        *("https://ica.example.", "https:///x", "//ica.example", "\udcffhttps://ica.example"),
    ],
)
def test_an_odd_url_is_refused(url: str) -> None:
    with pytest.raises(RequestError) as caught:
        ask(url=url)
    assert "pw" not in caught.value.message
    with pytest.raises(RequestError):
        ask("--restish", stdin=json.dumps({"uri": url}).encode())


def test_claude_code_is_told_what_restish_is_not() -> None:
    error = UnknownServiceError("no profile covers it")
    assert headers.refuse(error, ask("--restish", stdin=SENT)).status == 0
    for request in (None, ask(url="https://ica.example")):
        reply = headers.refuse(error, request)
        assert (reply.stdout, reply.status) == (b"", 3)


@pytest.mark.parametrize(
    "document",
    [
        *(b"", b"{}", b"[]", b"null", b'{"uri":1}', b'{"uri":["https://ica.example"]}', b"\xff"),
        *(b'{"uri":"https://a","uri":"https://b"}', SENT + SENT, b'{"uri":"","canary":"x"'),
    ],
)
def test_a_document_that_makes_no_sense_is_refused(document: bytes, refusal: Any) -> None:
    error = refusal(headers, ["--restish"], document)
    assert type(error) is RequestError
    assert "canary" not in error.message


@pytest.mark.parametrize(
    "arguments",
    [
        *(["x"], ["--restish", "--restish"], ["--restish", "--service", "https://x"], ["--claude"]),
        *(["--service"], ["--min-ttl", "-1"], ["--restish=yes"], ["get"]),
    ],
)
def test_what_makes_no_sense_is_wrong_use(arguments: list[str]) -> None:
    with pytest.raises(UsageError):
        ask(*arguments, stdin=SENT, url="https://ica.example")


@given(st.text(min_size=1))
def test_the_answer_is_one_line_of_json_with_the_whole_value(token: str) -> None:
    credential = Credential(Secret(token), 1800000000, username="me", profile="p")
    for request, expected in (
        (ask("-p", "p"), {"Authorization": f"Bearer {token}"}),
        (ask("--restish", stdin=SENT), {"headers": {"Authorization": [f"Bearer {token}"]}}),
    ):
        if not token.isprintable():
            with pytest.raises(CredhelperError):
                headers.render(request, credential)
            continue
        said = headers.render(request, credential).stdout
        assert said.isascii()
        assert said.count(b"\n") == 1
        assert json.loads(said) == expected
