"""What holds for any bytes and any token, in every protocol that reads or answers."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import assume, example, given
from hypothesis import strategies as st

from credhelper import protocols
from credhelper.core import service
from credhelper.core.model import Call, Credential, Request, Secret
from credhelper.errors import CredhelperError
from credhelper.protocols import docker, get, git, jsonlines

OURS = "https://ica.example"
PLAIN = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:@/%[]")
PIECES = st.lists(
    st.sampled_from(
        [
            *(
                b"protocol=https\n",
                b"host=ica.example\n",
                b"host=",
                b"url=",
                b"path=",
                b"username=",
            ),
            *(
                b"capability[]=authtype\n",
                b"wwwauth[]=Basic\n",
                b"password=T\n",
                b"\n",
                b"\r",
                b"\0",
            ),
            *(
                b"https://",
                b"http://",
                b"ica.example",
                b"evil.test",
                b"@",
                b"/",
                b"\\",
                b"?",
                b"#",
                b":",
            ),
            *(
                b"443",
                b"%2f",
                b"%0a",
                b".",
                b" ",
                b"=",
                b"[]",
                b"\xff",
                b"\xc3\xa9",
                b"\xe2\x80\xae",
            ),
            *(
                b'{"',
                b'action":"get"',
                b'"service":"',
                b'","',
                b'"}',
                b"{",
                b"}",
                b"[",
                b"]",
                b'"',
                b",",
            ),
            *(
                b'"profile":"p"',
                b'"min_ttl":',
                b"1e400",
                b"NaN",
                b"\\ud800",
                b"\\u0000",
                b"null",
                b"-1",
            ),
        ]
    ),
    max_size=12,
).map(b"".join)
STDIN = st.one_of(
    PIECES, st.binary(max_size=80), st.text(max_size=40).map(lambda text: text.encode())
)
TOKENS = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.isprintable)
MESSAGES = st.text(st.characters())


def check(request: Request) -> None:
    assert request.action in ("get", "store", "erase", "list", "capability", "version", "ignored")
    if request.service is not None:
        assert set(str(request.service)) <= PLAIN
        assert request.service.scheme == "https" or service.is_loopback(request.service.host)
    assert 0 <= request.min_ttl <= 315_360_000


@given(st.sampled_from(["get", "erase", "store", "list", "capability"]), STDIN)
@example("get", b"url=https://ica.example\\@evil.test/\n")
@example("erase", b"protocol=https\nhost=ica.example\rpassword=x\n")
def test_any_bytes_are_a_plain_request_or_an_error_to_git_and_docker(
    verb: str, data: bytes
) -> None:
    for module in (git, docker):
        try:
            request = module.parse(Call("credhelper", [verb], data, {}))
        except CredhelperError as error:
            said = module.refuse(error, None)
            assert said.stderr.count(b"\n") <= 2
            assert module is docker or not said.stdout
        else:
            check(request)


@given(data=STDIN)
@example(data=b'{"action":"get","service":"https://ica.example","min_ttl":-0}')
@example(data=b'{"action":"get","profile":"p","profile":"p"}')
def test_any_line_is_a_request_by_the_schema_or_an_error_by_the_schema(
    data: bytes, request_schema: Any, answer_schema: Any
) -> None:
    line = data.replace(b"\n", b" ")
    try:
        request = jsonlines.parse(Call("credhelper", [], line, {}))
    except CredhelperError as error:
        reply = jsonlines.refuse(error, None)
        answer_schema.validate(json.loads(reply.stdout))
        assert reply.stdout.count(b"\n") == 1
    else:
        check(request)
        request_schema.validate(json.loads(line))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    document=st.fixed_dictionaries(
        {"action": st.sampled_from(["get", "reject", "list", "store"]) | JSON},
        optional={
            "version": st.just(1) | JSON,
            "service": st.sampled_from([OURS, "https://evil.test/x", "ica.example"]) | JSON,
            "profile": st.text(max_size=5) | JSON,
            "username": st.text(max_size=5) | JSON,
            "min_ttl": st.integers(-5, 400_000_000) | JSON,
            "token": st.text(max_size=5) | JSON,
            "colour": JSON,
        },
    )
)
def test_what_is_taken_is_by_the_schema(document: dict[str, Any], request_schema: Any) -> None:
    try:
        line = json.dumps(document, allow_nan=False).encode()
    except ValueError:
        assume(False)
    try:
        request = jsonlines.parse(Call("credhelper", ["--profile", "p"], line, {}))
    except CredhelperError:
        return
    check(request)
    request_schema.validate(document)


@given(STDIN.filter(lambda data: b"\n" not in data))
def test_no_other_host_reaches_ours(host: bytes) -> None:
    assume(host.lower() not in (b"ica.example", b"ica.example:443"))
    asked = {
        git: b"protocol=https\nhost=" + host + b"\n",
        docker: b"https://" + host,
    }
    for module, data in asked.items():
        try:
            request = module.parse(Call("credhelper", ["get"], data, {}))
        except CredhelperError:
            continue
        if module is docker and host.lower().split(b"/")[0].rstrip(b" \t") in (
            b"ica.example",
            b"ica.example:443",
        ):
            continue
        assert request.service is not None
        assert OURS not in request.service.prefixes()


def credential(token: str, username: str = "me") -> Credential:
    return Credential(Secret(token), 1800000000, username=username, profile="p", url=OURS)


@given(TOKENS, TOKENS, st.booleans())
def test_gits_answer_has_its_own_keys_and_no_others(
    token: str, username: str, bearer: bool
) -> None:
    request = Request("get", echo={"authtype": "Bearer"} if bearer else {})
    said = git.render(request, credential(token, username)).stdout
    assert said.endswith(b"\n")
    lines = [line.partition("=")[::2] for line in said.decode().split("\n")[:-1]]
    if bearer:
        assert lines == [
            ("capability[]", "authtype"),
            ("authtype", "Bearer"),
            ("credential", token),
            ("ephemeral", "1"),
            ("password_expiry_utc", "1800000000"),
        ]
    else:
        assert lines == [
            ("username", username),
            ("password", token),
            ("password_expiry_utc", "1800000000"),
        ]
    assert len(said.decode().splitlines()) == len(lines)


@given(TOKENS, st.sampled_from(get.FORMATS))
def test_every_shape_holds_the_token_and_no_line_of_its_making(token: str, form: str) -> None:
    request = get.parse(Call("credhelper", ["ica.example", "--format", form], b"", {}))
    try:
        said = get.render(request, credential(token)).stdout.decode()
    except CredhelperError:
        assert form in ("netrc", "dotenv")
        return
    assert said.endswith("\n")
    starts = {
        "token": [""],
        "json": ['{"version":1,"token":"'],
        "header": ["Authorization: Bearer "],
        "curl": ['header = "Authorization: Bearer '],
        "netrc": ["machine ica.example", "login me", "password "],
        "env": [
            "export ICA_ACCESS_TOKEN=",
            "export ICA_SERVER_URL=ica.example",
            "export ICA_BASE_URL=https://ica.example",
        ],
        "dotenv": [
            "ICA_ACCESS_TOKEN=",
            "ICA_SERVER_URL=ica.example",
            "ICA_BASE_URL=https://ica.example",
        ],
    }[form]
    lines = said.splitlines()
    assert len(lines) == len(starts)
    assert all(line.startswith(start) for line, start in zip(lines, starts, strict=True))


@given(st.text(st.characters()), st.text(st.characters()))
def test_json_answers_are_one_line_of_the_members_they_should_have(token: str, name: str) -> None:
    asked = Request("get", echo={"server": name})
    for module, size in ((docker, 3), (jsonlines, 6)):
        said = module.render(asked, credential(token, name)).stdout
        assert said.isascii()
        assert said.count(b"\n") == 1
        assert len(json.loads(said)) == size


@given(MESSAGES, st.one_of(st.none(), MESSAGES), st.sampled_from(sorted(protocols.PROTOCOLS)))
def test_an_error_never_looks_like_a_credential(message: str, hint: str | None, name: str) -> None:
    if name not in ("git", "get", "docker", "json"):
        return
    reply = protocols.load(name).refuse(CredhelperError(message, hint), None)
    assert reply.stdout.count(b"\n") == (1 if name in ("docker", "json") else 0)
    told = {"git": 1 + bool(hint), "get": 1 + bool(hint), "docker": bool(hint), "json": 0}
    assert reply.stderr.count(b"\n") == told[name]
    assert reply.status == (0 if name == "json" else 1)
