"""Codex, Claude Code and mise as callers of our own: a command, and a token on its stdout.

Written from their documentation, and what was seen of the first two: which file says the command,
what runs it, what stdin is, how long it may take, and how the token is sent. They are none of them.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from integrations.callers import UNTIL_IT_ENDS, Guarded
from tests.support.worlds import Outcome


class HelperError(Exception):
    """There is no token; the tool shows what the command said."""


def codex(guarded: Guarded, config: Path) -> dict[str, str]:
    """Return the headers of a request of Codex's: the command is run as it is, within 5 s."""
    auth: dict[str, Any] = tomllib.loads(config.read_text())["model_providers"]["team"]["auth"]
    words = [auth["command"], *auth["args"]]
    done = guarded.launch(words, b"", seconds=auth["timeout_ms"] / 1000)
    return {"Authorization": f"Bearer {_token(done)}"}


def claude_code(guarded: Guarded, config: Path) -> dict[str, str]:
    """Return the headers of a request of Claude Code's: a shell, and a stdin without an end."""
    command = json.loads(config.read_text())["apiKeyHelper"]
    done = guarded.launch(["/bin/sh", "-c", command], UNTIL_IT_ENDS, seconds=10)
    token = _token(done)
    return {"Authorization": f"Bearer {token}", "x-api-key": token}


def mise(guarded: Guarded, config: Path) -> dict[str, str]:
    """Return the headers of a request of mise's: a shell, and the host in a variable."""
    command = tomllib.loads(config.read_text())["settings"]["github"]["credential_command"]
    environ = {**guarded.wired.environ, "MISE_CREDENTIAL_HOST": guarded.host}
    done = guarded.launch(["/bin/sh", "-c", command], b"", seconds=60, environ=environ)
    return {"Authorization": f"Bearer {_token(done)}"}


CALLERS: dict[str, Callable[[Guarded, Path], dict[str, str]]] = {
    "codex.toml": codex,
    "claude.json": claude_code,
    "mise.toml": mise,
}


def _token(done: Outcome) -> str:
    token = done.stdout.decode().strip()
    if done.status != 0 or not token:
        raise HelperError(done.told)
    assert "\n" not in token
    return token
