"""A server on loopback that passes everything on to another, and remembers what was said."""

from __future__ import annotations

import http.client
import socket
from urllib.parse import urlsplit

from tests.support.servers import Served
from tests.support.swagger import Asked, Told

_PATIENCE = 30.0


class Recorder(Served):
    """What passes requests on to `url`. Attributes: `heard`, each request with its answer."""

    def __init__(self, url: str) -> None:
        self.heard: list[tuple[Asked, Told]] = []
        there = urlsplit(url)
        self._there = (there.hostname or "", there.port or 80)
        super().__init__(self._pass_on)

    def _pass_on(self, connection: socket.socket, request: bytes) -> None:
        head, _, body = request.partition(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = line.split(" ")
        with socket.create_connection(self._there, _PATIENCE) as onward:
            onward.sendall(request)
            answer = http.client.HTTPResponse(onward, method=method)
            answer.begin()
            said = answer.read()
        parts = [each.partition(": ") for each in lines]
        asked = Asked(method, target, [(name, value) for name, _, value in parts], body)
        told = Told(answer.status, answer.getheaders(), said)
        self.heard.append((asked, told))
        headers = "".join(f"{name}: {value}\r\n" for name, value in told.headers)
        status = f"HTTP/1.1 {answer.status} {answer.reason}\r\n"
        connection.sendall(f"{status}{headers}\r\n".encode("latin-1") + said)
