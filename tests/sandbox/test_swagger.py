"""What the sandbox answers, held against Illumina's own documents of the two APIs.

Each case is a request with the status that it meets. Together they reach every status that
docs/sandbox.md promises for a call of Illumina's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from credhelper.sandbox.server import Sandbox
from tests.support import swagger
from tests.support.swagger import Call, Told

Ask = Callable[..., Any]

CALLS = swagger.calls()
DOCUMENTED = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text()

V2 = "/ica/rest/api"
DATA = f"{V2}/projects/PROJECT/data"
KEYS = "?include=objectStoreAccess"
PAGE = b'{"access_token": "SESSION"}'
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
KEY: dict[str, Any] = {"key": "KEY"}
JWT: dict[str, Any] = {"bearer": "JWT"}
SESSION: dict[str, Any] = {"bearer": "SESSION"}
V2_JWT: dict[str, Any] = {"bearer": "V2_JWT"}
PASSWORD: dict[str, Any] = {"basic": "USER:PASSWORD"}
STRANGER: dict[str, Any] = {"bearer": "who.is.this"}

Case = tuple[str, str, dict[str, Any], int]


def body(token: str) -> dict[str, Any]:
    return {"body": {"access_token": token}}


CASES: list[Case] = [
    ("POST", "/v1/tokens", KEY, 201),
    ("POST", "/v1/tokens?returnSessionToken=true", KEY, 201),
    ("POST", "/v1/tokens?returnSessionToken=false&cid=project-alpha&scopes=A,B", PASSWORD, 201),
    ("POST", "/v1/tokens", SESSION, 201),
    ("POST", "/v1/tokens?returnSessionToken=perhaps", KEY, 400),
    ("POST", "/v1/tokens", STRANGER, 401),
    ("POST", "/v1/tokens?cid=project-foreign", KEY, 403),
    ("GET", "/v1/tokens/details", JWT, 200),
    ("GET", "/v1/tokens/details", {"bearer": "WORKGROUP"}, 200),
    ("GET", "/v1/tokens/details", SESSION, 200),
    ("GET", "/v1/tokens/details", PASSWORD, 200),
    ("GET", "/v1/tokens/details", STRANGER, 401),
    ("POST", "/v1/tokens:refresh", SESSION | body("SESSION"), 201),
    ("POST", "/v1/tokens:refresh", JWT | body("SESSION"), 201),
    ("POST", "/v1/tokens:refresh", PASSWORD | body("SESSION"), 201),
    ("POST", "/v1/tokens:refresh", SESSION, 400),
    ("POST", "/v1/tokens:refresh", SESSION | body("nobody's"), 401),
    ("POST", "/v1/tokens:refresh", SESSION | {"body": PAGE, "headers": FORM}, 415),
    ("DELETE", "/v1/tokens", JWT | body("JWT"), 204),
    ("DELETE", "/v1/tokens", PASSWORD | body("SESSION"), 204),
    ("DELETE", "/v1/tokens", JWT, 400),
    ("DELETE", "/v1/tokens", STRANGER | body("JWT"), 401),
    ("DELETE", "/v1/tokens", JWT | {"body": PAGE, "headers": FORM}, 415),
    ("GET", "/v1/projects", JWT, 200),
    ("GET", "/v1/projects?pageToken=nobody's", JWT, 400),
    ("GET", "/v1/projects", STRANGER, 401),
    ("GET", "/v1/workgroups", SESSION, 200),
    ("GET", "/v1/workgroups", JWT, 401),
    ("GET", "/v1/health", {}, 200),
    ("POST", f"{V2}/tokens", KEY, 200),
    ("POST", f"{V2}/tokens?tenant=lab", PASSWORD, 200),
    ("POST", f"{V2}/tokens", SESSION, 200),
    ("POST", f"{V2}/tokens?tenant=a&tenant=b", KEY, 400),
    ("POST", f"{V2}/tokens", STRANGER, 401),
    ("POST", f"{V2}/tokens:refresh", V2_JWT, 200),
    ("POST", f"{V2}/tokens:refresh", {"bearer": "V2_KEY_JWT"}, 400),
    ("POST", f"{V2}/tokens:refresh", STRANGER, 401),
    ("GET", f"{V2}/projects", V2_JWT, 200),
    ("GET", f"{V2}/projects?search=alp&pageOffset=0&pageSize=1", KEY, 200),
    ("GET", f"{V2}/projects?includeHiddenProjects=true&pageSize=2", KEY, 200),
    ("GET", f"{V2}/projects?pageToken=nobody's", V2_JWT, 400),
    ("GET", f"{V2}/projects?includeHiddenProjects=perhaps", V2_JWT, 400),
    ("GET", f"{V2}/projects/PROJECT", V2_JWT, 200),
    ("GET", f"{V2}/projects/PROJECT", STRANGER, 401),
    ("GET", f"{V2}/projects/none", V2_JWT, 404),
    ("GET", f"{V2}/projects?pageSize=many", V2_JWT, 400),
    ("GET", f"{V2}/projects", STRANGER, 401),
    ("POST", f"{DATA}/fol.1:createTemporaryCredentials", V2_JWT, 200),
    (
        "POST",
        f"{DATA}/fil.1:createTemporaryCredentials",
        V2_JWT | {"body": {"credentialsFormat": "RCLONE", "readOnlyCredentials": True}},
        200,
    ),
    ("POST", f"{DATA}/fol.1:createTemporaryCredentials", V2_JWT | {"body": []}, 400),
    ("POST", f"{DATA}/fol.1:createTemporaryCredentials", STRANGER, 401),
    ("POST", f"{DATA}/fol.foreign:createTemporaryCredentials", V2_JWT, 403),
    ("POST", f"{DATA}/fol.missing:createTemporaryCredentials", V2_JWT, 404),
    (
        "POST",
        f"{DATA}/fol.1:createTemporaryCredentials",
        V2_JWT | {"body": b"{}", "headers": FORM},
        415,
    ),
]
CASES += [
    ("GET", DATA, V2_JWT, 200),
    ("GET", f"{DATA}?filePath=%2Fruns%2F&pageSize=2&pageToken=", KEY, 200),
    (
        "GET",
        f"{DATA}?filePath=%2FRUNS%2F42%2F&filePathMatchMode=FULL_CASE_INSENSITIVE&type=FOLDER",
        V2_JWT,
        200,
    ),
    ("GET", f"{DATA}?type=LINK", V2_JWT, 400),
    ("GET", DATA, STRANGER, 401),
    ("GET", DATA.replace("PROJECT", "nobodys"), V2_JWT, 404),
    ("POST", f"{DATA}/fol.1/folderUploadSessions", V2_JWT, 201),
    ("POST", f"{DATA}/a+b/folderUploadSessions", V2_JWT, 400),
    ("POST", f"{DATA}/fol.1/folderUploadSessions", STRANGER, 401),
    ("POST", f"{DATA}/fol.foreign/folderUploadSessions", V2_JWT, 403),
    ("POST", f"{DATA}/fol.missing/folderUploadSessions", V2_JWT, 404),
]
for kind in ("folder", "file"):
    at = f"/v1/{kind}s"
    CASES += [
        ("GET", f"{at}?volume.name=volume&path=/runs/*&pageSize=1", JWT, 200),
        ("GET", f"{at}?volume.name=volume", JWT, 200),
        ("GET", at, JWT, 400),
        ("GET", f"{at}?volume.name=volume&path=/runs/42/", STRANGER, 401),
        ("GET", f"{at}?volume.name=foreign", JWT, 403),
    ]
for kind in ("folder", "file", "volume"):
    at = f"/v1/{kind}s/"
    CASES += [
        (method, f"{at}{given}", sent, status)
        for method in ("GET", "PATCH")
        for given, sent, status in (
            (f"one{KEYS}", JWT, 200),
            ("one", JWT, 200),
            ("a+b", JWT, 400),
            ("one", STRANGER, 401),
            ("foreign", JWT, 403),
            ("missing", JWT, 404),
        )
    ]
    CASES.append(("PATCH", f"{at}one", JWT | {"body": b"{}", "headers": FORM}, 415))


@pytest.fixture
def meets(sandbox: Sandbox, ask: Ask) -> Callable[[str, str, dict[str, Any]], Told]:
    """Send one request, in which capitals stand for secrets, and return the answer."""

    def told(method: str, target: str, **how: Any) -> Any:
        return ask(method, target, **how).json

    password = {"basic": f"{sandbox.username}:{sandbox.password}"}
    by_key = {"key": sandbox.api_key}
    made = {
        "JWT": told("POST", "/v1/tokens", **by_key)["access_token"],
        "WORKGROUP": told("POST", "/v1/tokens?cwid=w-1", **by_key)["access_token"],
        "SESSION": told("POST", "/v1/tokens?returnSessionToken=true", **by_key)["access_token"],
        "V2_JWT": told("POST", f"{V2}/tokens", **password)["token"],
        "V2_KEY_JWT": told("POST", f"{V2}/tokens", **by_key)["token"],
        "KEY": sandbox.api_key,
        "USER:PASSWORD": password["basic"],
        "PROJECT": told("GET", f"{V2}/projects", **by_key)["items"][0]["id"],
    }

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: filled(each) for name, each in value.items()}
        return made.get(value, value) if isinstance(value, str) else value

    def meet(method: str, target: str, how: dict[str, Any]) -> Told:
        reply = ask(method, target.replace("PROJECT", made["PROJECT"]), **filled(how))
        return Told(reply.status, reply.headers.items(), reply.body)

    return meet


def call_of(method: str, target: str) -> Call:
    call = swagger.call_of(CALLS, method, target)
    assert call is not None, target
    return call


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case[0]} {case[1]} {case[3]}".replace("/ica/rest/api", "v2")
)
def test_an_answer_is_what_illuminas_document_says(meets: Callable[..., Told], case: Case) -> None:
    method, target, how, status = case
    told = meets(method, target, how)
    assert told.status == status
    assert swagger.flaws_of_answer(call_of(method, target), told) == []


def test_every_status_that_is_promised_is_among_the_cases() -> None:
    met = {(call_of(method, target).name, status) for method, target, _, status in CASES}
    promised = set()
    for row in re.findall(r"^\| `([A-Z]+) (/\S+)`(.*?)\|.*?\|(.*)\|$", DOCUMENTED, re.MULTILINE):
        method, path, more, statuses = row
        if not path.startswith(("/v1/", "/ica/")):
            continue
        kinds = [path, *(path.replace("folders", kind) for kind in re.findall("`(.+?)`", more))]
        for each in kinds:
            for status in re.findall(r"\b[2-5][0-9]{2}\b", statuses):
                promised.add((call_of(method, each).name, int(status)))
    assert len(promised) > 50
    assert promised - met == set()


ASKED = sorted({(method, target.partition("?")[0]) for method, target, _, _ in CASES})


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500, 503])
def test_an_error_that_a_fault_scripts_is_what_the_document_says_too(
    meets: Callable[..., Told], ask: Ask, status: int
) -> None:
    for method, path in ASKED:
        ask("POST", "/_sandbox/faults", body=[{"status": status, "path": path.split("PROJECT")[0]}])
        told = meets(method, path, {})
        assert told.status == status
        assert swagger.flaws_of_answer(call_of(method, path), told) == [], (method, path)


@pytest.mark.parametrize("path", ["/v1/tokens", "/v1/tokens:refresh", f"{V2}/tokens"])
def test_a_token_that_a_fault_makes_up_is_told_as_the_document_says(
    meets: Callable[..., Told], ask: Ask, path: str
) -> None:
    fault = {"access_token": "made-up", "status": 200 if path.startswith(V2) else 201}
    ask("POST", "/_sandbox/faults", body=[fault | {"path": path}])
    told = meets("POST", path, {})
    assert b"made-up" in told.body
    assert swagger.flaws_of_answer(call_of("POST", path), told) == []


def test_nothing_is_listed_as_beyond_that_the_sandbox_does_not_say(
    meets: Callable[..., Told],
) -> None:
    strict = swagger.calls(beyond=False)
    for one in swagger.beyond_documents():
        call = next(call for call in strict if call.name == one["call"])
        flaws = [
            flaw
            for method, target, how, _ in CASES
            if call_of(method, target).name == call.name
            for flaw in swagger.flaws_of_answer(call, meets(method, target, how))
        ]
        assert len(one["reason"]) > 40
        assert flaws
        assert all(f"'{one['member']}' was unexpected" in flaw for flaw in flaws)
