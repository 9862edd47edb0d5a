"""A small HTTPS server: one function from request to answer, a thread for every connection."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from integrations.servers.certificates import Certificate

_SILENCE = 30.0  # seconds that a connection may be idle


@dataclass(frozen=True)
class Request:
    """What came: `target` is path and query as sent; `body` is whole, however it was framed."""

    method: str
    target: str
    headers: Message
    body: bytes

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The target's query, as sent."""
        return self.target.partition("?")[2]


@dataclass(frozen=True)
class Answer:
    """What goes back. `headers` are pairs: some occur more than once."""

    status: int
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that do not trust our authority hang up: that is theirs to tell."""


@contextlib.contextmanager
def serving(answer: Callable[[Request], Answer], certificate: Certificate) -> Iterator[int]:
    """Serve `answer` over TLS on 127.0.0.1 for the time of a `with`; yields the port."""

    class Connection(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = _SILENCE

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            found = answer(Request(self.command, self.path, self.headers, _body(self)))
            self.send_response(found.status)
            for name, value in found.headers:
                self.send_header(name, value)
            if "content-length" not in [name.lower() for name, _ in found.headers]:
                self.send_header("Content-Length", str(len(found.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(found.body)
            self.wfile.flush()

        def log_message(self, *_: object) -> None:
            """Nothing is logged: request lines are the tests' to look at."""

    with _Listener(("127.0.0.1", 0), Connection) as listener:
        # The handshake belongs to the connection's own thread: a slow client must not stop others.
        listener.socket = certificate.context().wrap_socket(
            listener.socket, server_side=True, do_handshake_on_connect=False
        )
        thread = threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield listener.server_port
        finally:
            listener.shutdown()
            thread.join()


def _body(connection: BaseHTTPRequestHandler) -> bytes:
    if connection.headers.get("Transfer-Encoding", "").lower() != "chunked":
        return connection.rfile.read(int(connection.headers.get("Content-Length", "0")))
    body = b""
    while size := int(connection.rfile.readline().partition(b";")[0], 16):
        body += connection.rfile.read(size)
        connection.rfile.readline()
    while connection.rfile.readline().strip():
        pass  # trailers
    return body
