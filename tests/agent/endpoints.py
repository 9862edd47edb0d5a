"""A running `exec --aws-endpoint`: its command waits, and the test asks in the command's place."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.support.worlds import Outcome, World
from tests.tokenfile.jobs import until

TIMEOUT = 30.0
# The command tells its environment, and ends with 9 when it is told to.
WAIT = 'env -0 > "$0.new"; mv "$0.new" "$0"; read line; exit 9'


_ASKING = """
import os, sys
from urllib.request import ProxyHandler, Request, build_opener

token = os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
asked = Request(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"], headers={"Authorization": token})
with build_opener(ProxyHandler({})).open(asked) as answer, open(sys.argv[1], "wb") as file:
    file.write(answer.read())
    print(answer.status, end="", file=sys.stderr)
"""


class Running:
    """An `exec --aws-endpoint` whose command waits, or does what `script` says after it has begun.

    Attributes: `process`; `environ`, the command's; `port`, `token`, `file` of the endpoint;
    `outcome`, once it has ended.
    """

    def __init__(
        self,
        world: World,
        *options: str,
        script: str = WAIT,
        environ: dict[str, str | None] | None = None,
        **how: Any,
    ) -> None:
        self._world = world
        self.outcome: Outcome | None = None
        told = world.root / "told"
        told.unlink(missing_ok=True)
        words = ["exec", "--aws-endpoint", *options, "--", "bash", "-c", script, str(told)]
        self.process: subprocess.Popen[bytes] = world.start(*words, environ=environ, **how)
        until(lambda: told.exists() or self.process.poll() is not None, "no command began")
        if not told.exists():
            raise AssertionError(world.finish(self.process))
        pairs = [line.partition("=") for line in told.read_text().split("\0") if line]
        self.environ = {name: value for name, _, value in pairs}
        self.uri = self.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
        self.port = int(self.uri.partition("127.0.0.1:")[2].partition("/")[0])
        self.token = self.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
        self.file = Path(self.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"])

    def good(self) -> bytes:
        """Return the request that is served."""
        return (
            f"GET /credentials HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            f"Authorization: {self.token}\r\nAccept: */*\r\n\r\n"
        ).encode()

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), TIMEOUT)
        connection.settimeout(TIMEOUT)
        return connection

    def ask(self, request: bytes) -> bytes:
        """Send `request`, and return all that comes back."""
        with self.connect() as connection:
            # Who is refused early cannot send the rest.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(request)
            return everything(connection)

    def keys(self) -> tuple[int, dict[str, str]]:
        """Return the status of the answer to a good request, and the document in it."""
        return answer(self.ask(self.good()))

    def listens(self) -> bool:
        try:
            self.connect().close()
        except ConnectionRefusedError:
            return False
        return True

    def endpoint(self) -> int:
        """Return the id of the process that listens."""
        (found,) = processes_of(self.port)
        return found

    def finish(self) -> Outcome:
        self.outcome = self._world.finish(self.process, b"\n")
        return self.outcome


def asking(world: World) -> str:
    """Return the words that have a shell ask the endpoint, in quotes that a trap can hold.

    Another word, a file, gets the answer, and stderr its status.
    """
    program = world.root / "ask.py"
    program.write_text(_ASKING)
    return f'"{sys.executable}" -I "{program}"'


def everything(connection: socket.socket) -> bytes:
    """Return all that comes until the other side has nothing more to say."""
    found = b""
    while chunk := connection.recv(65536):
        found += chunk
    return found


def answer(data: bytes) -> tuple[int, dict[str, str]]:
    head, _, body = data.partition(b"\r\n\r\n")
    found: dict[str, str] = json.loads(body)
    return int(head.split()[1]), found


def processes_of(port: int) -> list[int]:
    """Return the processes that hold a socket which listens at `port` on loopback."""
    wanted = f"0100007F:{port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    sockets = {f"socket:[{row[9]}]" for row in rows if row[1] == wanted and row[3] == "0A"}
    found = []
    for process in filter(str.isdecimal, os.listdir("/proc")):
        with suppress(OSError):
            handles = f"/proc/{process}/fd"
            for handle in os.listdir(handles):
                with suppress(OSError):
                    if os.readlink(f"{handles}/{handle}") in sockets:
                        found.append(int(process))
    return sorted(set(found))


def lives(process: int) -> bool:
    """Tell whether a process runs, and is no zombie."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"
