"""Stores in trouble: silent, closed, slow, read-only, full, another program, or cut off."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.support.stores import Server, Single

_PAUSE = 0.4  # seconds without an answer
_EACH = 0.5  # seconds from one such pause to the next


class Silent:
    """Takes connections, and never says a word. Attributes: `url`."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"

    def stop(self) -> None:
        """Close the door."""
        self._listener.close()


class Closed:
    """A port that refuses, and that nobody else gets meanwhile. Attributes: `port`; `url`."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))  # and does not listen
        self.port: int = self._socket.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def stop(self) -> None:
        """Give the port back."""
        self._socket.close()


class ReadOnly(Single):
    """A replica of a primary that is gone: it answers reads, and no writes."""

    def __init__(self, folder: Path) -> None:
        # First the server: where there is none, this is as far as it gets.
        super().__init__(folder)
        self._primary = Closed()
        (server,) = self.servers
        server.ask("REPLICAOF", "127.0.0.1", str(self._primary.port))

    def stop(self) -> None:
        """End it."""
        super().stop()
        self._primary.stop()


class Full(Single):
    """A server whose memory is used up: it answers reads, and takes nothing more."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "--maxmemory", "1", "--maxmemory-policy", "noeviction")


class Foreign:
    """Another program at that port: a web server, which takes each word for a bad request.

    Attributes: `url`; `requests`, all that came.
    """

    def __init__(self) -> None:
        requests: list[bytes] = []

        class Connection(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                requests.append(self.request.recv(65536))
                body = b"<html><h1>400 Bad Request</h1></html>\r\n"
                head = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n"
                head += b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
                self.request.sendall(head + body)

        self.requests = requests
        self._server = _Listener(("127.0.0.1", 0), Connection)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.url = f"redis://127.0.0.1:{self._server.server_address[1]}/0"

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Relay:
    """A door to a server that can be cut at a question.

    Parameters: `server`, without TLS. Attributes: `url`; `sent`, the bytes that clients sent;
    `visits`, how often one connected; `cut_at`, which EVAL from now on has its connection cut (1
    for the next), None for none; `done`, whether the server does that one, and only its answer is
    lost.
    """

    def __init__(self, server: Server) -> None:
        self.sent = bytearray()
        self.visits = 0
        self.cut_at: int | None = None
        self.done = False
        relay = self

        class Connection(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                relay.visits += 1
                with (
                    contextlib.suppress(OSError),
                    socket.create_connection(("127.0.0.1", server.port)) as inner,
                ):
                    relay._serve(self.request, inner)

        self._server = _Listener(("127.0.0.1", 0), Connection)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.url = f"redis://127.0.0.1:{self._server.server_address[1]}/0"

    def stop(self) -> None:
        """Close the door."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _serve(self, outer: socket.socket, inner: socket.socket) -> None:
        """Pass on what a client sends and what it is answered, until one of them hangs up."""
        cut = threading.Event()

        def answer() -> None:
            with contextlib.suppress(OSError):
                while (told := inner.recv(1 << 16)) and not cut.is_set():
                    outer.sendall(told)
            with contextlib.suppress(OSError):
                outer.shutdown(socket.SHUT_RDWR)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            while asked := outer.recv(1 << 16):
                self.sent += asked
                if self.cut_at is not None and b"\r\nEVAL\r\n" in asked:
                    self.cut_at -= 1
                    if self.cut_at == 0:
                        self.cut_at = None
                        cut.set()
                        if self.done:
                            inner.sendall(asked)
                        return
                inner.sendall(asked)
        finally:
            # The server does what it was sent before it sees the end.
            with contextlib.suppress(OSError):
                inner.shutdown(socket.SHUT_WR)
            thread.join()


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128


@contextlib.contextmanager
def slow(server: Server) -> Iterator[None]:
    """Have a server answer nothing for 0.4 of each 0.5 s, for the time of a `with`."""
    ended = threading.Event()
    hand = subprocess.Popen(server.command(), stdin=subprocess.PIPE, env=server.environ())
    assert hand.stdin is not None
    words = hand.stdin

    def pause() -> None:
        while not ended.is_set():
            words.write(b"CLIENT PAUSE %d ALL\n" % (_PAUSE * 1000))
            words.flush()
            ended.wait(_EACH)

    thread = threading.Thread(target=pause)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        words.close()
        hand.wait()
