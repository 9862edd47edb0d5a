"""dotnet's NuGet as a caller of our own: how it finds a plugin, and speaks with it both ways.

Written from NuGet's page "Cross platform plugins" and what NuGet.Client's `NuGet.Protocol/Plugins`
was read to do: discovery on PATH, `-Plugin`, a handshake from both sides, requests with an id each,
and Basic with what a plugin gives. It is neither dotnet nor NuGet.
"""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any
from xml.etree import ElementTree as ET

from integrations.callers import Guarded

_SECONDS = 30.0  # of a handshake and of a request
_SUCCESS = {"ResponseCode": "Success"}
_VERSIONS = {"ProtocolVersion": "2.0.0", "MinimumProtocolVersion": "1.0.0"}


def discovered(path: str) -> list[str]:
    """Return the plugins on PATH: files called `nuget-plugin-*` that may be run."""
    found = []
    for folder in path.split(":"):
        if os.path.isdir(folder):
            for file in sorted(Path(folder).iterdir()):
                if file.name.startswith("nuget-plugin-") and os.access(file, os.X_OK):
                    found.append(str(file))
    return found


class Plugin:
    """A plugin that runs, from its handshake to its close.

    Attributes: `claims`; `logged`, what it had NuGet tell its user.
    """

    def __init__(self, program: str, environ: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [program, "-Plugin"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environ,
            bufsize=0,
        )
        self._rest = b""
        self._greeted = False
        self.logged: list[str] = []
        assert self.ask("Handshake", _VERSIONS) == {
            "ResponseCode": "Success",
            "ProtocolVersion": "2.0.0",
        }
        assert self._greeted, "the plugin has to greet, too"
        self._done("MonitorNuGetProcessExit", {"ProcessId": os.getpid()})
        self._done(
            "Initialize",
            {"ClientVersion": "6.14.0", "Culture": "en-US", "RequestTimeout": "00:00:30"},
        )
        self.claims = self.ask("GetOperationClaims", {})["Claims"]

    def __enter__(self) -> Plugin:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._say({"RequestId": str(uuid.uuid4()), "Type": "Request", "Method": "Close"})
        try:
            self._process.wait(_SECONDS)
        finally:
            self._process.kill()
            rest, self.told = self._process.communicate()
            for line in (self._rest + rest).splitlines():
                self._log(json.loads(line))

    def ask(self, method: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Return what the plugin answers to a request."""
        identity = str(uuid.uuid4())
        self._say({"RequestId": identity, "Type": "Request", "Method": method, "Payload": payload})
        while True:
            message = self._next()
            if message["Type"] == "Request" and message["Method"] == "Log":
                self._log(message)
                self._say({**message, "Type": "Response", "Payload": _SUCCESS})
            elif message["Type"] == "Request":
                self._greet_back(message)
            elif message["RequestId"] == identity:
                assert message["Type"] == "Response", message
                assert message["Method"] == method
                answer: dict[str, Any] = message["Payload"]
                return answer

    def credentials(self, uri: str, *, retry: bool = False) -> dict[str, Any]:
        """Return the answer to a question for credentials."""
        self._done("SetLogLevel", {"LogLevel": "Minimal"})
        return self.ask(
            "GetAuthenticationCredentials",
            {"Uri": uri, "IsRetry": retry, "IsNonInteractive": True, "CanShowDialog": False},
        )

    def _done(self, method: str, payload: dict[str, Any]) -> None:
        assert self.ask(method, payload) == _SUCCESS

    def _greet_back(self, message: dict[str, Any]) -> None:
        assert message["Method"] == "Handshake"
        assert message["Payload"] == {
            "ProtocolVersion": "2.0.0",
            "MinimumProtocolVersion": "2.0.0",
        }
        self._greeted = True
        answer = {"ResponseCode": "Success", "ProtocolVersion": "2.0.0"}
        self._say({**message, "Type": "Response", "Payload": answer})

    def _log(self, message: dict[str, Any]) -> None:
        assert (message["Type"], message["Method"]) == ("Request", "Log")
        payload = message["Payload"]
        assert payload["LogLevel"] in ("Information", "Minimal", "Warning", "Error")
        self.logged.append(payload["Message"])

    def _say(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")

    def _next(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        end = time.monotonic() + _SECONDS
        while b"\n" not in self._rest:
            ready, _, _ = select.select([self._process.stdout], [], [], end - time.monotonic())
            assert ready, "the plugin does not answer"
            chunk = os.read(self._process.stdout.fileno(), 65536)
            assert chunk, "the plugin has gone"
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        assert {"RequestId", "Type", "Method"} <= message.keys()
        return message


class Restore:
    """One `dotnet restore`.

    Attributes: `answers`, what plugins said when they were asked; `logged`, what it tells its user.
    """

    def __init__(self, guarded: Guarded, config: Path) -> None:
        self.answers: list[dict[str, Any]] = []
        self.logged: list[str] = []
        self._guarded = guarded
        found = ET.parse(config).find("packageSources/add")
        assert found is not None
        self._source = found.attrib["value"]

    def run(self) -> int:
        """Read the source's index, with credentials if it asks for some; returns its status."""
        host, _, path = self._source.partition("://")[2].partition("/")
        status = self._guarded.fetch(f"/{path}", host=host).status
        if status != 401:
            return status
        environ = dict(self._guarded.wired.environ)
        for program in discovered(environ["PATH"]):
            with Plugin(program, environ) as plugin:
                if "Authentication" not in plugin.claims:
                    continue
                for retry in (False, True):
                    answer = plugin.credentials(self._source, retry=retry)
                    self.answers.append(answer)
                    self.logged = plugin.logged
                    if answer["ResponseCode"] != "Success":
                        break
                    assert "Basic" in answer["AuthenticationTypes"]
                    login = f"{answer['Username']}:{answer['Password']}".encode()
                    basic = {"Authorization": f"Basic {base64.b64encode(login).decode()}"}
                    status = self._guarded.fetch(f"/{path}", basic, host).status
                    if status != 401:
                        return status
        return status
