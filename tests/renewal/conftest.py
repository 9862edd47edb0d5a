"""Renewals against the sandbox in this process, or a client that is scripted."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from credhelper.client.http.transport import Transport
from credhelper.client.iap import Client
from credhelper.core.model import Secret
from tests.support.renewers import IDLE, Renewer


class Live:
    """A renewer whose upstream is a sandbox that goes by the same clock."""

    def __init__(self, token_source: Renewer, url: str) -> None:
        self.token_source = token_source
        self._host = url.partition("://")[2]

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Use one of the sandbox's own doors."""
        connection = http.client.HTTPConnection(self._host, timeout=20)
        try:
            connection.request(method, path, None if body is None else json.dumps(body).encode())
            data = connection.getresponse().read()
        finally:
            connection.close()
        return json.loads(data) if data else None

    def count(self) -> dict[str, int]:
        """Return what was made so far: `created`, `minted` and `refreshed`, where not zero."""
        found = self.ask("GET", "/_sandbox/stats")
        return {name: found[name] for name in ("created", "minted", "refreshed") if found[name]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give the place of sessions."""
    return tmp_path / "state" / "sessions"


@pytest.fixture
def token_source(folder: Path) -> Renewer:
    """Give a token source with a scripted upstream."""
    return Renewer(folder)


@pytest.fixture
def live(token_source: Renewer) -> Iterator[Live]:
    """Give a token source whose upstream is a sandbox that goes by the same clock."""
    pytest.importorskip("jwt", reason="the sandbox needs credhelper[sandbox]")
    from credhelper.sandbox.server import start

    with start(session_lifetime=IDLE, clock=lambda: token_source.now) as sandbox:
        transport = Transport(
            sandbox.url,
            environ={},
            user_agent="test/0",
            deadline=20,
            clock=lambda: token_source.now,
        )
        token_source.client = Client(
            transport, session_lifetime=IDLE, clock=lambda: token_source.now
        )
        token_source.key = Secret(sandbox.api_key)
        yield Live(token_source, sandbox.url)
