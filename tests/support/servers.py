"""Loopback servers besides the sandbox: one that nobody may talk to, and some that misbehave."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable

Handler = Callable[[socket.socket, bytes], None]


class Served:
    """A loopback server that hands each request to `handler`, in a thread for each connection.

    Parameters: `handler`, called with the connection and the request's bytes; `context`, for TLS.
    Attributes: `port`; `url`; `requests`, all that was asked; `visits`, how often one connected.
    """

    def __init__(self, handler: Handler, context: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self.visits = 0
        self._handler = handler
        self._context = context
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def present(self, context: ssl.SSLContext) -> None:
        """Use another context from now on."""
        self._context = context

    def stop(self) -> None:
        """Close the door, and cut who is inside."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.visits += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            while request := _request(connection):
                self.requests.append(request)
                self._handler(connection, request)
        with contextlib.suppress(OSError):
            connection.close()


class Witness(Served):
    """A server that only remembers whether anybody came."""

    def __init__(self) -> None:
        super().__init__(lambda connection, _: connection.close())


def answer(status: int, body: bytes = b"", *headers: str) -> bytes:
    """Return the bytes of an answer with a JSON body."""
    lines = [
        f"HTTP/1.1 {status} Whatever",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    while len(body) < length:
        more = connection.recv(65536)
        if not more:
            return b""
        body += more
    return head + b"\r\n\r\n" + body
