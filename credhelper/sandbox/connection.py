"""One connection: HTTP/1.1 in and out, and the faults that happen on the wire itself."""

from __future__ import annotations

import contextlib
import email.utils
import math
import socket
import struct
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler

from credhelper.sandbox import dispatch, faults, wire
from credhelper.sandbox.call import RefusedError
from credhelper.sandbox.shared import Shared
from credhelper.sandbox.wire import Request, Response

MAX_BODY = 1 << 20
MAX_LINE = 1 << 16
CHUNK = 1 << 16
DRAIN = 64 << 20
DRAIN_SECONDS = 5.0
FRAMING = ("content-length", "transfer-encoding", "connection")


class Connection(BaseHTTPRequestHandler):
    """Answers one connection's requests, one after another, with what its sandbox has `shared`."""

    shared: Shared  # set by `server.start` on a class of its own
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle_one_request(self) -> None:
        """Read one request and answer it; it is no error if the client goes away."""
        self.close_connection = True
        self.path = ""  # unknown until the request line was read
        with contextlib.suppress(OSError):
            self.raw_requestline = self.rfile.readline(MAX_LINE + 1)
            if len(self.raw_requestline) > MAX_LINE:
                self.requestline, self.request_version, self.command = "", "HTTP/1.1", ""
                self.send_error(HTTPStatus.REQUEST_URI_TOO_LONG)
            elif self.raw_requestline.endswith(b"\n") and self.parse_request():
                self._exchange()

    def send_error(
        self,
        code: int,
        message: str | None = None,
        explain: str | None = None,
    ) -> None:
        """Refuse what the base class could not parse, in this API's words."""
        self._refuse(int(code), message or "")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Log nothing: request lines may hold keys."""

    def _exchange(self) -> None:
        try:
            body = self._read_body()
            path, query = wire.split_target(self.path)
        except RefusedError as refusal:
            self._refuse(refusal.status, refusal.message)
            if refusal.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                self._drain()
            return
        if body is None:
            self.close_connection = True
            return
        # The first of several headers with one name is the one that counts.
        headers = {name.lower(): value for name, value in reversed(self.headers.items())}
        request = Request(self.command, path, query, headers, body)
        fault = dispatch.admit(self.shared, request)
        wait = fault.delay + (self.shared.latency if path.startswith(wire.APIS) else 0.0)
        if wait:
            self.shared.pause(wait)
        if fault.hang:
            self._hang(fault.hang)
        elif fault.drop:
            self._reset()
        else:
            self._send(dispatch.answer(self.shared, request, fault), fault)

    def _read_body(self) -> bytes | None:
        """The request's body; None when the client left before all of it had come."""
        if self.headers.get("Transfer-Encoding"):
            raise RefusedError(501, "transfer encodings are not understood: send a Content-Length")
        lengths = set(self.headers.get_all("Content-Length", ["0"]))
        text = lengths.pop()
        if lengths or not (text.isascii() and text.isdigit()):
            raise RefusedError(400, "the Content-Length makes no sense")
        if len(text) > 18 or int(text) > MAX_BODY:
            raise RefusedError(413, "the body is larger than 1 MiB")
        body = self.rfile.read(int(text))
        return body if len(body) == int(text) else None

    def _refuse(self, status: int, message: str) -> None:
        """Refuse before anything is done, in the words of the API that was meant."""
        self.close_connection = True
        path = self.path.partition("?")[0]
        refused = wire.error_response(status, message, path, self.shared.clock())
        self._send(refused, faults.NONE)

    def _send(self, answer: Response, fault: faults.Fault) -> None:
        headers = {
            "Date": email.utils.formatdate(self.shared.clock() + fault.date, usegmt=True),
            "Server": "credhelper-sandbox",
            "Content-Length": str(fault.huge or len(answer.body)),
            **answer.headers,
        }
        if fault.content_type is not None:
            headers["Content-Type"] = fault.content_type
        body = answer.body
        if fault.truncated:
            headers["Content-Length"] = str(len(body) or 64)
            body = body[: len(body) // 2]
        if answer.status == HTTPStatus.NO_CONTENT and not fault.truncated:
            del headers["Content-Length"]
        if fault.truncated or any(name.lower() in FRAMING for name in fault.headers):
            self.close_connection = True
        if self.close_connection:
            headers["Connection"] = "close"
        for name, value in fault.headers.items():
            headers = {kept: headers[kept] for kept in headers if kept.lower() != name.lower()}
            headers[name] = value
        head = f"HTTP/1.1 {answer.status} {_phrase(answer.status)}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
        if self.command == "HEAD":
            body = b""
        self._write(head.encode("latin-1"), body, fault)

    def _write(self, head: bytes, body: bytes, fault: faults.Fault) -> None:
        if fault.huge:
            chunks = _huge_body(fault.huge)
            # Header and first bytes in one write: Nagle and delayed ACK cost 40 ms otherwise.
            self.wfile.write(head + next(chunks))
            for chunk in chunks:
                self.wfile.write(chunk)
        elif fault.drip:
            for byte in head + body:
                self.wfile.write(bytes([byte]))
                self.shared.pause(fault.drip)
        else:
            self.wfile.write(head + body)

    def _hang(self, seconds: float) -> None:
        """Say nothing until the time is over or the client leaves."""
        self.close_connection = True
        self.connection.settimeout(None if math.isinf(seconds) else seconds)
        while self.connection.recv(CHUNK):
            pass

    def _reset(self) -> None:
        """Cut the line so that the client sees a reset, not an end."""
        self.close_connection = True
        linger_off = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_off)
        self.connection.close()

    def _drain(self) -> None:
        """Swallow an oversized body: closing on unread bytes would reset the answer away."""
        self.connection.settimeout(DRAIN_SECONDS)
        left = DRAIN
        while left > 0 and (read := len(self.rfile.read1(CHUNK))):
            left -= read


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _huge_body(size: int) -> Iterator[bytes]:
    """So many bytes of well-formed JSON: a client must stop for the size, not the syntax."""
    start, end = b'{"access_token": "', b'"}'
    if size < len(start) + len(end):
        yield b" " * size
        return
    left = size - len(start) - len(end)
    yield start + b"a" * min(left, CHUNK)
    left -= min(left, CHUNK)
    while left:
        yield b"a" * min(left, CHUNK)
        left -= min(left, CHUNK)
    yield end
