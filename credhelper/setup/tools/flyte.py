"""Flyte: a command that prints a token, for the platform in its file.

Source: flytekit, `configuration` and `clients/auth`, `authType: ExternalCommand`. The command is a
list, and runs without a shell.
"""

from __future__ import annotations

from typing import Any

from credhelper.core.text import command
from credhelper.errors import ConfigError, UsageError
from credhelper.setup import ask as asking
from credhelper.setup.plan import TOKEN, Ask, Entry, FileChange, Finding, Plan, WiringRequest

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = True
FILE = True

_TABLE = "admin"
_SCHEME = "dns:///"


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    if request.service.path:
        raise UsageError(
            f"platforms are known by their host alone, and {request.service} has a path",
            hint=f"let the profile name the host: {command('--service', request.service.origin)}",
        )
    own = f"{_SCHEME}{request.service.netloc}"
    known = _admin(request).get("endpoint", own)
    if known != own and not request.is_at(_url(str(known))):
        raise ConfigError(
            f"{_file(request)} is for another platform than {request.service}",
            hint="say which file: --file PATH",
        )
    words = [request.program.called(PROGRAMS[0]), TOKEN, str(request.service), *request.options()]
    values: list[tuple[str, Any]] = [("authType", "ExternalCommand"), ("command", words)]
    if known == own:
        values.insert(0, ("endpoint", own))
    return Plan((FileChange(_file(request), "yamlmap", (Entry((_TABLE,), tuple(values)),)),))


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what the command that the file names prints: see `setup`."""
    command = _admin(request).get("command")
    if not isinstance(command, list) or not command:
        return Finding(trouble=f"{_file(request)} names no command")
    answer = ask([str(word) for word in command])
    return asking.printed(answer, str(command[0]))


def _file(request: WiringRequest) -> str:
    return request.file or request.place("FLYTECTL_CONFIG", ".flyte/config.yaml")


def _admin(request: WiringRequest) -> dict[str, Any]:
    import yaml

    try:
        data = yaml.safe_load(request.read(_file(request)) or "")
    except (yaml.YAMLError, ValueError, RecursionError):
        data = None  # the edit will report it
    found = data.get(_TABLE) if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}


def _url(endpoint: str) -> str:
    # An endpoint is a host, bare or with one of several schemes of Flyte's own.
    return f"https://{endpoint.rpartition('/')[2]}"
