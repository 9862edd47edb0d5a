"""Sandboxes for the tests: real ones on loopback, and a clock that tests move by hand."""

from __future__ import annotations

import base64
import http.client
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from credhelper.sandbox.server import Sandbox, start
from credhelper.sandbox.signer import Signer

NOON = 1_800_000_000.0


class Clock:
    """A clock that stands until it is told otherwise."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


class Reply:
    """One answer as it came over the socket."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self.body = answer.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def token(self) -> str:
        assert self.status in (200, 201), self.body
        return str(self.json["access_token"])


@pytest.fixture(scope="session")
def signer() -> Signer:
    return Signer()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(signer: Signer, clock: Clock) -> Iterator[Sandbox]:
    with start(clock=clock, signer=signer) as running:
        yield running


@pytest.fixture
def ask(sandbox: Sandbox) -> Callable[..., Reply]:
    """Send one request on a connection of its own.

    `bearer`, `key` and `basic` (undecoded text) become headers; `body` that is not bytes is
    sent as JSON.
    """

    def ask(
        method: str,
        path: str,
        *,
        bearer: str | None = None,
        key: str | None = None,
        basic: str | None = None,
        body: object = None,
        headers: dict[str, str] | None = None,
        to: Sandbox = sandbox,
    ) -> Reply:
        sent = {}
        if bearer is not None:
            sent["Authorization"] = f"Bearer {bearer}"
        if basic is not None:
            sent["Authorization"] = "Basic " + base64.b64encode(basic.encode()).decode()
        if key is not None:
            sent["X-API-Key"] = key
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        line = http.client.HTTPConnection(to.url.removeprefix("http://"), timeout=20)
        try:
            line.request(method, path, body, sent | (headers or {}))
            return Reply(line.getresponse())
        finally:
            line.close()

    return ask


@pytest.fixture
def raw(sandbox: Sandbox) -> Callable[[bytes], bytes]:
    """Send bytes as they are, and read until the sandbox closes the line."""

    def raw(sent: bytes) -> bytes:
        host, _, port = sandbox.url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=20) as line:
            line.sendall(sent)
            line.shutdown(socket.SHUT_WR)
            heard = b""
            while chunk := line.recv(1 << 16):
                heard += chunk
            return heard

    return raw


@pytest.fixture
def jwt(sandbox: Sandbox, ask: Callable[..., Reply]) -> str:
    return ask("POST", "/v1/tokens", key=sandbox.api_key).token


@pytest.fixture
def session(sandbox: Sandbox, ask: Callable[..., Reply]) -> str:
    return ask("POST", "/v1/tokens?returnSessionToken=true", key=sandbox.api_key).token
