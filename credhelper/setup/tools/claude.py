"""Claude Code: headers for one MCP server of the user's own configuration.

Source: Claude Code's documentation, "Connect to tools via MCP", `headersHelper`: a command for a
shell, with the server in a variable. We do not change a project's `.mcp.json`, whose commands run
for all who work there, nor `apiKeyHelper`, because a variable decides where its token goes.
"""

from __future__ import annotations

import shlex
from typing import Any

from credhelper.errors import UsageError
from credhelper.setup import ask as asking
from credhelper.setup import reading
from credhelper.setup.formats.documents import dicts_at, text_at
from credhelper.setup.plan import Ask, Entry, FileChange, Finding, Plan, WiringRequest

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = True

_KEY = "headersHelper"


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    servers = _servers(request)
    name = request.name or request.match(servers, "url")
    if name is None:
        raise UsageError(
            f"{_file(request)} names no MCP server at {request.service}",
            hint="say what Claude Code calls it: --name NAME",
        )
    called = request.program.called(PROGRAMS[0])
    # Each goes to the front, so the first comes last.
    values: list[tuple[str, Any]] = [(_KEY, shlex.join([called, "headers", *request.options()]))]
    known = servers.get(name)
    new = {"url": str(request.service), "type": "http"}
    if known is None or all(known.get(key) == value for key, value in new.items()):
        values += new.items()
    entry = Entry(("mcpServers", name), tuple(values))
    notes = ("restart Claude Code to use it",)
    return Plan((FileChange(_file(request), "json", (entry,)),), notes=notes)


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what the server's helper prints, called as Claude Code calls it: see `setup`."""
    servers = _servers(request)
    name = request.name or request.match(servers, "url") or ""
    command = text_at(servers.get(name), _KEY)
    if not command:
        return reading.unwired(request, _file(request), _KEY, "a server")
    variables = {
        "CLAUDE_CODE_MCP_SERVER_NAME": name,
        "CLAUDE_CODE_MCP_SERVER_URL": text_at(servers[name], "url"),
    }
    answer = ask(["/bin/sh", "-c", command], b"", variables)
    return asking.parsed(
        answer,
        # The line itself is not shown: others may have written a secret into it.
        f"{_file(request)}: {_KEY}",
        lambda said: said["Authorization"].removeprefix("Bearer "),
    )


def _file(request: WiringRequest) -> str:
    return request.below("CLAUDE_CONFIG_DIR", ".claude.json", ".claude.json")


def _servers(request: WiringRequest) -> dict[str, dict[str, Any]]:
    return dicts_at(reading.document(request, _file(request), "json"), "mcpServers")
