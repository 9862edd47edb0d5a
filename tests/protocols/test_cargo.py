"""cargo: one answer a line whatever the line holds, and whose registry it is."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credhelper import protocols
from credhelper.core import service
from credhelper.core.model import Call, Credential, Listing, Request, Secret
from credhelper.errors import (
    ConfigError,
    CredhelperError,
    NotFoundError,
    RequestError,
    UnknownServiceError,
    UnsupportedActionError,
    UnsupportedVersionError,
    UsageError,
)
from credhelper.protocols import cargo
from tests.support.programs import clean_environment, command

OURS = "sparse+https://ica.example/index/"
KINDS = {"not-found", "url-not-supported", "operation-not-supported", "other"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


def line(url: Any = OURS, **members: Any) -> bytes:
    whole = {"v": 1, "registry": {"index-url": url}, "kind": "get", "operation": "read", **members}
    return json.dumps(whole).encode()


def ask(data: bytes) -> Request:
    return cargo.parse(Call("cargo-credential-x", ["--cargo-plugin"], data, {}))


def test_only_cargo_is_greeted() -> None:
    assert cargo.reads(["--cargo-plugin"]) == "lines"
    for arguments in ([], ["get"], ["--cargo-plugin", "x"], ["-p", "x"], ["--cargo-plugin=1"]):
        assert cargo.reads(arguments) == "nothing"
        with pytest.raises(UsageError):
            cargo.parse(Call("credhelper", arguments, line(), {}))


def test_the_greeting_is_one_line_that_names_the_version() -> None:
    assert json.loads(cargo.GREETING) == {"v": list(cargo.VERSIONS)}
    assert cargo.GREETING.count(b"\n") == 1


def test_cargo_is_greeted_before_it_says_a_word(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*command(), "cargo", "--cargo-plugin"],
        env=clean_environment(tmp_path),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == cargo.GREETING
        process.stdin.write(b"{}\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["Err"]["kind"] == "other"
        process.stdin.close()
        assert process.stdout.read() == b""
    assert process.returncode == 0


def test_the_programs_name_is_cargos() -> None:
    assert protocols.by_program("cargo-credential-credhelper") == "cargo"


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("sparse+https://ICA.example:443/index/", "https://ica.example/index"),
        ("registry+https://ica.example/index", "https://ica.example/index"),
        ("https://ica.example/a.git", "https://ica.example/a.git"),
        ("sparse+http://127.0.0.1:18080/index/", "http://127.0.0.1:18080/index"),
        ("sparse+https://ica.example/a/../b/", "https://ica.example"),
    ],
)
def test_the_index_is_the_service(url: str, normal: str) -> None:
    assert str(ask(line(url)).service) == normal
    assert "any_scheme" not in ask(line(url)).echo


@pytest.mark.parametrize(
    "url",
    [
        *("", "ica.example", "sparse+ica.example", "https://u:pw@ica.example/", 7, None, [OURS]),
        *("https://ica.example\\@evil.test/", "https://ica.example\n", "https://ica.example.", {}),
        *("https://ica.example\t.evil.test/", "sparse+https://ica.example:0443/", "https:///x"),
    ],
)
def test_an_odd_index_is_refused(url: Any) -> None:
    for kind in ("get", "login", "logout", "x"):
        with pytest.raises(UnknownServiceError if isinstance(url, str) else RequestError) as caught:
            ask(line(url, kind=kind))
        assert "pw" not in caught.value.message


@pytest.mark.parametrize(
    "url",
    [
        *("http://ica.example", "ssh://git@ica.example/x", "file:///srv/index"),
        *("git+https://ica.example", "sparse+registry+ssh://ica.example"),
    ],
)
def test_an_index_that_no_profile_can_name_is_not_supported(url: str, talk: Any) -> None:
    reply = talk("cargo", ["--cargo-plugin"], line(url))
    assert reply.stdout == cargo.GREETING + b'{"Err":{"kind":"url-not-supported"}}\n'


@pytest.mark.parametrize("version", [0, 2, "1", 1.0, True, None, [1]])
def test_an_unknown_version_is_told(version: Any) -> None:
    with pytest.raises(UnsupportedVersionError):
        ask(line(v=version))


@pytest.mark.parametrize(
    "args",
    [
        *(["x"], ["--profile"], ["--raw", "--bearer"], ["--raw", "--raw"], ["--min-ttl", "x"]),
        *([1], [["--raw"]], {}, "--raw", None, ["--token=canary"], ["--service", "https://x"]),
    ],
)
def test_words_that_make_no_sense_are_an_error_of_the_dialogue(args: Any) -> None:
    with pytest.raises(RequestError) as caught:
        ask(line(args=args))
    assert type(caught.value) is RequestError
    assert caught.value.__context__ is None
    assert "canary" not in caught.value.message
    assert json.loads(cargo.refuse(caught.value, None).stdout)["Err"]["kind"] == "other"


def test_the_words_choose_profile_life_and_shape() -> None:
    request = ask(line(args=["--profile", "a b", "--min-ttl=90", "--raw"]))
    assert (request.profile, request.min_ttl, dict(request.echo)) == ("a b", 90, {"raw": "1"})
    assert ask(line(args=["--bearer"])).echo == ask(line(args=[])).echo == {}


@pytest.mark.parametrize("kind", ["login", "logout", "frobnicate", "", None, 7])
def test_what_is_no_get_asks_whose_the_registry_is(kind: Any) -> None:
    request = ask(line(kind=kind, token="canary"))
    assert (request.action, request.rejected, request.profile) == ("list", None, None)
    for name in ("https://ica.example", "https://ica.example/index"):
        with pytest.raises(UnsupportedActionError) as caught:
            cargo.render(request, Listing([(name, "me", "p")]))
        assert "canary" not in str(caught.value)
    for name in ("https://ica.example/index/x", "https://evil.test", "http://ica.example"):
        with pytest.raises(UnknownServiceError):
            cargo.render(request, Listing([(name, "me", "p")]))


def test_each_error_has_its_kind() -> None:
    got, listed = ask(line()), ask(line(kind="login"))
    for error, request, kind in (
        (UnknownServiceError("x"), got, "not-found"),
        (UnknownServiceError("x"), listed, "url-not-supported"),
        (UnknownServiceError("x"), None, "url-not-supported"),
        (UnsupportedActionError("x"), listed, "operation-not-supported"),
        (NotFoundError("there is no profile x"), got, "other"),
        (ConfigError("line 1"), got, "other"),
    ):
        reply = cargo.refuse(error, request)
        assert json.loads(reply.stdout)["Err"]["kind"] == kind
        assert reply.status == 0


@given(st.text(st.characters()), st.none() | st.text(st.characters()))
def test_an_error_is_one_line_of_json(message: str, hint: str | None) -> None:
    said = cargo.refuse(CredhelperError(message, hint), None)
    assert (said.stdout.count(b"\n"), said.stderr, said.status) == (1, b"", 0)
    error = json.loads(said.stdout)["Err"]
    assert error == {
        "kind": "other",
        "message": message,
        "caused-by": [f"hint: {hint}"] if hint else [],
    }


@given(
    st.binary(max_size=60).map(lambda data: data.replace(b"\n", b""))
    | st.fixed_dictionaries(
        {"v": st.just(1), "registry": st.just({"index-url": OURS}) | JSON, "kind": JSON},
        optional={"args": JSON, "operation": JSON, "token": JSON, "new": JSON},
    ).map(lambda whole: json.dumps(whole).encode())
)
def test_any_line_is_a_plain_request_or_an_error(data: bytes) -> None:
    try:
        request = ask(data)
    except CredhelperError as error:
        said = json.loads(cargo.refuse(error, None).stdout)
        assert said["Err"]["kind"] in KINDS
    else:
        assert request.action in ("get", "list")
        assert request.service is not None
        assert service.parse(str(request.service)) == request.service


@given(st.text(min_size=1), st.booleans())
def test_the_answer_is_one_line_with_the_whole_header(token: str, raw: bool) -> None:
    request = ask(line(args=["--raw"] if raw else []))
    credential = Credential(Secret(token), 1800000000, username="me", profile="p")
    if not token.isprintable():
        with pytest.raises(CredhelperError):
            cargo.render(request, credential)
        return
    said = cargo.render(request, credential).stdout
    assert said.isascii()
    assert said.count(b"\n") == 1
    assert json.loads(said) == {
        "Ok": {
            "kind": "get",
            "token": token if raw else f"Bearer {token}",
            "cache": "expires",
            "expiration": 1800000000,
            "operation_independent": True,
        }
    }
