"""The listening socket on loopback, and the threads behind it."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading

from credhelper.sandbox.connection import Connection

HOST = "127.0.0.1"
BACKLOG = 4096


class Listener(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """A thread for every connection, and a list of them so that stopping can end them all."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = BACKLOG

    def __init__(self, port: int) -> None:
        super().__init__((HOST, port), Connection)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    def get_request(self) -> tuple[socket.socket, str]:
        """Accept one connection."""
        connection, address = super().get_request()
        with self._lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Close one connection."""
        super().shutdown_request(request)
        with self._lock:
            self._open.discard(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: a traceback could hold a secret."""

    def hang_up(self) -> None:
        """Cut every connection that is still open, so that its thread ends."""
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
