"""Claude Code: headers for one MCP server of the user's own configuration.

Source: Claude Code's documentation, "Connect to tools via MCP", `headersHelper`: a command for a
shell, with the server in a variable. We do not change a project's `.mcp.json`, whose commands run
for all who work there, nor `apiKeyHelper`, because a variable decides where its token goes.
"""

from __future__ import annotations

import json
import shlex
from typing import Any

from credhelper.errors import UsageError
from credhelper.setup import ask as asking
from credhelper.setup.plan import Ask, Entry, FileChange, Finding, Plan, WiringRequest

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = True

_KEY = "headersHelper"


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    name = request.name or _server(request)
    if name is None:
        raise UsageError(
            f"{_file(request)} names no MCP server at {request.service}",
            hint="say what Claude Code calls it: --name NAME",
        )
    called = request.program.called(PROGRAMS[0])
    # Each goes to the front, so the first comes last.
    values: list[tuple[str, Any]] = [(_KEY, shlex.join([called, "headers", *request.options()]))]
    known = _servers(request).get(name)
    new = {"url": str(request.service), "type": "http"}
    if known is None or all(known.get(key) == value for key, value in new.items()):
        values += new.items()
    entry = Entry(("mcpServers", name), tuple(values))
    notes = ("a Claude Code that is running learns of it when it is started anew",)
    return Plan((FileChange(_file(request), "json", (entry,)),), notes=notes)


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what the server's helper prints, called as Claude Code calls it: see `setup`."""
    name = request.name or _server(request) or ""
    server = _servers(request).get(name, {})
    command = server.get(_KEY)
    if not isinstance(command, str) or not command:
        return Finding(
            trouble=f"{_file(request)} names no {_KEY} for a server at {request.service}"
        )
    variables = {
        "CLAUDE_CODE_MCP_SERVER_NAME": name,
        "CLAUDE_CODE_MCP_SERVER_URL": str(server.get("url", "")),
    }
    answer = ask(["/bin/sh", "-c", command], b"", variables)
    return asking.parsed(answer, _KEY, lambda said: said["Authorization"].removeprefix("Bearer "))


def _file(request: WiringRequest) -> str:
    return request.below("CLAUDE_CONFIG_DIR", ".claude.json", ".claude.json")


def _servers(request: WiringRequest) -> dict[str, dict[str, Any]]:
    try:
        found = json.loads(request.read(_file(request)) or "{}")["mcpServers"]
        return {name: one for name, one in found.items() if isinstance(one, dict)}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}  # the edit will report a file that cannot be read


def _server(request: WiringRequest) -> str | None:
    """Return the server whose URL is at or below the service."""
    return request.match(_servers(request), "url")
