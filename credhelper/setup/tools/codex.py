"""Codex: a command that prints a token, for one model provider.

Source: Codex's documentation of its configuration, `model_providers.<id>.auth`. The command is run
as it is, without a shell, and has 5 seconds.
"""

from __future__ import annotations

import tomllib
from typing import Any

from credhelper.core.text import printable
from credhelper.errors import ConfigError, UsageError
from credhelper.setup import ask as asking
from credhelper.setup.plan import TOKEN, Ask, Entry, FileChange, Finding, Plan, Wish

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = True

_APART = ("env_key", "experimental_bearer_token", "requires_openai_auth")


def plan(wish: Wish) -> Plan:
    """Return what it takes: see `setup`."""
    name = wish.name or _provider(wish)
    if name is None:
        raise UsageError(
            f"{_file(wish)} names no provider at {wish.service}",
            hint="say what Codex calls it: --name NAME, and add its base_url there",
        )
    for key in _APART:
        if _providers(wish).get(name, {}).get(key):
            raise ConfigError(
                f"{_file(wish)}: {printable(name)} has {key}, and Codex reads no file that has a"
                " command beside it",
                hint="take it out first, or name another provider: --name NAME",
            )
    values = (
        ("command", wish.program.called(PROGRAMS[0])),
        ("args", [TOKEN, str(wish.service), *wish.options()]),
        ("timeout_ms", 5000),
        ("refresh_interval_ms", 300000),
    )
    entry = Entry(("model_providers", name, "auth"), values)
    notes: tuple[str, ...] = ()
    if "base_url" not in _providers(wish).get(name, {}):
        notes = (f"Codex needs the provider's URL, too: base_url of [model_providers.{name}]",)
    return Plan((FileChange(_file(wish), "toml", (entry,)),), notes=notes)


def check(wish: Wish, ask: Ask) -> Finding:
    """Return what the provider's command prints: see `setup`."""
    name = wish.name or _provider(wish) or ""
    auth = _providers(wish).get(name, {}).get("auth")
    if not isinstance(auth, dict) or not isinstance(auth.get("command"), str):
        return Finding(trouble=f"{_file(wish)} names no command for a provider at {wish.service}")
    for key in _APART:
        if _providers(wish)[name].get(key):
            return Finding(trouble=f"{_file(wish)}: {name} has {key} beside a command: Codex stops")
    answer = ask([auth["command"], *map(str, auth.get("args") or [])])
    token = answer.stdout.decode("utf-8", "replace").strip()
    if answer.status == 0 and token:
        return Finding(token)
    return Finding(trouble=f"{auth['command']}: {asking.complaint(answer) or 'no answer'}")


def _file(wish: Wish) -> str:
    return wish.below("CODEX_HOME", "config.toml", ".codex/config.toml")


def _providers(wish: Wish) -> dict[str, dict[str, Any]]:
    try:
        found = tomllib.loads(wish.read(_file(wish)) or "").get("model_providers", {})
    except ValueError:
        return {}  # told of when the file is to be changed
    known = found if isinstance(found, dict) else {}
    return {name: one for name, one in known.items() if isinstance(one, dict)}


def _provider(wish: Wish) -> str | None:
    """Return the provider whose URL is at or below the service."""
    known = _providers(wish).items()
    return next((name for name, one in known if wish.covers(str(one.get("base_url", "")))), None)
