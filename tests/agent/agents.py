"""A running `credhelper agent`, and what asks it: programs elsewhere, or bare lines."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.programs import clean_environment
from tests.support.worlds import SERVICE, Outcome, World
from tests.tokenfile.jobs import until

TIMEOUT = 60.0

Start = Callable[..., "Agent"]


class Agent:
    """An agent of a world that listens.

    Attributes: `path`, of its socket; `process`.
    """

    def __init__(
        self,
        world: World,
        *options: str,
        path: Path | None = None,
        environ: dict[str, str | None] | None = None,
        **how: Any,
    ) -> None:
        self._world = world
        self.path = path or world.root / "agent" / "socket"
        told = world.root / "agent-told"
        with told.open("wb") as stderr:
            words = ["agent", "--socket", str(self.path), *(options or ("--service", SERVICE))]
            how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, **how}
            self.process = world.start(*words, environ=environ, stderr=stderr, **how)
        self._told = told
        until(lambda: self.told() or self.process.poll() is not None, "the agent said nothing")

    def told(self) -> str:
        """Return what it has said so far."""
        return self._told.read_text()

    def stop(self, number: int = signal.SIGTERM) -> Outcome:
        """Have it end, by a signal, and hold it to its silence about secrets."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(number)
        status = self.process.wait(TIMEOUT)
        outcome = Outcome(status, b"", self._told.read_bytes())
        self._world.hold_to_silence(outcome)
        return outcome

    def connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(TIMEOUT)
        connection.connect(str(self.path))
        return connection

    def ask(self, **members: Any) -> dict[str, Any]:
        """Return the answer to a request of version 2."""
        with self.connect() as connection:
            return say(connection, json.dumps({"version": 2, "action": "get", **members}))


def say(connection: socket.socket, line: str | bytes) -> dict[str, Any]:
    """Send a line, and return the one that comes back."""
    data = line if isinstance(line, bytes) else line.encode()
    connection.sendall(data + b"\n")
    return hear(connection)


def hear(connection: socket.socket) -> dict[str, Any]:
    """Return the one line that comes."""
    data = b""
    while not data.endswith(b"\n"):
        chunk = connection.recv(65536)
        assert chunk, data
        data += chunk
    assert data.count(b"\n") == 1
    found: dict[str, Any] = json.loads(data)
    return found


class Elsewhere(World):
    """A world without a config, whose programs ask an agent."""

    def __init__(self, root: Path, agent: Agent) -> None:
        root.mkdir()
        super().__init__(root)
        self.environ = {**clean_environment(self.home), "CREDHELPER_SOCKET": str(agent.path)}
        # Nothing may be kept here: what would be is in plain sight.
        self.cache = self.home / ".cache"


@contextmanager
def impostor(path: Path, answer: bytes, asked: list[bytes] | None = None) -> Iterator[Path]:
    """Listen at `path`, answer every line with `answer`, and close; give the path.

    Parameters: `asked`, grows by what was sent.
    """
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return  # the end
                with connection:
                    line = connection.recv(65536)
                    if asked is not None:
                        asked.append(line)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield path
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
