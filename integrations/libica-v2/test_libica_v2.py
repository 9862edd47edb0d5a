"""The real v2 SDK: as the judge of the sandbox, and with tokens that credhelper hands out."""

from __future__ import annotations

import json
import subprocess
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from integrations.wired import Wired
from tests.support.programs import command
from tests.support.sandboxes import RunningSandbox

HERE = Path(__file__).parent
V2 = "https://ica.illumina.com"


def pstoken_of(sandbox: RunningSandbox) -> str:
    request = urllib.request.Request(
        f"{sandbox.url}/v1/tokens?returnSessionToken=true",
        method="POST",
        headers={"X-API-Key": sandbox.api_key},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return str(json.load(answer)["access_token"])


@pytest.fixture
def sandbox(wire: Callable[..., Wired]) -> RunningSandbox:
    return wire().sandbox


@pytest.fixture
def told(client: Callable[[str], str], sandbox: RunningSandbox) -> dict[str, Any]:
    """What the SDK made of the whole dialogue."""
    python = client("libica-v2")
    line = {
        "url": sandbox.url,
        "api_key": sandbox.api_key,
        "username": sandbox.username,
        "password": sandbox.password,
        "pstoken": pstoken_of(sandbox),
    }
    ended = subprocess.run(
        [python, "-I", HERE / "dialogue.py"],
        input=json.dumps(line),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def test_the_sdk_is_content_with_the_sandbox(told: dict[str, Any], sandbox: RunningSandbox) -> None:
    assert told["key"] == [200, "application/vnd.illumina.v3+json", "ica"]
    assert told["password"] == [200, "acme"]
    assert told["pstoken"] == [200, "ica"]
    assert told["refresh"] == [200, True]
    assert told["projects"] == ["Alpha", "Beta"]
    assert told["found"] == ["Beta"]
    uuid.UUID(told["project"])
    media = "application/problem+json"
    bad = {"status": [400, 400], "media": media, "title": "Bad Request"}
    assert told["refresh_of_a_keys"] == bad
    for step in ("refresh_of_nothing", "wrong_key", "projects_of_nobody"):
        unauthorized = {"status": [401, 401], "media": media, "title": "Unauthorized"}
        assert told[step] == unauthorized, step
    assert told["aws"] == ["sandbox-bucket", "volume/fol.alpha/", None]
    assert told["rclone"] == ["s3", "sandbox-bucket/volume/fol.alpha/", True]
    assert told["no_data"] == {"status": [404, 404], "media": media, "title": "Not Found"}
    counted = sandbox.stats()
    del counted["requests"]
    made = {name: count for name, count in counted.items() if count}
    # One of those that were created is the psToken.
    assert made == {"created": 3, "minted": 1, "refreshed": 1, "exchanged": 2}


def test_the_sdk_lists_projects_with_one_token(
    client: Callable[[str], str], wire: Callable[..., Wired]
) -> None:
    python = client("libica-v2")
    wired = wire()
    configure(wired)
    assert listing(wired, python, "3", "0") == ["Alpha", "Beta"] * 3
    assert listing(wired, python, "1", "0") == ["Alpha", "Beta"]
    assert wired.counted() == (1, 0)


def test_a_token_that_expires_meanwhile_is_renewed_before_the_api_has_to_refuse_it(
    client: Callable[[str], str], wire: Callable[..., Wired]
) -> None:
    python = client("libica-v2")
    wired = wire("--token-lifetime", "5")
    configure(wired)
    assert len(listing(wired, python, "10", "0.8")) == 20
    created, _ = wired.counted()
    assert created >= 2


def test_wrapica_lists_them_with_the_token_that_exec_hands_it(
    client: Callable[[str], str], wire: Callable[..., Wired]
) -> None:
    python = client("wrapica")
    wired = wire()
    configure(wired)
    script = str(HERE / "with_wrapica.py")
    outcome = wired.run(*command("credhelper"), "exec", "--", python, "-I", script)
    assert (outcome.status, outcome.stdout) == (0, b"Alpha\nBeta\n"), outcome
    assert wired.counted() == (1, 0)


def test_wrapica_goes_on_with_a_configuration_that_renews_itself(
    client: Callable[[str], str], wire: Callable[..., Wired]
) -> None:
    python = client("wrapica")
    wired = wire("--token-lifetime", "5")
    configure(wired)
    script = str(HERE / "with_wrapica_renewed.py")
    outcome = wired.run(python, script, "10", "0.8")
    assert (outcome.status, outcome.told) == (0, ""), outcome
    assert outcome.stdout == b"Alpha\nBeta\n" * 10
    created, _ = wired.counted()
    assert created >= 2


def configure(wired: Wired) -> None:
    wired.configure(HERE / "credhelper.toml", {}, upstream=V2)
    wired.place(HERE / "with_libica.py", "with_libica.py", {})


def listing(wired: Wired, python: str, *words: str) -> list[str]:
    """Run the script that users are shown, and return the names that it printed."""
    script = str(wired.world.home / "with_libica.py")
    outcome = wired.run(python, script, *words)
    assert (outcome.status, outcome.told) == (0, ""), outcome
    return outcome.stdout.decode().split("\n")[:-1]


def test_a_configuration_keeps_what_it_promises(
    client: Callable[[str], str], wire: Callable[..., Wired]
) -> None:
    python = client("libica-v2")
    wired = wire()
    configure(wired)
    outcome = wired.run(python, str(HERE / "promises.py"))
    assert (outcome.status, outcome.told) == (0, ""), outcome
    told = json.loads(outcome.stdout)
    assert told == {
        "host": f"{wired.sandbox.url}/ica/rest",
        "projects": ["Alpha", "Beta"],
        "own retries": 7,
        "the same token": True,
        "another after a reject": True,
        "in a deep copy": True,
        "a token of one's own": "AttributeError",
        "a strange host": "UnknownServiceError",
        "a host that turns strange": "UnknownServiceError",
    }
    assert wired.counted() == (2, 0)
