"""Codex: a command that prints a token, for one model provider.

Source: Codex's documentation of its configuration, `model_providers.<id>.auth`. Codex runs the
command without a shell, and waits 5 seconds.
"""

from __future__ import annotations

from typing import Any

from credhelper.core.text import printable
from credhelper.errors import ConfigError, UsageError
from credhelper.setup import ask as asking
from credhelper.setup import reading
from credhelper.setup.formats.documents import dicts_at, text_at, words_at
from credhelper.setup.plan import TOKEN, Ask, Entry, FileChange, Finding, Plan, WiringRequest

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = True

_APART = ("env_key", "experimental_bearer_token", "requires_openai_auth")


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    providers = _providers(request)
    name = request.name or request.match(providers, "base_url")
    if name is None:
        raise UsageError(
            f"{_file(request)} names no provider at {request.service}",
            hint="say what Codex calls it: --name NAME, and add its base_url there",
        )
    for key in _APART:
        if providers.get(name, {}).get(key):
            raise ConfigError(
                f"{_file(request)}: {printable(name)} has {key}, and Codex reads no file that has a"
                " command beside it",
                hint="remove it first, or choose another provider: --name NAME",
            )
    values = (
        ("command", request.program.called(PROGRAMS[0])),
        ("args", [TOKEN, str(request.service), *request.options()]),
        ("timeout_ms", 5000),
        ("refresh_interval_ms", 300000),
    )
    entry = Entry(("model_providers", name, "auth"), values)
    notes: tuple[str, ...] = ()
    if "base_url" not in providers.get(name, {}):
        notes = (f"Codex needs the provider's URL, too: base_url of [model_providers.{name}]",)
    return Plan((FileChange(_file(request), "toml", (entry,)),), notes=notes)


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what the provider's command prints: see `setup`."""
    providers = _providers(request)
    name = request.name or request.match(providers, "base_url") or ""
    command = text_at(providers, name, "auth", "command")
    words = words_at(providers, name, "auth", "args")
    if not command or words is None:
        return reading.unwired(request, _file(request), "command", "a provider")
    for key in _APART:
        if providers[name].get(key):
            return Finding(
                trouble=f"{_file(request)}: {name} has {key} beside a command: Codex stops",
                hint=f"remove {key}",
            )
    return asking.printed(ask([command, *words]), f"{_file(request)}: {command}")


def _file(request: WiringRequest) -> str:
    return request.below("CODEX_HOME", "config.toml", ".codex/config.toml")


def _providers(request: WiringRequest) -> dict[str, dict[str, Any]]:
    return dicts_at(reading.document(request, _file(request), "toml"), "model_providers")
