"""A command that prints a token, with the files beside this one, and callers of our own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.callers import Guarded
from integrations.token.caller import CALLERS, HelperError, codex

HERE = Path(__file__).parent
PLACEHOLDER = "api.example.org"
FILES = {"/v1/models": b"[]"}
SECONDS = 6  # of a short-lived token: long enough for one request on a busy machine


@pytest.fixture
def start(guarded: Callable[..., Guarded]) -> Callable[..., Guarded]:
    return lambda *options: guarded(*options, folder=HERE, placeholder=PLACEHOLDER, files=FILES)


def request(server: Guarded, snippet: str) -> int:
    """Let the tool of this file make a request; returns the server's status."""
    if PLACEHOLDER in (HERE / snippet).read_text():
        file = server.place(snippet, snippet)
    else:
        file = HERE / snippet
    return server.fetch("/v1/models", CALLERS[snippet](server, file)).status


@pytest.mark.parametrize("snippet", CALLERS)
def test_two_requests_take_one_token(start: Callable[..., Guarded], snippet: str) -> None:
    server = start()
    assert [request(server, snippet) for _ in range(2)] == [200, 200]
    assert server.wired.counted() == (1, 0)
    assert {(visit.scheme, visit.admitted) for visit in server.gate.visits} == {("Bearer", True)}


def test_setup_wires_codex_up_and_takes_it_back(start: Callable[..., Guarded]) -> None:
    server = start()
    path = server.place("codex.toml", ".codex/config.toml")
    # All but the command.
    path.write_text(path.read_text().partition("[model_providers.team.auth]")[0])
    with server.wired.set_up("codex", "--service", f"https://{server.host}"):
        assert server.fetch("/v1/models", codex(server, path)).status == 200
    assert server.wired.counted() == (1, 0)
    assert not server.gate.refused


@pytest.mark.parametrize("snippet", CALLERS)
def test_an_expired_token_is_renewed_by_the_next_request(
    start: Callable[..., Guarded], snippet: str
) -> None:
    server = start("--token-lifetime", str(SECONDS))
    assert request(server, snippet) == 200
    server.outlive()
    assert request(server, snippet) == 200
    assert server.renewed_once()


@pytest.mark.parametrize("snippet", CALLERS)
def test_a_service_that_no_profile_names_is_told(
    start: Callable[..., Guarded], snippet: str
) -> None:
    server = start()
    server.host = server.host.replace("localhost", "127.0.0.1")
    with pytest.raises(HelperError, match="credhelper: error: no profile covers https://127"):
        request(server, snippet)
    assert not server.gate.visits


@pytest.mark.parametrize("snippet", CALLERS)
def test_when_nobody_can_renew_the_reason_is_told(
    start: Callable[..., Guarded], snippet: str
) -> None:
    server = start()
    server.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})
    with pytest.raises(HelperError, match="credhelper: error: "):
        request(server, snippet)
