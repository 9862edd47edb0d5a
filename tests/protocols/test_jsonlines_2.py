"""json, version 2: what an agent is asked, and what it answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credhelper.broker import remote
from credhelper.core import service
from credhelper.core.model import AWS, JWT, Credential, Request, Secret
from credhelper.errors import RequestError, UnknownServiceError, UnsupportedActionError
from credhelper.protocols import jsonlines
from tests.protocols.conftest import AWS_KEYS, EXPIRES_AT, TOKEN

GET = {"version": 2, "action": "get", "service": "https://ica.example"}
NAMES = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=20)
SECONDS = st.integers(0, 315_360_000)
SERVICES = st.sampled_from(
    ["https://ica.example", "http://127.0.0.1:8080/a", "https://[::1]/b%20c"]
)


def test_a_request_may_name_nothing() -> None:
    request = jsonlines.read({"version": 2, "action": "get"})
    assert (request.service, request.profile, request.margin, request.wants) == (
        None,
        None,
        60,
        "token",
    )
    assert jsonlines.read({"version": 2, "action": "get"}, "main").profile == "main"


def test_list_is_refused() -> None:
    with pytest.raises(UnsupportedActionError):
        jsonlines.read({"version": 2, "action": "list"})


@pytest.mark.parametrize("margin", [0, 5, 60, 1200])
def test_the_margin_is_the_callers_own(margin: int) -> None:
    assert jsonlines.read({**GET, "margin": margin}).margin == margin
    assert jsonlines.read({**GET, "margin": margin, "refresh_before": 300}).margin == max(
        margin, 300
    )
    assert jsonlines.read({**GET, "version": 1, "margin": margin}).margin == 60


@pytest.mark.parametrize(
    ("member", "values"),
    [
        ("margin", [-1, "60", 1.5, True, None, 315_360_001]),
        ("timeout", [-1, "60", 1.5, True, None, 315_360_001]),
        ("wants", ["session", "", None, 1, ["aws"]]),
        ("any_scheme", [0, 1, "true", None]),
        ("sure", [0, 1, "true", None]),
    ],
)
def test_what_version_2_adds_is_held_to_its_kind(member: str, values: list[object]) -> None:
    for value in values:
        with pytest.raises(RequestError, match=member):
            jsonlines.read({**GET, member: value})
        # To version 1 it is a member like any that it does not know.
        jsonlines.read({**GET, "version": 1, member: value})


def test_the_answer_has_the_version_of_the_request(talk: Any) -> None:
    lines = [GET, {**GET, "version": 1}, {**GET, "service": "https://nobody.example"}]
    data = "\n".join(map(json.dumps, lines)).encode()
    answers = [json.loads(line) for line in talk("json", [], data).stdout.splitlines()]
    assert [answer["version"] for answer in answers] == [2, 1, 2]
    assert "kind" in answers[0]
    assert "kind" not in answers[1]
    assert answers[2]["error"]["code"] == "unknown_service"


def test_aws_keys_come_as_an_object(talk: Any, answer_schema: Any) -> None:
    data = json.dumps({**GET, "wants": "aws"}).encode()
    answer = json.loads(talk("json", [], data).stdout)
    answer_schema.validate(answer)
    assert answer["aws"] == json.loads(AWS_KEYS)
    assert (answer["kind"], "token" in answer) == ("aws", False)


@given(
    service_text=st.none() | SERVICES,
    profile=st.none() | NAMES,
    username=st.none() | NAMES,
    numbers=st.tuples(SECONDS, SECONDS, SECONDS),
    any_scheme=st.booleans(),
    wants=st.sampled_from(["token", "aws"]),
)
def test_who_asks_and_who_answers_agree_on_every_request(
    request_schema: Any,
    service_text: str | None,
    profile: str | None,
    username: str | None,
    numbers: tuple[int, int, int],
    any_scheme: bool,
    wants: Any,
) -> None:
    min_ttl, margin, timeout = numbers
    asked = Request(
        "get",
        service=service.parse(service_text) if service_text else None,
        profile=profile,
        username=username,
        min_ttl=min_ttl,
        margin=margin,
        timeout=timeout,
        echo={"any_scheme": "1"} if any_scheme else None,
        wants=wants,
    )
    line = remote.line("get", asked, profile)
    document = json.loads(line)
    request_schema.validate(document)
    read = jsonlines.read(document)
    assert bool(read.echo["any_scheme"]) is any_scheme
    for name in (
        "action",
        "service",
        "profile",
        "username",
        "min_ttl",
        "margin",
        "timeout",
        "wants",
    ):
        assert getattr(read, name) == getattr(asked, name), name


@given(
    token=st.text(st.characters(codec="utf-8"), min_size=1),
    names=st.tuples(NAMES, NAMES, NAMES),
    left=st.integers(0, 10**9),
    fresh=st.integers(-(10**6), 10**6),
    service_text=st.none() | SERVICES,
)
def test_who_asks_reads_the_credential_that_was_answered(
    answer_schema: Any,
    token: str,
    names: tuple[str, str, str],
    left: int,
    fresh: int,
    service_text: str | None,
) -> None:
    now = 1_790_000_000.5
    username, profile, project = names
    found = Credential(
        Secret(token),
        int(now) + left,
        username=username,
        profile=profile,
        kind=JWT,
        url="https://ica.example/v1",
        service=service.parse(service_text) if service_text else None,
        fresh_until=now + fresh,
        variables=("ICAV2", project),
    )
    request = Request("get", echo={"version": "2"})
    members = jsonlines.whole(found, clock=lambda: now)
    assert request.echo["version"] == members["version"]
    answer = json.loads("{" + ",".join(f'"{n}":{v}' for n, v in members.items()) + "}")
    answer_schema.validate(answer)
    # Another clock, an hour behind.
    read = remote.credential(answer, now - 3600)
    assert read.token == found.token
    assert read.expires_at == found.expires_at - 3600
    assert abs(read.fresh_until - (max(found.fresh_until, now) - 3600)) <= 1
    for name in ("username", "profile", "kind", "url", "service", "variables"):
        assert getattr(read, name) == getattr(found, name), name


def test_a_credential_of_aws_keys_comes_through() -> None:
    found = Credential(Secret(AWS_KEYS), EXPIRES_AT, username="u", profile="p", kind=AWS)
    answer = {name: json.loads(text) for name, text in jsonlines.whole(found).items()}
    read = remote.credential(answer, 0.0)
    assert json.loads(read.token.reveal()) == json.loads(AWS_KEYS)
    assert read.kind == AWS


@pytest.mark.parametrize("version", ["1", "2"])
def test_an_error_is_told_in_the_version_that_was_asked(version: str) -> None:
    reply = jsonlines.failure(UnknownServiceError(TOKEN[:3], "try"), version)
    assert json.loads(reply.stdout)["version"] == int(version)
