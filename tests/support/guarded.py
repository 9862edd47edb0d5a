"""A small API on loopback that refuses the tokens it is told to, and remembers what it saw."""

from __future__ import annotations

import socket
import threading
from typing import NamedTuple

from tests.support.servers import Served


class Seen(NamedTuple):
    """One request: its method and target, the whole Authorization header or "", and the body."""

    method: str
    target: str
    authorization: str
    body: bytes


class Guarded:
    """The API. Every request but those without a good token gets 200, or the redirect that waits.

    Attributes: `url`; `seen`, in order; `refused`, headers that get 401, and with `refuse_all` all
    do; `redirects`, targets that lead elsewhere: (status, location).
    """

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.refused: set[str] = {""}
        self.refuse_all = False
        self.redirects: dict[str, tuple[int, str]] = {}
        self._lock = threading.Lock()
        self._served = Served(self._answer)
        self.url = self._served.url
        self.stop = self._served.stop

    def headers(self) -> list[str]:
        """Return the Authorization headers in order."""
        return [seen.authorization for seen in self.seen]

    def _answer(self, connection: socket.socket, request: bytes) -> None:
        head, _, body = request.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        if headers.get("transfer-encoding") == "chunked":
            body = _dechunked(connection, body)
        authorization = headers.get("authorization", "")
        with self._lock:
            self.seen.append(Seen(method, target, authorization, body))
            status, location = self.redirects.get(target, (200, ""))
            if self.refuse_all or authorization in self.refused:
                status, location = 401, ""
        answer = [f"HTTP/1.1 {status} Whatever", "Content-Length: 2", "Set-Cookie: seen=1"]
        if location:
            answer.append(f"Location: {location}")
        connection.sendall("\r\n".join([*answer, "", "ok"]).encode("latin-1"))


def _dechunked(connection: socket.socket, data: bytes) -> bytes:
    while not data.endswith(b"0\r\n\r\n"):
        data += connection.recv(65536)
    body = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        if not int(size, 16):
            return body
        body, data = body + data[: int(size, 16)], data[int(size, 16) + 2 :]
