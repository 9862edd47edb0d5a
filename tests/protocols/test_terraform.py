"""terraform: hosts, verbs, and what is never stored."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from credhelper import protocols
from credhelper.core import service
from credhelper.core.model import Call, Credential, Request, Secret
from credhelper.errors import CredhelperError, RequestError, UnsupportedActionError, UsageError
from credhelper.protocols import terraform


def ask(*arguments: str, stdin: bytes = b"") -> Request:
    return terraform.parse(Call("terraform-credentials-x", arguments, stdin, {}))


def test_only_store_reads() -> None:
    assert terraform.reads(["store", "ica.example"]) == "document"
    assert terraform.reads(["-p", "x", "store", "ica.example"]) == "document"
    for arguments in (["get", "h"], ["forget", "h"], ["store"], ["store", "a", "b"], [], ["--x"]):
        assert terraform.reads(arguments) == "nothing"


def test_the_programs_name_is_terraforms() -> None:
    assert protocols.by_program("terraform-credentials-credhelper") == "terraform"
    assert protocols.by_program("terraform-credentials-") is None


@pytest.mark.parametrize(
    ("host", "normal"),
    [
        ("ica.example", "https://ica.example"),
        ("ICA.example:443", "https://ica.example"),
        ("127.0.0.1:18447", "https://127.0.0.1:18447"),
        ("xn--bcher-kva.example:8443", "https://xn--bcher-kva.example:8443"),
        ("[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_a_host_is_a_service_over_https(host: str, normal: str) -> None:
    request = ask("get", host)
    assert str(request.service) == normal
    assert "any_scheme" not in request.echo


@pytest.mark.parametrize(
    "host",
    [
        *("", " ", "https://ica.example", "ica.example/x", "ica.example/", "u@ica.example"),
        *("ica.example\n", "ica.example\r", "ica.example\0", "ica.example\t.evil.test"),
        *(
            "ica.example:0443",
            "ica.example:",
            "ica.example:\u0664",
            "ica.example.",
            "b\u00fccher.de",
        ),
        *("ica.example?x", "ica.example#", "ica.example\\@evil.test", "ica.example\u3002evil.test"),
    ],
)
def test_anything_but_a_plain_host_is_refused(host: str, talk: Any) -> None:
    for verb in ("get", "store", "forget"):
        reply = talk("terraform", [verb, host], b'{"token":"x"}')
        assert (reply.stdout, reply.status) == (b"", 2)


@pytest.mark.parametrize(
    "arguments",
    [
        *([], ["get"], ["get", "a", "b"], ["GET", "a"], ["erase", "a"], ["ica.example", "get"]),
        *(["--bad", "get", "a"], ["get", "a", "--min-ttl", "x"], [""], ["--", "--", "get"]),
    ],
)
def test_a_command_line_that_makes_no_sense_is_wrong_use(arguments: list[str]) -> None:
    with pytest.raises(UsageError):
        ask(*arguments)


@pytest.mark.parametrize(
    "document",
    [
        *(b"", b"{}", b"[]", b"null", b'{"token":null}', b'{"token":["canary"]}', b"\xffcanary"),
        *(b'{"token":"canary","x":1}', b'{"x":"canary"}', b'{"token":"canary","token":"canary"}'),
        b'{"token":"canary"',
        b'{"token":' + b"[" * 100_000,
    ],
    ids=lambda document: repr(document[:30]),
)
def test_store_fails_with_a_line_and_without_the_token(document: bytes, refusal: Any) -> None:
    error = refusal(terraform, ["store", "ica.example"], document)
    assert type(error) is RequestError
    assert error.__context__ is None
    assert "canary" not in repr(error)


def test_a_sound_store_is_refused_for_what_it_is() -> None:
    with pytest.raises(UnsupportedActionError):
        ask("store", "ica.example", stdin=b'{"token":"x"}\n')


def test_forget_is_the_protocols_own_and_says_nothing() -> None:
    request = ask("forget", "ica.example")
    assert (request.action, request.service, request.rejected) == ("forget", None, None)
    assert terraform.render(request, None).stdout == b""


@given(st.text(max_size=30) | st.sampled_from(["ica.example", "evil.test", ":", "/", "@", "443"]))
@example("ica.example:8443")
def test_any_host_is_a_plain_service_or_an_error(host: str) -> None:
    try:
        request = ask("get", "--", host)
    except CredhelperError as error:
        assert terraform.refuse(error, None).stdout == b""
    else:
        assert request.service is not None
        assert request.service.path == ""
        assert service.parse(str(request.service)) == request.service


@given(st.text(min_size=1))
def test_the_answer_is_one_line_of_json(token: str) -> None:
    credential = Credential(Secret(token), 1800000000, username="me", profile="p")
    if not token.isprintable():
        with pytest.raises(CredhelperError):
            terraform.render(ask("get", "ica.example"), credential)
        return
    said = terraform.render(ask("get", "ica.example"), credential).stdout
    assert said.isascii()
    assert said.count(b"\n") == 1
    assert json.loads(said) == {"token": token}
