"""A git server over HTTPS: git's own `http-backend` behind a gate."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from integrations.servers.gate import Gate
from integrations.servers.web import Answer, Request


def behind(gate: Gate, git: str, root: Path) -> Callable[[Request], Answer]:
    """Return what answers for the bare repositories in `root`, to those whom `gate` admits.

    Parameters: `git`, the path of the program.
    """

    def answer(request: Request) -> Answer:
        user = gate.admit(request.headers.get("Authorization"))
        if user is None:
            return Answer(401, b"who are you?\n", gate.challenge)
        done = subprocess.run(
            [git, "http-backend"],
            input=request.body,
            capture_output=True,
            env=_cgi(request, user, root),
            cwd=root,
            check=True,
        )
        return _parsed(done.stdout)

    return answer


def _cgi(request: Request, user: str, root: Path) -> dict[str, str]:
    """Return the variables of RFC 3875 that http-backend reads, and its own."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        "REMOTE_USER": user,
        "REMOTE_ADDR": "127.0.0.1",
        "REQUEST_METHOD": request.method,
        "PATH_INFO": request.path,
        "QUERY_STRING": request.query,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(request.body)),
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
    }


def _parsed(output: bytes) -> Answer:
    head, _, body = output.partition(b"\r\n\r\n")
    headers = [
        (name, value.strip())
        for name, _, value in (line.partition(":") for line in head.decode("latin-1").split("\r\n"))
    ]
    status = next((value for name, value in headers if name.lower() == "status"), "200 OK")
    kept = [(name, value) for name, value in headers if name.lower() != "status"]
    return Answer(int(status.split(" ")[0]), body, kept)
