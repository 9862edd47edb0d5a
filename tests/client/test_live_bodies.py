"""Servers on loopback whose answers are too large, come in pieces, or break off."""

from __future__ import annotations

import resource
import socket
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from credhelper.client.http.transport import LARGEST_ANSWER, Transport
from credhelper.client.iap import REVOKED, Client
from credhelper.core.model import Secret
from credhelper.errors import (
    MalformedAnswerError,
    RejectedError,
    UnreachableError,
)
from tests.client.conftest import fails
from tests.client.test_live import KEY, SESSION, TOKEN_BODY, calls

Make = Callable[..., Transport]


class Flood:
    """A server that sends `chunk` until nobody listens, or `most` bytes have gone."""

    def __init__(self, head: bytes, chunk: bytes, most: int = 100 << 20) -> None:
        self.sent = 0
        self._head, self._chunk, self._most = head, chunk, most

    def __call__(self, connection: socket.socket, _: bytes) -> None:
        connection.sendall(self._head)
        while self.sent < self._most:
            self.sent += connection.send(self._chunk)


FLOODS: dict[str, tuple[bytes, bytes]] = {
    "a huge body": (b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n", b"x" * 65536),
    "a body without length": (b"HTTP/1.1 200 OK\r\n\r\n", b" " * 65536),
    "chunks without end": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"1000\r\n" + b"y" * 4096 + b"\r\n",
    ),
    "one chunk without end": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n",
        b"y" * 65536,
    ),
    "a chunk length without end": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"0" * 65536,
    ),
    "headers without end": (b"HTTP/1.1 200 OK\r\n", b"X-More: CANARY\r\n" * 1000),
    "a header without end": (b"HTTP/1.1 200 OK\r\nX-More: ", b"CANARY" * 10000),
    "a status line without end": (b"HTTP/1.1 200 ", b"CANARY" * 10000),
    "interim answers without end": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: CANARY\r\n\r\n" * 100),
    "continues without end": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
}


@pytest.mark.parametrize("kind", FLOODS)
def test_what_comes_without_end_is_cut_off(serve: Any, live: Make, kind: str) -> None:
    flood = Flood(*FLOODS[kind])
    server = serve(flood)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    fails(MalformedAnswerError, lambda: Client(live(server.url)).create(KEY))

    assert server.connections == 1
    assert flood.sent < 16 << 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 << 10


def test_a_huge_error_is_still_that_error(serve: Any, live: Make) -> None:
    flood = Flood(b"HTTP/1.1 403 No\r\nContent-Length: 104857600\r\n\r\n", b"x" * 65536)

    error = fails(RejectedError, lambda: Client(live(serve(flood).url)).create(KEY))

    assert error.status == 403
    assert flood.sent < 16 << 20


def test_the_largest_answer_is_taken(serve: Any, wire: Any, live: Make) -> None:
    padding = b" " * (LARGEST_ANSWER - len(TOKEN_BODY))
    server = serve(
        wire.says(
            wire.answer(200, TOKEN_BODY + padding), wire.answer(200, TOKEN_BODY + padding + b" ")
        )
    )
    client = Client(live(server.url))

    assert client.create(KEY).value == Secret("opaque")
    fails(MalformedAnswerError, lambda: client.create(KEY))


@pytest.mark.parametrize(
    "encoding", ["gzip", "GZIP", "deflate", "br", "zstd", "identity, gzip", "x"]
)
def test_an_encoded_body_is_refused_before_it_is_inflated(
    serve: Any, wire: Any, live: Make, encoding: str
) -> None:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = squeeze.compress(b" " * (64 << 20)) + squeeze.flush()
    server = serve(wire.says(wire.answer(200, bomb, f"Content-Encoding: {encoding}")))

    error = fails(MalformedAnswerError, lambda: Client(live(server.url)).create(KEY))

    assert "encoding" in str(error)


def test_an_error_in_an_encoding_is_still_that_error(serve: Any, wire: Any, live: Make) -> None:
    server = serve(wire.says(wire.answer(401, b"\x1f\x8b", "Content-Encoding: gzip")))

    assert fails(RejectedError, lambda: Client(live(server.url)).create(KEY)).status == 401


def raw(data: bytes) -> Callable[[socket.socket, bytes], None]:
    def handle(connection: socket.socket, _: bytes) -> None:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        connection.close()

    return handle


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + TOKEN_BODY,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n19\r\n" + TOKEN_BODY,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n" + TOKEN_BODY,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + TOKEN_BODY,
        b'HTTP/1.1 200 OK\r\n\r\n{"access_token":"opaq',
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.0\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/3.0 200 OK\r\n\r\n" + TOKEN_BODY,
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ],
)
def test_a_broken_answer_is_malformed_and_asked_for_once(
    serve: Any, live: Make, data: bytes
) -> None:
    server = serve(raw(data))

    fails(MalformedAnswerError, lambda: Client(live(server.url)).create(KEY))

    assert len(server.requests) == 1


@pytest.mark.parametrize("interim", [b"100 Continue", b"102 Processing", b"103 Early Hints"])
def test_interim_answers_are_passed_over(serve: Any, wire: Any, live: Make, interim: bytes) -> None:
    hint = b"HTTP/1.1 " + interim + b"\r\nLink: </x>; rel=preload\r\n\r\n"
    server = serve(wire.says(hint + hint + wire.answer(201, TOKEN_BODY)))

    assert Client(live(server.url)).create(KEY).value == Secret("opaque")


def test_a_chunked_answer_is_put_together(serve: Any, wire: Any, live: Make) -> None:
    chunks = (
        b"a\r\n" + TOKEN_BODY[:10] + b"\r\nf;x=y\r\n" + TOKEN_BODY[10:] + b"\r\n0\r\nX: y\r\n\r\n"
    )
    server = serve(wire.says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks))

    assert Client(live(server.url)).create(KEY).value == Secret("opaque")


def test_revoke_is_confirmed_by_an_empty_answer(serve: Any, live: Make) -> None:
    def no_content(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    server = serve(no_content)

    assert Client(live(server.url)).revoke(SESSION) == REVOKED
    assert server.requests[0].endswith(b'\r\n\r\n{"access_token": "psToken-CANARY"}')


def test_a_reset_is_tried_again_for_create_and_not_for_refresh(
    serve: Any, wire: Any, live: Make
) -> None:
    server = serve(wire.reset)
    client = Client(live(server.url))

    error = fails(UnreachableError, lambda: client.create(KEY))
    assert "connection reset by peer" in str(error)
    assert len(server.requests) == 3

    fails(UnreachableError, lambda: client.refresh(SESSION))
    assert len(server.requests) == 4


def test_a_server_that_hangs_up_is_unreachable(serve: Any, live: Make) -> None:
    server = serve(lambda connection, _: connection.shutdown(socket.SHUT_RDWR))

    error = fails(UnreachableError, lambda: Client(live(server.url)).create(KEY))

    assert "closed the connection" in str(error)
    assert len(server.requests) == 3


@pytest.fixture
def nobody() -> Iterator[str]:
    # Bound but not listening: the port stays ours, and refuses.
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@pytest.mark.parametrize("call", ["create", "refresh"])
def test_a_refused_connection_is_tried_again_for_every_call(
    nobody: str, live: Make, call: str
) -> None:
    slept: list[float] = []

    error = fails(UnreachableError, calls(Client(live(nobody, sleep=slept.append)))[call])

    assert str(error) == f"{nobody}: connection refused"
    assert len(slept) == 2


def test_a_name_that_nobody_knows_is_named(live: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known CANARY")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    error = fails(UnreachableError, lambda: Client(live("https://api.test")).create(KEY))

    assert str(error) == "could not resolve host of https://api.test"
