"""The real v1 SDK against a running sandbox."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integrations import clients

HERE = Path(__file__).parent
TENANT = "YXdzLXVzLXBsYXRmb3JtOjEwMDAwMDAxOjBkNWI3YTRlLTdjMGYtNWY0Yi05YTNlLTViMWYyYzZkOGU5MA"
ROOT = HERE.parents[1]
FROM_CHECKOUT = f"""
import sys, runpy
sys.path.insert(0, {str(ROOT)!r})
runpy.run_module("credhelper.sandbox", run_name="__main__", alter_sys=True)
"""


def sandbox_command() -> list[str]:
    """The installed sandbox where there is one, else the one of this checkout."""
    probe = "import importlib.util, sys; sys.exit(importlib.util.find_spec('credhelper') is None)"
    installed = subprocess.run([sys.executable, "-I", "-c", probe]).returncode == 0
    how = ["-m", "credhelper.sandbox"] if installed else ["-c", FROM_CHECKOUT]
    return [sys.executable, "-I", *how]


@pytest.fixture(scope="module")
def line() -> Iterator[Any]:
    for needed in ("jwt", "cryptography"):
        if importlib.util.find_spec(needed) is None:
            pytest.skip(f"the sandbox needs {needed}: pip install 'credhelper[sandbox]'")
    with subprocess.Popen(sandbox_command(), stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def told(line: Any) -> Any:
    """What the SDK made of the whole dialogue."""
    python = clients.place("libica")
    if python is None:
        clients.missing("libica", "libica 2.5.0 is not installed (make clients CLIENTS=libica)")
    ended = subprocess.run(
        [python, "-I", HERE / "dialogue.py"],
        input=json.dumps(line),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.fixture(autouse=True)
def _taken_down(told: Any, request: pytest.FixtureRequest) -> None:
    clients.take_down("libica", clients.version("libica"), request)


def error_of(answer: Any) -> tuple[int, str]:
    return answer["status"], json.loads(answer["body"])["code"]


def test_the_sdk_creates_a_jwt_with_all_nine_parameters(told: Any) -> None:
    assert told["create"] == [201, "Bearer", 2]


def test_the_sdk_gets_a_session_with_a_password_and_mints_from_it(told: Any) -> None:
    assert told["session"] == [201, 0]
    assert told["mint"] == [201, 2]


def test_the_sdk_understands_the_details(told: Any) -> None:
    assert told["details"] == {
        "uid": "user-sandbox",
        "name": "Sandbox User",
        "username": "sandbox@example.com",
        "current_workgroup": {
            "id": "workgroup-alpha",
            "name": "Alpha team",
            "description": "Workgroup Alpha team of the sandbox",
        },
        "tid": TENANT,
        "acls": ["cid:project-alpha", f"tid:{TENANT}", "wid:workgroup-alpha"],
        "domain": {"id": "domain-lab", "name": "lab"},
    }


def test_the_sdk_refreshes_a_session_and_nothing_else(told: Any) -> None:
    assert told["refresh"] == [201, True]
    for step in ("without_body", "with_null", "with_empty", "of_jwt"):
        assert error_of(told[f"refresh_{step}"]) == (400, "BadRequest")


def test_the_sdk_sees_projects_and_workgroups(told: Any) -> None:
    assert told["projects"] == ["project-alpha", "project-beta"]
    assert told["workgroups"] == ["workgroup-alpha"]


def test_the_sdk_is_refused_where_it_should_be(told: Any) -> None:
    assert error_of(told["wrong_key"]) == (401, "Unauthorized")
    assert error_of(told["forbidden"]) == (403, "Forbidden")


def test_the_sdk_revokes_a_jwt_and_a_session(told: Any) -> None:
    assert told["revoke"] == [204, None]
    assert told["details_of_revoked"] == {"status": 401, "body": ""}
    assert error_of(told["refresh_of_revoked"]) == (401, "Unauthorized")
    assert told["details_of_minted"]["status"] == 401


def test_the_sandbox_counted_what_the_sdk_did(told: Any, line: Any) -> None:
    with urllib.request.urlopen(line["url"] + "/_sandbox/stats", timeout=20) as answer:
        counted = json.load(answer)
    del counted["requests"]
    done = {name: count for name, count in counted.items() if count}
    assert done == {"created": 2, "minted": 1, "refreshed": 1, "revoked": 2, "details": 1}
