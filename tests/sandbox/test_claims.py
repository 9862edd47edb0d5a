"""What the sandbox's JWTs claim, held against tokens that people have decoded in public."""

from __future__ import annotations

import base64
import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from credhelper.sandbox.server import Sandbox

Ask = Callable[..., Any]

FACTS = tomllib.loads((Path(__file__).parent / "facts/tokens.toml").read_text())
BEYOND = FACTS.pop("beyond")
PATHS = {"v1": "/v1/tokens", "v2": "/ica/rest/api/tokens"}
WAYS = ("key", "password", "pstoken")
EXACT = ("iss", "aud", "azp", "gty")


def claims(jwt: str) -> dict[str, Any]:
    part = jwt.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def decoded(tid: str) -> str:
    """Read a tenant as UMCCR's plugins do: in base64 with the padding that it lacks."""
    assert "=" not in tid
    return base64.b64decode(tid + "=" * (-len(tid) % 4), validate=True).decode()


def shape(name: str, value: Any) -> Any:
    """Return what two examples of a claim have in common."""
    if name in EXACT:
        return value
    if name == "acl":
        return [each.partition(":")[0] for each in value]
    if name == "mem":
        numbers = re.compile(r"[0-9]+(,[0-9]+)*")
        return {
            each.partition(":")[0]: "numbers" if numbers.fullmatch(roles) else roles
            for each, roles in value.items()
        }
    if name == "tid":
        parts = re.fullmatch(r"[a-z]+-[a-z0-9]+-platform:[0-9]+:[0-9a-f-]{36}", decoded(value))
        return parts is not None
    if name == "scope":
        return re.fullmatch(r"[A-Z.]+(,[A-Z.]+)*", value) is not None
    return type(value)


@pytest.fixture
def made(sandbox: Sandbox, ask: Ask, session: str) -> Callable[[str, str, str], dict[str, Any]]:
    """Create a token of an API in one of the ways, and return its claims."""
    who: dict[str, dict[str, str]] = {
        "key": {"key": sandbox.api_key},
        "password": {"basic": f"{sandbox.username}:{sandbox.password}"},
        "pstoken": {"bearer": session},
    }

    def made(api: str, query: str, way: str) -> dict[str, Any]:
        told = ask("POST", f"{PATHS[api]}?{query}", **who[way]).json
        return claims(told["access_token" if api == "v1" else "token"])

    return made


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("example", FACTS)
def test_a_token_claims_what_decoded_ones_do(
    made: Callable[..., dict[str, Any]], example: str, way: str
) -> None:
    fact = FACTS[example]
    expected = {name: shape(name, value) for name, value in fact["claims"].items()}
    if way != "key":
        del expected["gty"]
    found = made(fact["api"], fact.get("query", ""), way)
    beyond = found.keys() - expected.keys()
    assert {name: shape(name, found[name]) for name in found.keys() - beyond} == expected
    assert beyond <= BEYOND.keys()
    assert ("session" in beyond) is (way == "pstoken")


@pytest.mark.parametrize("basic", ["KEY", "KEY:", ":KEY", "anybody:KEY"])
def test_a_key_in_basic_made_it_too(sandbox: Sandbox, ask: Ask, basic: str) -> None:
    token = ask("POST", PATHS["v1"], basic=basic.replace("KEY", sandbox.api_key)).token
    assert claims(token)["gty"] == "api_key"


def test_a_key_in_the_query_made_it_too(sandbox: Sandbox, ask: Ask) -> None:
    token = ask("POST", f"{PATHS['v1']}?api_key={sandbox.api_key}").token
    assert claims(token)["gty"] == "api_key"


def test_a_workgroup_that_is_asked_for_is_the_only_one(made: Callable[..., dict[str, Any]]) -> None:
    found = made("v1", "cwid=wg-1", "key")
    assert found["acl"] == [f"tid:{found['tid']}", f"uid:{found['sub']}", "wid:wg-1"]
    assert list(found["mem"]) == ["wid:wg-1", f"uid:{found['sub']}"]


def test_the_tenant_of_a_token_is_that_of_the_projects(
    sandbox: Sandbox, ask: Ask, made: Callable[..., dict[str, Any]]
) -> None:
    projects = ask("GET", "/ica/rest/api/projects", key=sandbox.api_key).json["items"]
    tenant = decoded(made("v2", "", "key")["tid"]).rpartition(":")[2]
    assert {one["tenantId"] for one in projects} == {tenant}


def test_a_jwt_that_was_refreshed_is_of_the_same_kind(sandbox: Sandbox, ask: Ask) -> None:
    first = ask("POST", PATHS["v2"], basic=f"{sandbox.username}:{sandbox.password}").json["token"]
    again = ask("POST", f"{PATHS['v2']}:refresh", bearer=first).json["token"]
    one, other = claims(first), claims(again)
    assert one.keys() == other.keys()
    assert {name for name in one if one[name] != other[name]} <= {"jti", "iat", "nbf", "exp"}
