"""Headers in JSON, with the files beside this one, and callers of our own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.callers import Guarded
from integrations.headers.caller import ClaudeCode, HelperError, Restish

HERE = Path(__file__).parent
PLACEHOLDER = "mcp.example.org"
FILES = {"/mcp": b"{}", "/projects": b"[]"}
SECONDS = 6  # of a short-lived token: long enough for one request on a busy machine

Ask = Callable[[Guarded], int]


def claude_code(guarded: Guarded) -> int:
    return ClaudeCode(guarded, guarded.place("mcp.json", ".mcp.json")).connect("team")


def restish(guarded: Guarded) -> int:
    return Restish(guarded, guarded.place("apis.json", "apis.json")).get("team", "/projects")


@pytest.fixture
def start(guarded: Callable[..., Guarded]) -> Callable[..., Guarded]:
    return lambda *options: guarded(*options, folder=HERE, placeholder=PLACEHOLDER, files=FILES)


@pytest.mark.parametrize("ask", [claude_code, restish])
def test_two_requests_take_one_token(start: Callable[..., Guarded], ask: Ask) -> None:
    server = start()
    assert [ask(server) for _ in range(2)] == [200, 200]
    assert server.wired.counted() == (1, 0)
    assert {(visit.scheme, visit.admitted) for visit in server.gate.visits} == {("Bearer", True)}


@pytest.mark.parametrize("ask", [claude_code, restish])
def test_an_expired_token_is_renewed_by_the_next_request(
    start: Callable[..., Guarded], ask: Ask
) -> None:
    server = start("--token-lifetime", str(SECONDS))
    assert ask(server) == 200
    server.outlive()
    assert ask(server) == 200
    assert server.renewed_once()


def test_claude_code_shows_why_a_server_that_no_profile_names_gets_nothing(
    start: Callable[..., Guarded],
) -> None:
    server = start()
    server.host = server.host.replace("localhost", "127.0.0.1")
    with pytest.raises(HelperError, match="credhelper: error: no profile covers https://127"):
        claude_code(server)
    assert not server.gate.visits


def test_restish_leaves_a_request_that_no_profile_names_as_it_is(
    start: Callable[..., Guarded],
) -> None:
    server = start()
    server.host = server.host.replace("localhost", "127.0.0.1")
    assert restish(server) == 401
    assert [visit.scheme for visit in server.gate.visits] == [""]
    assert server.wired.counted() == (0, 0)


@pytest.mark.parametrize("tool", ["claude", "restish"])
def test_setup_wires_it_up_and_takes_it_back(start: Callable[..., Guarded], tool: str) -> None:
    server = start()
    home = server.wired.world.home
    service = f"https://{server.host}" + ("/mcp" if tool == "claude" else "")
    with server.wired.set_up(tool, "--service", service, "--name", "team", "--add-service"):
        if tool == "claude":
            assert ClaudeCode(server, home / ".claude.json").connect("team") == 200
        else:
            apis = home / ".config/restish/apis.json"
            assert Restish(server, apis).get("team", "/projects") == 200
    assert server.wired.counted() == (1, 0)
    assert not server.gate.refused


@pytest.mark.parametrize("ask", [claude_code, restish])
def test_when_nobody_can_renew_our_reason_is_shown(start: Callable[..., Guarded], ask: Ask) -> None:
    server = start()
    server.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})
    with pytest.raises(HelperError, match="credhelper: error: "):
        ask(server)
    assert not server.gate.visits
