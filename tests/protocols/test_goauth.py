"""goauth: hosts as go wrote them, paths as the profile does, and empty lines where they must be."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credhelper.core import lookup, routes, service
from credhelper.core.model import Call, Credential, Request, Secret
from credhelper.errors import (
    AmbiguousServiceError,
    CredhelperError,
    NotFoundError,
    RequestError,
    UnknownServiceError,
)
from credhelper.protocols import goauth


def ask(*arguments: str) -> Request:
    return goauth.parse(Call("credhelper", arguments, b"", {}))


def told(request: Request, covering: str, token: str = "a.b.c") -> str:
    credential = Credential(
        Secret(token), 1800000000, username="me", profile="p", service=service.parse(covering)
    )
    return goauth.render(request, credential).stdout.decode()


def test_it_never_reads() -> None:
    for arguments in ([], ["https://ica.example/m"], ["--bad"]):
        assert goauth.reads(arguments) == "nothing"


def test_the_first_call_asks_for_nothing() -> None:
    for arguments in ([], ["--profile", "main"], ["--min-ttl", "60"]):
        request = ask(*arguments)
        assert (request.action, request.service) == ("ignored", None)
        assert goauth.render(request, None).stdout == b""


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("https://ica.example/a/b", "https://ica.example"),
        ("https://ICA.Example:443/a", "https://ICA.Example:443"),
        ("https://ica.example?go-get=1", "https://ica.example"),
        ("https://ica.example#x", "https://ica.example"),
        ("https://ica.example/a/!upper/@v/v1.0.0+x.zip", "https://ica.example"),
        ("https://ica.example/a%2fb/../c", "https://ica.example"),
    ],
)
def test_the_host_is_told_as_go_wrote_it(url: str, line: str) -> None:
    assert told(ask(url), "https://ica.example").split("\n")[0] == line


def test_the_path_is_the_one_that_the_profile_names() -> None:
    url = "https://ica.example:8443/team/a/m/@v/list"
    request = ask(url)
    route = routes.Route(
        "p", "r", "jwt", "me", "", "https://api", 0, "", ["https://ica.example:8443/team"]
    )
    matched = lookup.match(routes.compiled("", "00", [route]), request, None)
    assert matched is not None
    assert str(matched[1]) == "https://ica.example:8443/team"
    said = told(request, str(matched[1]))
    assert said == "https://ica.example:8443/team\n\nAuthorization: Bearer a.b.c\n\n"


@pytest.mark.parametrize(
    "url",
    [
        *("ica.example/m", "https:ica.example", "//ica.example", "https://", "", " "),
        *("https://u:pw@ica.example", "https://ica.example\\@evil.test/m", "https://ica.example."),
        *("https://ica.example\n/m", "https://ica.example/m\r", "https://ica.example\t.evil.test"),
        *("https://ica.example:0443/", "https://ica.example:\u0664/", "https://ica.example/\x1b"),
    ],
)
def test_an_odd_url_is_refused(url: str, talk: Any) -> None:
    with pytest.raises(RequestError) as caught:
        ask("--", url)
    assert "pw" not in caught.value.message
    reply = talk("goauth", ["--", url])
    assert (reply.stdout, reply.status) == (b"", 2)


@pytest.mark.parametrize(
    "url", ["http://ica.example/m", "http://127.0.0.1/m", "ssh://git@ica.example/m", "file:///m"]
)
def test_go_asks_over_https_only(url: str, talk: Any) -> None:
    for arguments in ([url], ["--service", "https://ica.example", url]):
        reply = talk("goauth", arguments)
        assert (reply.stdout, reply.stderr, reply.status) == (b"", b"", 0)
    with pytest.raises(UnknownServiceError):
        ask("--service", "http://127.0.0.1")


def test_nothing_here_and_a_mistake_are_told_apart() -> None:
    assert goauth.refuse(UnknownServiceError("x"), None).status == 0
    for error in (NotFoundError("there is no profile x"), AmbiguousServiceError("two")):
        reply = goauth.refuse(error, None)
        assert (reply.stdout, reply.status) == (b"", 3)


@given(st.text(min_size=1))
def test_the_answer_is_a_block_that_go_takes(token: str) -> None:
    request = ask("https://ica.example/m")
    if not token.isprintable():
        with pytest.raises(CredhelperError):
            told(request, "https://ica.example", token)
        return
    lines = told(request, "https://ica.example", token).split("\n")
    assert lines == ["https://ica.example", "", f"Authorization: Bearer {token}", "", ""]
    assert "\r" not in "".join(lines)
