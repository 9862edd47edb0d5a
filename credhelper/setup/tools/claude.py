"""Claude Code: headers for one MCP server of the user's own configuration.

Source: Claude Code's documentation, "Connect to tools via MCP", `headersHelper`: a line for a
shell, which is told the server in a variable. Not touched are a project's `.mcp.json`, whose
commands are for all who work there, and `apiKeyHelper`, whose token would go to wherever a variable
leads.
"""

from __future__ import annotations

import json
import shlex
from typing import Any

from credhelper.errors import UsageError
from credhelper.setup import ask as asking
from credhelper.setup.plan import Ask, Entry, FileChange, Finding, Plan, Wish

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = True

_KEY = "headersHelper"


def plan(wish: Wish) -> Plan:
    """Return what it takes: see `setup`."""
    name = wish.name or _server(wish)
    if name is None:
        raise UsageError(
            f"{_file(wish)} names no MCP server at {wish.service}",
            hint="say what Claude Code calls it: --name NAME",
        )
    called = wish.program.called(PROGRAMS[0])
    # The first goes to the front last.
    values: list[tuple[str, Any]] = [(_KEY, shlex.join([called, "headers", *wish.options()]))]
    known = _servers(wish).get(name)
    new = {"url": str(wish.service), "type": "http"}
    if known is None or all(known.get(key) == value for key, value in new.items()):
        values += new.items()
    entry = Entry(("mcpServers", name), tuple(values))
    notes = ("a Claude Code that is running learns of it when it is started anew",)
    return Plan((FileChange(_file(wish), "json", (entry,)),), notes=notes)


def check(wish: Wish, ask: Ask) -> Finding:
    """Return what the server's helper prints, called as Claude Code calls it: see `setup`."""
    name = wish.name or _server(wish) or ""
    server = _servers(wish).get(name, {})
    command = server.get(_KEY)
    if not isinstance(command, str) or not command:
        return Finding(trouble=f"{_file(wish)} names no {_KEY} for a server at {wish.service}")
    told = {
        "CLAUDE_CODE_MCP_SERVER_NAME": name,
        "CLAUDE_CODE_MCP_SERVER_URL": str(server.get("url", "")),
    }
    answer = ask(["/bin/sh", "-c", command], b"", told)
    try:
        return Finding(json.loads(answer.stdout)["Authorization"].removeprefix("Bearer "))
    except (ValueError, KeyError, TypeError, AttributeError):
        return Finding(trouble=f"{_KEY}: {asking.complaint(answer) or 'no answer'}")


def _file(wish: Wish) -> str:
    return wish.below("CLAUDE_CONFIG_DIR", ".claude.json", ".claude.json")


def _servers(wish: Wish) -> dict[str, dict[str, Any]]:
    try:
        found = json.loads(wish.read(_file(wish)) or "{}")["mcpServers"]
        return {name: one for name, one in found.items() if isinstance(one, dict)}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}  # what cannot be read is told of when the file is to be changed


def _server(wish: Wish) -> str | None:
    """Return the server whose URL is at or below the service."""
    known = _servers(wish).items()
    return next((name for name, one in known if wish.covers(str(one.get("url", "")))), None)
