"""Servers that speak like a Redis and lie: for what no honest server does."""

from __future__ import annotations

import contextlib
import socketserver
import threading
import time
from collections.abc import Callable, Iterator

Answer = Callable[[list[bytes]], Iterator[bytes]]


class Liar:
    """A server whose answers to some commands are made up.

    Parameters: `answer`, takes the words of a command and yields the bytes of its answer; `to`, the
    commands that it lies about. Attributes: `port`; `url`; `asked`, the commands that came; `sent`,
    how many bytes of lies went out.
    """

    def __init__(self, answer: Answer, to: tuple[bytes, ...] = (b"EVAL",)) -> None:
        asked: list[list[bytes]] = []
        liar = self
        self.sent = 0

        class Connection(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError, ValueError):
                    while head := self.rfile.readline():
                        words = [self._word() for _ in range(int(head[1:]))]
                        asked.append(words)
                        if words[0] not in to:
                            self.wfile.write(b"+OK\r\n")
                            continue
                        for piece in answer(words):
                            self.wfile.write(piece)
                            liar.sent += len(piece)

            def _word(self) -> bytes:
                size = int(self.rfile.readline()[1:])
                return self.rfile.read(size + 2)[:-2]

        self.asked = asked
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Connection)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.port: int = self._server.server_address[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def look(
    *, generation: int | bytes = 0, value: bytes = b"", now: float | None = None, leads: int = 1
) -> bytes:
    """Return the answer to a look, as an honest server spells it."""
    moment = int((time.time() if now is None else now) * 1000)
    told = generation if isinstance(generation, bytes) else b"%d" % generation
    texts = [b"$%d\r\n%b\r\n" % (len(one), one) for one in (told, value, b"")]
    numbers = [b":%d\r\n" % one for one in (0, moment, leads, 0)]
    return b"*7\r\n" + b"".join([*texts, *numbers])


def sentinel(host: str, port: int) -> Answer:
    """Return what a Sentinel says whose primary, `mymaster`, is there."""
    told = {"name": "mymaster", "ip": host, "port": str(port), "flags": "master"}
    told |= {"num-other-sentinels": "0"}
    words = [word.encode() for pair in told.items() for word in pair]
    bulks = b"".join(b"$%d\r\n%b\r\n" % (len(one), one) for one in words)
    return _always(b"*1\r\n*%d\r\n" % len(words) + bulks)


def cluster(host: str, port: int) -> Answer:
    """Return what a node says of a cluster whose one node is there."""
    node = b"*3\r\n$%d\r\n%b\r\n:%d\r\n$1\r\nx\r\n" % (len(host), host.encode(), port)
    return _always(b"*1\r\n*3\r\n:0\r\n:16383\r\n" + node)


def _always(data: bytes) -> Answer:
    return lambda words: iter([data])


def _drip(words: list[bytes]) -> Iterator[bytes]:
    for byte in look():
        time.sleep(0.5)
        yield bytes([byte])


def _grow(words: list[bytes]) -> Iterator[bytes]:
    yield b"*7\r\n$%d\r\n" % 2**40
    for _ in range(10_000):
        yield bytes(65536)


def _later_and_later(words: list[bytes]) -> Iterator[bytes]:
    yield look(generation=int(words[4]) + 1 if words[4].isdigit() else 1, value=b"junk", leads=0)


LIES: dict[str, Answer] = {
    "drips": _drip,
    "grows": _grow,
    "has a later one each time": _later_and_later,
    "lets everybody lead": _always(look()),
    "lets nobody lead": _always(look(leads=0)),
    "has a generation beyond all": _always(look(generation=2**62, value=b"x")),
    "has a generation below zero": _always(look(generation=-5)),
    "has a generation that is no number": _always(look(generation=b"nan")),
    "lives at the end of time": _always(look(now=2**50)),
    "lives in the past": _always(look(now=time.time() - 2 * 86400)),
    "lives in the future": _always(look(now=time.time() + 2 * 86400)),
    "has a generation of years ahead": _always(look(generation=9 * 10**14, value=b"x")),
    "lives before time": _always(look(now=-1)),
    "answers a number": _always(b":1\r\n"),
    "answers nothing": _always(b"$-1\r\n"),
    "answers too little": _always(b"*1\r\n:1\r\n"),
    "answers too much": _always(b"*9\r\n" + b":1\r\n" * 9),
    "nests": _always(b"*1\r\n" * 5000),
    "says it in its own way": _always(b"-OOPS https://evil.example/ run this\r\n"),
    "asks to go elsewhere": _always(b"-MOVED 1 127.0.0.1:1\r\n"),
    "is no Redis any more": _always(b"HTTP/1.1 200 OK\r\n\r\n"),
}
