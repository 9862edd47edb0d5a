"""The facts of Illumina's documents hold together, and what departs from them is seen."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

from tests.support import swagger
from tests.support.swagger import Asked, Call, Told

CALLS = {call.name: call for call in swagger.calls()}
V1, V2 = CALLS["POST /v1/tokens"], CALLS["POST /ica/rest/api/tokens"]
DETAILS, REVOKE = CALLS["GET /v1/tokens/details"], CALLS["DELETE /v1/tokens"]
PROJECTS = CALLS["GET /ica/rest/api/projects"]
JSON = ("Content-Type", "application/json")
DATA = ("/ica/rest/api/projects/1/data/2", "/ica/rest/api/projects/{projectId}/data/{dataId}")


def referred(kinds: Iterator[str], call: Call) -> set[str]:
    found: set[str] = set()
    waiting = list(kinds)
    while waiting:
        word = re.sub(r"[\[\]{}]", "", waiting.pop()).partition(" ")[0]
        if word[:1].isupper() and word not in found:
            found.add(word)
            waiting += call.schemas[word].values()
    return found


def test_every_schema_is_there_and_is_used() -> None:
    used: dict[int, set[str]] = {}
    checked: set[tuple[int, str]] = set()
    for call in CALLS.values():
        kinds = (*call.answers.values(), *call.query.values(), *call.header.values(), call.body)
        found = referred(iter(kinds), call)
        used.setdefault(id(call.schemas), set()).update(found)
        for kind in {one for one in kinds if one} - {
            kind for at, kind in checked if at == id(call.schemas)
        }:
            document = swagger.document(call, kind)
            # The same types stand in each document of an API: once is enough.
            if any(at == id(call.schemas) for at, _ in checked):
                del document["$defs"]
            Draft202012Validator.check_schema(document)
            checked.add((id(call.schemas), kind))
    for call in CALLS.values():
        assert set(call.schemas) == used[id(call.schemas)]


def test_a_path_is_one_call_or_none() -> None:
    known = list(CALLS.values())
    for method, path, name in (
        ("POST", "/v1/tokens?cid=1", "/v1/tokens"),
        ("GET", "/v1/folders/fol.1", "/v1/folders/{folderId}"),
        ("POST", f"{DATA[0]}:createTemporaryCredentials", f"{DATA[1]}:createTemporaryCredentials"),
        ("GET", *DATA),
    ):
        call = swagger.call_of(known, method, path)
        assert call is not None
        assert call.name.removeprefix(f"{method} ") == name
    for method, path in (
        ("PUT", "/v1/tokens"),
        ("GET", "/v1/folders/a/b"),
        ("GET", "/v1/token"),
        ("GET", "/protected"),
    ):
        assert swagger.call_of(known, method, path) is None


SAID = Told(201, [JSON], b'{"access_token": "t", "token_type": "Bearer"}')
NO = Told(400, [JSON], b'{"code": "c", "message": "m", "details": [1, "2", null]}')
PROBLEM = {
    "type": "about:blank",
    "title": "t",
    "status": 400,
    "parameters": {"a": "b"},
    "timestamp": "2027-01-15T08:00:00Z",
}


def problem(**changed: object) -> Told:
    members = {name: value for name, value in (PROBLEM | changed).items() if value != "absent"}
    return Told(400, [("Content-Type", "application/problem+json")], json.dumps(members).encode())


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (V1, SAID),
        (V1, NO),
        (V1, replace(SAID, body=b"{}")),
        (V1, replace(SAID, headers=[("content-type", "application/json; charset=utf-8")])),
        (DETAILS, Told(401, [("Date", "x"), ("WWW-Authenticate", "Bearer")])),
        (REVOKE, Told(204, [])),
        (V2, problem(id="6f0a4d3c-93d9-4a57-8b2b-2f0f5b0c1a77", detail="d", instance="urn:x:y")),
    ],
)
def test_an_answer_as_documented_has_no_flaw(call: Call, told: Told) -> None:
    assert swagger.flaws_of_answer(call, told) == []


@pytest.mark.parametrize(
    ("call", "told", "flaw"),
    [
        (V1, replace(SAID, status=200), "were unexpected"),
        (V1, replace(SAID, body=b""), "not JSON"),
        (V1, replace(SAID, body=b'{"access_token": null}'), "None is not of type 'string'"),
        (V1, replace(SAID, body=b'{"expires": 1}'), "'expires' was unexpected"),
        (V1, replace(SAID, body=b"[]"), "is not of type 'object'"),
        (V1, replace(SAID, headers=[]), "type is ''"),
        (V1, replace(SAID, headers=[("Content-Type", "text/json")]), "text/json"),
        (V1, replace(SAID, headers=[JSON, ("X-More", "1")]), "header x-more"),
        (V1, replace(NO, headers=[("Content-Type", "application/problem+json")]), "problem+json"),
        (DETAILS, replace(NO, status=401), "none is documented"),
        (REVOKE, replace(SAID, status=204), "none is documented"),
        (V2, problem(timestamp="absent"), "'timestamp' is a required property"),
        (V2, problem(timestamp="2027-01-15 08:00"), "is not a 'date-time'"),
        (V2, problem(timestamp="2027-01-15T08:00:00"), "is not a 'date-time'"),
        (V2, problem(timestamp="15T"), "is not a 'date-time'"),
        (V2, problem(instance="/ica/rest/api/tokens"), "is not a 'uri'"),
        (V2, problem(id="1234"), "is not a 'uuid'"),
        (V2, problem(status="400"), "is not of type 'integer'"),
        (V2, problem(status=1 << 31), "is greater than the maximum"),
        (V2, problem(parameters={"a": 1}), "body/parameters/a"),
    ],
)  # fmt: skip
def test_an_answer_that_departs_is_seen(call: Call, told: Told, flaw: str) -> None:
    (found,) = swagger.flaws_of_answer(call, told)
    assert flaw in found


def test_a_status_that_is_not_documented_is_seen() -> None:
    call = replace(REVOKE, answers={"204": ""})
    assert swagger.flaws_of_answer(call, NO) == ["the status 400 is not documented"]


PLAIN = [("Host", "x"), ("Accept", "application/json")]
BEARER = ("Authorization", "Bearer a.b.c")
CREATE = Asked(
    "POST", "/v1/tokens?scopes=A,B&returnSessionToken=true", [*PLAIN, ("X-API-Key", "k")]
)
END = Asked("DELETE", "/v1/tokens", [*PLAIN, BEARER, JSON], b'{"access_token": "t"}')
LIST = Asked(
    "GET",
    "/ica/rest/api/projects?includeHiddenProjects=true&userTags=a&userTags=b",
    [BEARER, ("Accept", "application/vnd.illumina.v3+json, application/problem+json")],
)


@pytest.mark.parametrize(
    ("call", "asked"),
    [
        (V1, CREATE),
        (V1, replace(CREATE, headers=[*PLAIN, ("Authorization", "Basic eDp5")])),
        (V1, replace(CREATE, target="/v1/tokens?api_key=k", headers=PLAIN)),
        (REVOKE, END),
        (REVOKE, Asked("DELETE", "/v1/tokens", [*PLAIN, BEARER])),
        (PROJECTS, LIST),
    ],
)
def test_a_request_as_documented_has_no_flaw(call: Call, asked: Asked) -> None:
    assert swagger.flaws_of_request(call, asked) == []


@pytest.mark.parametrize(
    ("call", "asked", "flaw"),
    [
        (V1, replace(CREATE, target="/v1/tokens?cwid=1&tenant=1"), "parameter tenant"),
        (V1, replace(CREATE, target="/v1/tokens?returnSessionToken=True"), "not of type 'boolean'"),
        (V1, replace(CREATE, target="/v1/tokens?scopes=A&scopes=B"), "comes twice"),
        (V1, replace(CREATE, target="/v1/tokens?cid=A&cid=B"), "comes twice"),
        (V1, replace(CREATE, headers=[*CREATE.headers, ("X-Cid", "1")]), "header x-cid"),
        (V1, replace(CREATE, headers=[*CREATE.headers, JSON]), "empty body"),
        (V1, replace(CREATE, body=b"{}"), "none is documented"),
        (V1, replace(CREATE, headers=CREATE.headers[2:]), "application/json is not accepted"),
        (V1, replace(CREATE, headers=PLAIN), "authorised by nothing"),
        (V1, replace(CREATE, headers=[*PLAIN, BEARER]), "authorised by JWT"),
        (V1, replace(CREATE, headers=[*CREATE.headers, BEARER]), "X-API-Key and JWT"),
        (V1, replace(CREATE, headers=[*PLAIN, ("Authorization", "Basic x:y")]), "not base64"),
        (V1, replace(CREATE, headers=[*PLAIN, ("Authorization", "APIKey k")]), "by APIKey"),
        (V1, replace(CREATE, headers=[*CREATE.headers, ("HOST", "y")]), "comes twice"),
        (REVOKE, replace(END, body=b'{"token": "t"}'), "'token' was unexpected"),
        (REVOKE, replace(END, body=b"t"), "not JSON"),
        (REVOKE, replace(END, headers=[*PLAIN, BEARER]), "type is ''"),
        (PROJECTS, replace(LIST, target="/ica/rest/api/projects?cid=1"), "parameter cid"),
        (PROJECTS, replace(LIST, headers=LIST.headers[:1]), "is not accepted"),
    ],
)  # fmt: skip
def test_a_request_that_departs_is_seen(call: Call, asked: Asked, flaw: str) -> None:
    assert any(flaw in found for found in swagger.flaws_of_request(call, asked))
