"""The transport against servers on loopback that do not play by the rules."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from credhelper.client.api import TokenSpec
from credhelper.client.authorization import ApiKey, Bearer
from credhelper.client.http.transport import Transport
from credhelper.client.iap import Client
from credhelper.core.model import Secret
from credhelper.errors import (
    ConfigError,
    CredhelperError,
    MalformedAnswerError,
    UnreachableError,
)
from tests.client.conftest import fails

KEY = ApiKey(Secret("the-api-key-CANARY"))
SESSION = Secret("psToken-CANARY")
TOKEN_BODY = b'{"access_token":"opaque"}'

Make = Callable[..., Transport]


def calls(client: Client) -> dict[str, Callable[[], object]]:
    return {
        "create": lambda: client.create(KEY),
        "details": lambda: client.details(SESSION),
        "refresh": lambda: client.refresh(SESSION),
        "revoke": lambda: client.revoke(SESSION),
    }


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("call", ["create", "details", "refresh", "revoke"])
def test_a_redirect_is_an_error_and_the_second_host_hears_nothing(
    serve: Any, wire: Any, live: Make, status: int, call: str
) -> None:
    second = serve(wire.says(wire.answer(200, TOKEN_BODY)))
    first = serve(wire.says(wire.answer(status, b"moved", f"Location: {second.url}/v1/tokens")))

    error = fails(MalformedAnswerError, calls(Client(live(first.url)))[call])

    assert error.status == status
    assert len(first.requests) == 1
    assert second.connections == 0


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.1:{port}/elsewhere", "/v1/other", "//127.0.0.1:{port}/", "?x=1", "", "http://[",
     "https://127.0.0.1:{port}/", "http://u:p@127.0.0.1:{port}/", "\\\\evil.test", "javascript:1"],
)  # fmt: skip
def test_no_location_is_good_enough_to_follow(
    serve: Any, wire: Any, live: Make, location: str
) -> None:
    second = serve(wire.says(wire.answer(200, TOKEN_BODY)))
    first = serve(
        wire.says(wire.answer(302, b"", "Location: " + location.format(port=second.port)))
    )

    fails(MalformedAnswerError, lambda: Client(live(first.url)).create(KEY))

    assert (len(first.requests), second.connections) == (1, 0)


@pytest.mark.parametrize("place", ["NETRC", "HOME"])
@pytest.mark.parametrize("kind", ["good", "malformed", "fifo"])
def test_netrc_is_never_opened(
    serve: Any,
    wire: Any,
    live: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    kind: str,
) -> None:
    netrc = tmp_path / ".netrc"
    if kind == "fifo":
        os.mkfifo(netrc, 0o600)
    else:
        text = "machine 127.0.0.1 login a password b\n" if kind == "good" else "machine\0 {"
        netrc.write_text(text)
        netrc.chmod(0o600)
    monkeypatch.setenv(place, str(netrc if place == "NETRC" else tmp_path))
    server = serve(wire.says(wire.answer(200, TOKEN_BODY)))
    client = Client(live(server.url, environ=dict(os.environ)))

    client.create(KEY)
    client.create(Bearer(SESSION))

    assert b"\r\nAuthorization" not in server.requests[0]
    assert b"\r\nAuthorization: Bearer psToken-CANARY\r\n" in server.requests[1]


def test_cookies_are_neither_kept_nor_sent(serve: Any, wire: Any, live: Make) -> None:
    cookie = "Set-Cookie: id=1; Path=/; Domain=127.0.0.1"
    server = serve(wire.says(wire.answer(200, TOKEN_BODY, cookie, "Set-Cookie: plain=2")))
    transport = live(server.url)

    for _ in range(2):
        Client(transport).create(KEY)

    assert len(server.requests) == 2
    assert not any(b"cookie" in request.lower() for request in server.requests)
    assert len(transport._session.cookies) == 0


def test_a_request_holds_what_it_must_and_no_more(serve: Any, wire: Any, live: Make) -> None:
    server = serve(wire.says(wire.answer(200, TOKEN_BODY)))

    Client(live(server.url + "/")).create(KEY, TokenSpec(cid="1", scopes=["a", "b"]))

    lines = server.requests[0].split(b"\r\n")
    assert lines[0] == b"POST /v1/tokens?scopes=a%2Cb&cid=1 HTTP/1.1"
    assert {line.partition(b":")[0] for line in lines[1:] if line} == {
        b"Host",
        b"User-Agent",
        b"Accept",
        b"Accept-Encoding",
        b"X-API-Key",
        b"Content-Length",
    }
    assert b"Accept-Encoding: identity" in lines
    assert b"Content-Length: 0" in lines


def test_one_connection_serves_several_calls(serve: Any, wire: Any, live: Make) -> None:
    server = serve(wire.says(wire.answer(200, TOKEN_BODY)))
    client = Client(live(server.url))

    client.create(KEY)
    client.refresh(SESSION)
    client.revoke(SESSION)

    assert (len(server.requests), server.connections) == (3, 1)


def test_a_connection_that_died_while_idle_is_replaced(serve: Any, wire: Any, live: Make) -> None:
    def once(connection: socket.socket, _: bytes) -> None:
        connection.sendall(wire.answer(200, TOKEN_BODY))
        connection.shutdown(socket.SHUT_RDWR)

    server = serve(once)
    client = Client(live(server.url))
    client.refresh(SESSION)
    time.sleep(0.05)
    client.refresh(SESSION)

    assert server.connections == 2


def drip(head: bytes, forever: bytes = b"x") -> Callable[[socket.socket, bytes], None]:
    def handle(connection: socket.socket, _: bytes) -> None:
        for byte in head:
            connection.sendall(bytes([byte]))
            time.sleep(0.02)
        while True:
            connection.sendall(forever)
            time.sleep(0.02)

    return handle


def hang(connection: socket.socket, _: bytes) -> None:
    connection.recv(1)


def stall(connection: socket.socket, _: bytes) -> None:
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"access')
    connection.recv(1)


SLOW: dict[str, Callable[[socket.socket, bytes], None]] = {
    "hangs": hang,
    "drips the status line": drip(b"HTTP/1.1 200 "),
    "drips headers": drip(b"HTTP/1.1 200 OK\r\nX-Slow: "),
    "drips a body": drip(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n"),
    "drips chunks": drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "drips an error": drip(b"HTTP/1.1 400 Bad\r\nContent-Length: 99999\r\n\r\n"),
    "stalls mid-body": stall,
}


@pytest.mark.parametrize("way", SLOW)
@pytest.mark.parametrize("call", ["create", "refresh"])
def test_the_deadline_holds_when_a_server(serve: Any, live: Make, way: str, call: str) -> None:
    server = serve(SLOW[way])

    error = fails(UnreachableError, calls(Client(live(server.url, deadline=0.4)))[call])

    assert "within 0.4 s" in str(error)
    assert error.retryable
    assert len(server.requests) == 1
    # The work that was left behind ends by itself, although the server goes on.
    for thread in threading.enumerate():
        if thread.name == "credhelper-exchange":
            thread.join(10)
            assert not thread.is_alive()


def test_the_deadline_holds_against_slow_name_resolution(
    live: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()

    def slow(*_: object, **__: object) -> Any:
        released.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "CANARY")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    try:
        error = fails(
            UnreachableError, lambda: Client(live("https://api.test", deadline=0.2)).create(KEY)
        )
    finally:
        released.set()

    assert "within 0.2 s" in str(error)


def test_without_threads_a_call_fails_as_a_passing_trouble(
    live: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none_left)

    error = fails(UnreachableError, lambda: Client(live("http://127.0.0.1:9")).create(KEY))

    assert "threads" in str(error)


def test_a_bug_on_the_way_reaches_the_caller(live: Make, serve: Any, wire: Any) -> None:
    def broken() -> float:
        raise ZeroDivisionError

    server = serve(wire.says(wire.answer(200, TOKEN_BODY)))

    with pytest.raises(ZeroDivisionError):
        Client(live(server.url, clock=broken)).create(KEY)


def test_debug_logging_shows_no_query_and_no_header(
    serve: Any,
    wire: Any,
    live: Make,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("http.client.HTTPConnection.debuglevel", 1)
    caplog.set_level(logging.DEBUG)
    bad_header = b"HTTP/1.1 200 OK\r\nContent-Length: 25\r\n: CANARY\r\nX CANARY\r\n\r\n"
    server = serve(wire.says(wire.answer(200, TOKEN_BODY), bad_header + TOKEN_BODY))
    client = Client(live(server.url), warn=lambda _: None)

    for _ in range(2):
        client.create(ApiKey(Secret("CANARY"), "query"), TokenSpec(data="CANARY"))

    assert b"CANARY" in server.requests[0]
    assert "CANARY" not in caplog.text
    assert "CANARY" not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    "url",
    ["http://api.test", "http://localhost:8080", "http://127.1", "http://2130706433",
     "ftp://api.test", "https://api.test@evil.test", "https://evil.test/?x=api.test", "https://api.test#x",
     "https://", "https://api.test\\@evil.test", "https://api.test:0", "https://api.test/\r\n",
     "https://api.test "],
)  # fmt: skip
def test_a_base_url_that_two_parsers_could_read_differently_is_refused(
    live: Make, url: str
) -> None:
    with pytest.raises(CredhelperError) as caught:
        live(url)

    assert type(caught.value) is ConfigError


def test_a_base_url_may_have_a_path(serve: Any, wire: Any, live: Make) -> None:
    server = serve(wire.says(wire.answer(200, b"{}")))

    live(f"{server.url}/ica/rest/").call("GET", "/api/tokens")

    assert server.requests[0].startswith(b"GET /ica/rest/api/tokens HTTP/1.1\r\n")
