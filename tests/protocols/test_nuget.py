"""nuget: retries, and the neighbours of what transcripts show."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credhelper import protocols
from credhelper.core import service
from credhelper.core.model import Call, Credential, Request, Secret
from credhelper.errors import (
    AmbiguousServiceError,
    CacheError,
    ConfigError,
    CredhelperError,
    PathRequiredError,
    RequestError,
    UnknownServiceError,
    UnreachableError,
    UsageError,
)
from credhelper.protocols import nuget
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World

OURS = "https://ica.example/nuget/v3/index.json"


def line(method: str, payload: object = None, **members: object) -> bytes:
    message = {"RequestId": "r1", "Type": "Request", "Method": method, "Payload": payload}
    return json.dumps({**message, **members}).encode()


def ask(data: bytes, given: dict[str, Secret] | None = None) -> Request:
    return nuget.parse(Call("nuget-plugin-credhelper", ["-Plugin"], data, {}, given))


def wants(uri: object, *, retry: object = False) -> bytes:
    return line("GetAuthenticationCredentials", {"Uri": uri, "IsRetry": retry})


def payload(data: bytes) -> dict[str, Any]:
    """Return what a line answers, after the greeting if there is one."""
    message = json.loads(data.removeprefix(nuget.GREETING))
    assert list(message) == ["RequestId", "Type", "Method", "Payload"]
    assert message["RequestId"] == "r1"
    found: dict[str, Any] = message["Payload"]
    return found


def test_only_the_word_that_nuget_says_starts_a_dialogue() -> None:
    assert nuget.reads(["-Plugin"]) == "lines"
    for arguments in ([], ["-plugin"], ["--Plugin"], ["-Plugin", "x"], ["-Plugin", "-Plugin"]):
        assert nuget.reads(arguments) == "nothing"
        with pytest.raises(UsageError):
            nuget.parse(Call("nuget-plugin-credhelper", arguments, b"{}", {}))


@pytest.mark.parametrize(
    ("program", "name"), [("nuget-plugin-credhelper", "nuget"), ("nuget-plugin-", None)]
)
def test_a_program_that_nuget_finds_on_path_is_a_plugin(program: str, name: str | None) -> None:
    assert protocols.by_program(program) == name


def test_the_greeting_is_a_handshake_of_the_version_that_we_speak() -> None:
    greeting = json.loads(nuget.GREETING)
    version = ".".join(map(str, nuget.VERSION))
    assert (greeting["Type"], greeting["Method"]) == ("Request", "Handshake")
    assert str(UUID(greeting["RequestId"])) == greeting["RequestId"]
    assert set(greeting["Payload"].values()) == {version}
    assert nuget.GREETING.endswith(b"}\n")
    assert nuget.GREETING.count(b"\n") == 1


@pytest.mark.parametrize(
    "versions",
    [
        *(("2.0.0", "2.0.1"), ("1.9.9", "1.0.0"), ("3.0.0", "4.0.0"), ("2.0", "1.0"), ("", "")),
        *((None, None), (2, 1), ("2.0.0", None), ("2.0.0-beta", "1.0.0"), ("+2.0.0", "1.0.0")),
        *((" 2.0.0", "1.0.0"), ("٢.0.0", "1.0.0"), ("2.0.0.0", "1.0.0"), ("2.0.999999", "1.0.0")),
        *(("2.0.²", "1.0.0"), ("2.0.0\n", "1.0.0"), (["2.0.0"], "1.0.0")),
    ],
)
def test_a_version_that_does_not_suit_fails_the_handshake(versions: tuple[Any, Any]) -> None:
    told = dict(zip(("ProtocolVersion", "MinimumProtocolVersion"), versions, strict=True))
    reply = nuget.render(ask(line("Handshake", told)), None)
    assert payload(reply.stdout) == {"ResponseCode": "Error"}


@pytest.mark.parametrize(
    "about",
    [{"ServiceIndex": {}}, {"PackageSourceRepository": ""}, {"PackageSourceRepository": OURS}],
)
def test_packages_are_not_our_business(about: dict[str, Any]) -> None:
    assert payload(nuget.render(ask(line("GetOperationClaims", about)), None).stdout) == {
        "Claims": []
    }


@pytest.mark.parametrize("about", [None, {}, {"ServiceIndex": None}, [], "x"])
def test_credentials_are(about: object) -> None:
    assert payload(nuget.render(ask(line("GetOperationClaims", about)), None).stdout) == {
        "Claims": ["Authentication"]
    }


def test_close_ends_the_dialogue_without_an_answer() -> None:
    reply = nuget.render(ask(line("Close")), None)
    assert (reply.stdout, reply.stderr, reply.last) == (b"", b"", True)


@pytest.mark.parametrize("kind", ["Response", "Progress", "Fault", "Cancel", "request", ""])
def test_what_is_no_request_is_not_answered(kind: str) -> None:
    reply = nuget.render(ask(line("GetAuthenticationCredentials", {"Uri": OURS}, Type=kind)), None)
    assert (reply.stdout, reply.stderr, reply.last) == (b"", b"", False)


@pytest.mark.parametrize(
    "uri",
    [
        *("", "ica.example", "//ica.example", "file:///etc/passwd", "ftp://ica.example/nuget", 7),
        *("http://ica.example/nuget", "https://u:canary@ica.example/nuget", "https://ica.example."),
        *("https://ica.example@evil.test/", "https://ica.example\\@evil.test/", None, [OURS], {}),
        *("https://ica.example\t.evil.test/", "https://ica.example\n/", "https://evil.test/#/x"),
        *("https://evil.test/?https://ica.example", "https://ica.example:0443/", "C:\\packages"),
    ],
)
@pytest.mark.parametrize("retry", [True, False])
def test_no_other_source_is_given_a_token(uri: object, retry: bool, talk: Any) -> None:
    reply = talk("nuget", ["-Plugin"], wants(uri, retry=retry))
    assert payload(reply.stdout) == {"ResponseCode": "NotFound"}
    assert reply.stderr == b""


def test_a_source_is_a_service_without_its_query() -> None:
    request = ask(wants("https://ICA.example:443/nuget/v3/index.json?semVerLevel=2.0.0"))
    assert str(request.service) == OURS
    assert (request.margin, request.profile, request.username) == (300, None, None)
    request = ask(wants("https://ica.example/My Project/v3/index.json"))
    assert str(request.service) == "https://ica.example/My%20Project/v3/index.json"


def test_a_retry_rejects_what_this_dialogue_was_given_and_nothing_else() -> None:
    given = {OURS: Secret("T1"), "https://ica.example": Secret("T2")}
    assert ask(wants(OURS, retry=True), given).rejected == Secret("T1")
    assert ask(wants(OURS + "?x", retry=True), given).rejected == Secret("T1")
    assert ask(wants("https://ica.example/other", retry=True), given).rejected is None
    assert ask(wants(OURS, retry=True)).rejected is None
    for no in (False, None, "true", 1, 0):
        assert ask(wants(OURS, retry=no), given).rejected is None


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (UnknownServiceError, "NotFound", False),
        (PathRequiredError, "NotFound", False),
        (AmbiguousServiceError, "NotFound", True),
        (ConfigError, "Error", True),
        (CacheError, "Error", True),
        (UnreachableError, "Error", True),
    ],
)
def test_an_error_says_whether_to_ask_elsewhere(
    error: type[CredhelperError], code: str, told: bool
) -> None:
    reply = nuget.refuse(error("the disk is \x1bfull", "make\nroom"), ask(wants(OURS)))
    answer, log = reply.stdout.split(b"\n", 1)
    found = payload(answer)
    assert found.pop("ResponseCode") == code
    message = "the disk is \x1bfull (make\nroom)"
    assert found == ({"Message": message} if told else {})
    assert bool(log) is told
    if told:
        assert json.loads(log) == {
            "RequestId": "log-r1",
            "Type": "Request",
            "Method": "Log",
            "Payload": {"LogLevel": "Warning", "Message": f"credhelper: {message}"},
        }
    assert (reply.stderr, reply.status) == (b"", 0)


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"{", b"null", b"[]", b'"x"', b"{}{}", b"\xff", b"\xef\xbb\xbf{}", b"{}\r"),
        *(line("Close", RequestId=None), line("Close", Type=1), line("x", Method=["Close"])),
        *(b'{"RequestId":"a","RequestId":"b"}', b'{"Method":"\\ud800"}', b"[" * 100_000),
        *(b'{"RequestId":"a","Type":"Request"}', b'{"canary":NaN}', b'{"a":' + b"9" * 5000 + b"}"),
    ],
    ids=lambda data: repr(data[:40]),
)
def test_what_is_no_message_is_told_aside_without_being_shown(data: bytes, talk: Any) -> None:
    with pytest.raises(RequestError):
        ask(data)
    reply = talk("nuget", ["-Plugin"], data + b"\n")
    assert reply.stdout == nuget.GREETING
    assert reply.stderr.count(b"\n") == 1
    assert b"canary" not in reply.stderr
    assert reply.status == 0


@given(st.text(st.characters()), st.text(st.characters()), st.text(st.characters()))
def test_any_token_and_any_message_is_on_lines_of_their_own(
    token: str, name: str, method: str
) -> None:
    request = Request("get", echo={"id": "r1", "method": method})
    credential = Credential(Secret(token), 0, username=name, profile="p")
    for reply, lines in (
        (nuget.render(request, credential), 1),
        (nuget.refuse(CredhelperError(token, name), request), 2),
    ):
        assert reply.stdout.isascii()
        assert reply.stdout.count(b"\n") == lines
        answer = payload(reply.stdout.split(b"\n")[0])
        assert answer["ResponseCode"] in ("Success", "Error")


@given(
    st.sampled_from(["GetAuthenticationCredentials", "Handshake", "GetOperationClaims", "x"]),
    st.recursive(st.none() | st.booleans() | st.text(), lambda inner: st.lists(inner, max_size=2))
    | st.dictionaries(st.sampled_from(["Uri", "IsRetry", "ServiceIndex"]), st.text() | st.none()),
)
def test_any_message_is_a_plain_request(method: str, inner: object) -> None:
    try:
        request = ask(line(method, inner))
    except RequestError:
        return  # half a character, as JSON can spell it
    if request.action == "get":
        assert request.service is not None
        assert request.service.scheme == "https" or service.is_loopback(request.service.host)
    else:
        assert payload(nuget.render(request, None).stdout)


def test_a_dialogue_that_is_closed_ends_and_a_retry_gets_another_token(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    scratch_world.run("get")
    scratch_world.age(120)  # old enough to be rejected at once
    process = scratch_world.start("nuget", "-Plugin")
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == nuget.GREETING
        tokens = []
        for retry in (False, False, True):
            process.stdin.write(wants(OURS, retry=retry) + b"\n")
            process.stdin.flush()
            tokens.append(payload(process.stdout.readline())["Password"])
        process.stdin.write(line("Close") + b"\n")
        process.stdin.flush()
        assert process.wait(30) == 0  # though stdin is still open
    finally:
        process.kill()
        process.communicate()
    assert tokens[0] == tokens[1]
    assert tokens[2] != tokens[1]
    assert running_sandbox.stats()["created"] + running_sandbox.stats()["minted"] >= 2
