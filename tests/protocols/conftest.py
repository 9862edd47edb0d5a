"""Dialogues without an edge: `talk` joins a protocol's pure functions to a small broker."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING

import jsonschema
import pytest

from credhelper import protocols
from credhelper.core import service
from credhelper.core.model import AWS, JWT, Call, Credential, Listing, Reply, Request, Secret
from credhelper.errors import (
    ConfigError,
    CredhelperError,
    LifetimeError,
    UnknownServiceError,
)

if TYPE_CHECKING:
    from credhelper.protocols import Protocol

TOKEN = "eyJh.eyJz.c2ln"
EXPIRES_AT = 1800000000
AWS_KEYS = (
    '{"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"se/cr+et","SessionToken":"to/ke+n==",'
    '"Region":"ap-southeast-2","Bucket":"bucket","Prefix":"volume/it\'s here/"}'
)
# service -> user name, profile
CONFIGURED = {
    "https://ica.example": ("ica-user", "main"),
    "https://git.example/team": ("git-user", "team"),
    "http://127.0.0.1:8080": ("local", "sandbox"),
}

Talk = Callable[..., Reply]


@pytest.fixture(autouse=True)
def in_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let local time be UTC: a transcript reads the same everywhere."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def schema(direction: str) -> jsonschema.Draft202012Validator:
    name = f"schema/json-{direction}.schema.json"
    document = json.loads((files("credhelper.protocols") / name).read_text())
    jsonschema.Draft202012Validator.check_schema(document)
    return jsonschema.Draft202012Validator(
        document, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )


ANSWERS = schema("answer")
REQUESTS = schema("request")


def hold_to_schema(stdout: bytes) -> list[dict[str, object]]:
    """Check every line of the json protocol's output, and return the answers."""
    assert stdout.isascii()
    assert stdout.endswith(b"\n") or not stdout
    answers = [json.loads(line) for line in stdout.split(b"\n")[:-1]]
    for answer in answers:
        ANSWERS.validate(answer)
    return answers


def credential(request: Request, error: CredhelperError | None = None) -> Credential:
    """Answer a `get` as a broker would, from CONFIGURED."""
    if error is not None:
        raise error
    wanted = request.service
    if wanted is None:
        names = [name for name, (_, p) in CONFIGURED.items() if p == (request.profile or "main")]
    else:
        names = [name for name in wanted.prefixes() if name in CONFIGURED]
        if not names and request.echo.get("any_scheme") and service.is_loopback(wanted.host):
            plain = service.build("http", wanted.netloc, wanted.path)
            names = [name for name in plain.prefixes() if name in CONFIGURED]
    if not names:
        raise UnknownServiceError(f"no profile covers {wanted or request.profile}")
    username, profile = CONFIGURED[names[0]]
    if request.username not in (None, username):
        raise UnknownServiceError(f"no profile for {wanted} has that user name")
    if request.profile not in (None, profile):
        raise ConfigError(f"profile {request.profile} does not cover {wanted}")
    if request.min_ttl > 3600:
        raise LifetimeError("tokens live 3600 seconds")
    found = service.parse(names[0])
    aws = request.wants != "token"
    return Credential(
        Secret(AWS_KEYS if aws else TOKEN),
        EXPIRES_AT,
        username=username,
        profile=profile,
        kind=AWS if aws else JWT,
        url=found.origin,
        service=found,
    )


def answer_to(
    request: Request, error: CredhelperError | None
) -> Credential | Listing | bool | None:
    if request.action == "get":
        return credential(request, error)
    if request.action == "list":
        return Listing([(name, user, profile) for name, (user, profile) in CONFIGURED.items()])
    if request.action == "erase":
        if request.rejected is None:
            return False
        return credential(request, error).token == request.rejected
    return None


def one(
    module: Protocol,
    program: str,
    arguments: Sequence[str],
    data: bytes,
    environ: Mapping[str, str],
    error: CredhelperError | None,
    given: dict[str, Secret] | None = None,
) -> Reply:
    request = None
    call = Call(program, arguments, data, environ, given)
    try:
        request = module.parse(call)
        answer = answer_to(request, error)
        if isinstance(answer, Credential):
            call.given[str(request.service)] = answer.token
        reply = module.render(request, answer)
    except CredhelperError as problem:
        reply = module.refuse(problem, request)
    assert isinstance(reply, Reply)
    return reply


def dialogue(
    protocol: str,
    arguments: Sequence[str],
    stdin: bytes = b"",
    *,
    program: str = "credhelper",
    environ: Mapping[str, str] | None = None,
    error: CredhelperError | None = None,
) -> Reply:
    """Hand `stdin` over as the edge would, and return everything that was said."""
    module = protocols.load(protocol)
    what = module.reads(arguments)
    if what == "lines":
        pieces = stdin.split(b"\n")
        if not pieces[-1]:
            pieces.pop()
        replies = []
        given: dict[str, Secret] = {}
        for piece in pieces:
            replies.append(one(module, program, arguments, piece, environ or {}, error, given))
            if replies[-1].last:
                break
        whole = Reply(
            getattr(module, "GREETING", b"") + b"".join(reply.stdout for reply in replies),
            b"".join(reply.stderr for reply in replies),
            max((reply.status for reply in replies), default=0),
        )
    else:
        if what == "paragraph":
            head, blank, _ = (b"\n" + stdin).partition(b"\n\n")
            stdin = head[1:] + (b"\n" if blank else b"")
        data = b"" if what == "nothing" else stdin
        whole = one(module, program, arguments, data, environ or {}, error)
    if protocol == "json":
        hold_to_schema(whole.stdout)
    assert whole.status == 0 or protocol == "docker" or not whole.stdout
    return whole


@pytest.fixture(scope="session")
def talk() -> Talk:
    """One dialogue with one protocol; every answer of the json protocol is held to the schema."""
    return dialogue


@pytest.fixture(scope="session")
def refusal() -> Callable[[Protocol, Sequence[str], bytes], CredhelperError]:
    """The error that `parse` raises, for those that have to."""

    def raised(module: Protocol, arguments: Sequence[str], stdin: bytes) -> CredhelperError:
        with pytest.raises(CredhelperError) as caught:
            module.parse(Call("credhelper", arguments, stdin, {}))
        return caught.value

    return raised


@pytest.fixture(scope="session")
def request_schema() -> jsonschema.Draft202012Validator:
    """What the json protocol takes, as shipped."""
    return REQUESTS


@pytest.fixture(scope="session")
def answer_schema() -> jsonschema.Draft202012Validator:
    """What the json protocol gives, as shipped."""
    return ANSWERS
