"""Claude Code and restish as callers of our own: their files, and how they run what gives headers.

Written from Claude Code's documentation of `headersHelper` and restish's of `external-tool`, and
what was seen of the first. They are neither of the two.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from integrations.callers import UNTIL_IT_ENDS, Guarded


class HelperError(Exception):
    """The request is not made; what the helper said is shown."""


class ClaudeCode:
    """A session with the servers of one `.mcp.json`."""

    def __init__(self, guarded: Guarded, config: Path) -> None:
        self._guarded = guarded
        self._servers = json.loads(config.read_text())["mcpServers"]

    def connect(self, name: str) -> int:
        """Greet an MCP server, and return its status. Raises HelperError."""
        server = self._servers[name]
        done = self._guarded.launch(
            ["/bin/sh", "-c", server["headersHelper"]],
            UNTIL_IT_ENDS,
            seconds=10,
            environ={
                **self._guarded.wired.environ,
                "CLAUDE_CODE_MCP_SERVER_NAME": name,
                "CLAUDE_CODE_MCP_SERVER_URL": server["url"],
            },
        )
        if done.status != 0:
            raise HelperError(done.told)
        headers = json.loads(done.stdout)
        assert all(isinstance(value, str) for value in headers.values())
        path = server["url"].partition("://")[2].partition("/")[2]
        return self._guarded.fetch(f"/{path}", headers, method="POST").status


class Restish:
    """Commands of restish, with the services of one `apis.json`."""

    def __init__(self, guarded: Guarded, config: Path) -> None:
        self._guarded = guarded
        self._services = json.loads(config.read_text())

    def get(self, name: str, path: str) -> int:
        """Make a request, and return the server's status. Raises HelperError."""
        service = self._services[name]
        auth = service["profiles"]["default"]["auth"]
        assert auth["name"] == "external-tool"
        request: dict[str, Any] = {
            "method": "GET",
            "uri": f"{service['base']}{path}",
            "headers": {"User-Agent": ["restish"], "Accept": ["application/json"]},
        }
        if auth["params"].get("omitbody") != "true":
            request["body"] = ""
        done = self._guarded.launch(
            ["/bin/sh", "-c", auth["params"]["commandline"]],
            json.dumps(request).encode(),
            seconds=30,
        )
        if done.status != 0:
            raise HelperError(done.told)
        headers = {name: values[0] for name, values in request["headers"].items()}
        if done.stdout:  # silence leaves the request as it is
            answer = json.loads(done.stdout)
            for header, values in answer.get("headers", {}).items():
                assert isinstance(values, list)
                headers[header] = ", ".join(values)
        return self._guarded.fetch(path, headers).status
