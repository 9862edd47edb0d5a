"""What callers of our own have in common, which stand in for tools that no registry has.

Each is written from its tool's specification: how it finds the program, launches it, and what it
makes of the answer. What is here is only the launching itself, and the server that they all meet.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import ssl
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from email.message import Message
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from integrations.servers.certificates import Certificate
from integrations.servers.gate import Gate
from integrations.servers.web import Answer, Request, serving
from integrations.wired import Wired
from tests.support.programs import command
from tests.support.worlds import Outcome

UNTIL_IT_ENDS = None  # a stdin that says nothing and is never closed


class Reply(NamedTuple):
    """What a server answered."""

    status: int
    headers: Message
    body: bytes


class Guarded:
    """A server of files for the bearers of live tokens, and a user who is wired up for it.

    Parameters: `wired`; `certificate`; `stack`, which ends the server; `folder`, whose
    `credhelper.toml` names the `placeholder` for the server; `files`, by path; `shown`, what a
    request shows at the gate, if not its `Authorization`; `bearer`, whether Bearer will do.

    Attributes: `wired`; `gate`, what the server saw; `host`, as the user's files name it; `folder`;
    `authority`, the file with the certificate to trust.
    """

    def __init__(
        self,
        wired: Wired,
        certificate: Certificate,
        stack: ExitStack,
        folder: Path,
        placeholder: str,
        files: Mapping[str, bytes],
        *,
        shown: Callable[[Message], str | None] = lambda headers: headers.get("Authorization"),
        bearer: bool = True,
    ) -> None:
        self.wired = wired
        self.folder = folder
        self.placeholder = placeholder
        self.gate = Gate(wired.sandbox.url, placeholder, bearer=bearer)
        self.authority = str(certificate.authority)

        def answer(request: Request) -> Answer:
            if self.gate.admit(shown(request.headers)) is None:
                return Answer(HTTPStatus.UNAUTHORIZED, b"", self.gate.challenge)
            if request.path not in files:
                return Answer(HTTPStatus.NOT_FOUND)
            return Answer(HTTPStatus.OK, files[request.path])

        self.host = f"localhost:{stack.enter_context(serving(answer, certificate))}"
        wired.configure(folder / "credhelper.toml", {placeholder: self.host})

    def place(self, snippet: str, target: str, **places: str) -> Path:
        """Put a file of the folder where its tool looks for it; returns its path."""
        self.wired.place(self.folder / snippet, target, {self.placeholder: self.host, **places})
        return self.wired.world.home / target

    def link(self, target: str) -> Path:
        """Link credhelper below the home folder, as the README tells; returns the link's path."""
        path = self.wired.world.home / target
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
        path.symlink_to(command("credhelper")[0])
        return path

    def launch(
        self,
        words: Sequence[str],
        stdin: bytes | None,
        *,
        seconds: float,
        environ: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Outcome:
        """Launch a program as a tool does: stopped when its time is over, and held to its silence.

        Parameters: `stdin`, or UNTIL_IT_ENDS; `seconds`, the tool's own limit; `environ`, all that
        the program gets, by default the user's.
        """
        ours, theirs = socket.socketpair()
        process = subprocess.Popen(
            words,
            stdin=theirs.fileno() if stdin is UNTIL_IT_ENDS else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(self.wired.environ if environ is None else environ),
            cwd=cwd or self.wired.world.home,
            start_new_session=True,
        )
        try:
            stdout, stderr = process.communicate(stdin, seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise
        finally:
            ours.close()
            theirs.close()
        outcome = Outcome(process.returncode, stdout, stderr)
        self.wired.world.hold_to_silence(outcome)
        return outcome

    def fetch(
        self,
        path: str,
        headers: Mapping[str, str] | None = None,
        host: str = "",
        method: str = "GET",
    ) -> Reply:
        """Fetch a file from the server, or from another name of it."""
        context = ssl.create_default_context(cafile=self.authority)
        connection = http.client.HTTPSConnection(host or self.host, context=context, timeout=30)
        try:
            connection.request(method, path, headers=dict(headers or {}))
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def on_path(self, name: str) -> Path:
        """Link credhelper under a name that says its protocol, in a folder that is on PATH."""
        link = self.link(f".local/bin/{name}")
        self.wired.environ["PATH"] = f"{link.parent}:{self.wired.environ['PATH']}"
        return link

    def outlive(self) -> None:
        """Wait until the token that the server saw last has expired."""
        self.wired.wait_until(self.gate.admitted[-1].expires)

    def renewed_once(self) -> bool:
        """Tell whether a second token came after the first, and none was refused meanwhile."""
        first, *_, last = [visit.expires for visit in self.gate.admitted]
        return self.wired.counted() == (2, 0) and last > first and not self.gate.refused
