"""Flyte: a command that prints a token, for the one platform of its file.

Source: flytekit, `configuration` and `clients/auth`, `authType: ExternalCommand`. The command is a
list, and is run as it is.
"""

from __future__ import annotations

from typing import Any

from credhelper.errors import ConfigError, UsageError
from credhelper.setup import ask as asking
from credhelper.setup.plan import TOKEN, Ask, Entry, FileChange, Finding, Plan, Wish

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = True
FILE = True

_TABLE = "admin"
_SCHEME = "dns:///"


def plan(wish: Wish) -> Plan:
    """Return what it takes: see `setup`."""
    if wish.service.path:
        raise UsageError(
            f"platforms are known by their host alone, and {wish.service} has a path",
            hint=f"let the profile name the host: --service {wish.service.origin}",
        )
    own = f"{_SCHEME}{wish.service.netloc}"
    told = _admin(wish).get("endpoint", own)
    if told != own and not wish.is_at(_url(str(told))):
        raise ConfigError(
            f"{_file(wish)} is for another platform than {wish.service}",
            hint="say which file: --file PATH",
        )
    words = [wish.program.called(PROGRAMS[0]), TOKEN, str(wish.service), *wish.options()]
    values: list[tuple[str, Any]] = [("authType", "ExternalCommand"), ("command", words)]
    if told == own:
        values.insert(0, ("endpoint", own))
    return Plan((FileChange(_file(wish), "yamlmap", (Entry((_TABLE,), tuple(values)),)),))


def check(wish: Wish, ask: Ask) -> Finding:
    """Return what the command that the file names prints: see `setup`."""
    command = _admin(wish).get("command")
    if not isinstance(command, list) or not command:
        return Finding(trouble=f"{_file(wish)} names no command")
    answer = ask([str(word) for word in command])
    token = answer.stdout.decode("utf-8", "replace").strip()
    if answer.status == 0 and token:
        return Finding(token)
    return Finding(trouble=f"{command[0]}: {asking.complaint(answer) or 'no answer'}")


def _file(wish: Wish) -> str:
    return wish.file or wish.place("FLYTECTL_CONFIG", ".flyte/config.yaml")


def _admin(wish: Wish) -> dict[str, Any]:
    import yaml

    try:
        data = yaml.safe_load(wish.read(_file(wish)) or "")
    except (yaml.YAMLError, ValueError, RecursionError):
        data = None  # told of when the file is to be changed
    found = data.get(_TABLE) if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}


def _url(endpoint: str) -> str:
    # An endpoint is a host, bare or behind one of several schemes of its own.
    return f"https://{endpoint.rpartition('/')[2]}"
