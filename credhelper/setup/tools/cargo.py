"""Cargo: a credential provider for one registry.

Source: the Cargo book, "Registry Authentication" and "Configuration" (Cargo 1.74 and newer).
`[registries.NAME] credential-provider` is a program and its arguments. Cargo looks for a program
without a slash on PATH, and sends us the arguments inside the request.
"""

from __future__ import annotations

import json
from typing import Any

from credhelper.errors import UsageError
from credhelper.setup import ask as asking
from credhelper.setup import reading
from credhelper.setup.formats import documents
from credhelper.setup.formats.documents import dicts_at, text_at, words_at
from credhelper.setup.plan import Ask, Entry, FileChange, Finding, Plan, WiringRequest, set_before

PROGRAMS = ("cargo-credential-credhelper",)
ON_PATH = False
PROFILE = True


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    registries = _registries(request)
    name = request.name or _registry(request, registries)
    if name is None:
        raise UsageError(
            f"{_file(request)} names no registry at {request.service}",
            hint="say what Cargo shall call it: --name NAME, and add its index there",
        )
    called, links = request.callable(PROGRAMS[0])
    entry = Entry(("registries", name), (("credential-provider", [called, *request.options()]),))
    notes: tuple[str, ...] = ()
    if "index" not in registries.get(name, {}):
        notes = (f"Cargo needs the registry's index, too: index of [registries.{name}]",)
    return Plan((FileChange(_file(request), "toml", (entry,)),), links, notes)


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what the provider in Cargo's file answers when called as Cargo does: see `setup`."""
    registries = _registries(request)
    name = request.name or _registry(request, registries)
    registry = registries.get(name or "", {})
    line = registry.get("credential-provider")
    words = line.split() if isinstance(line, str) else words_at(registry, "credential-provider")
    variable = f"CARGO_REGISTRIES_{(name or '').upper().replace('-', '_')}_CREDENTIAL_PROVIDER"
    finding = set_before(request.environ, [variable])
    if finding:
        return finding
    if not words:
        return reading.unwired(request, _file(request), "provider", "a registry")
    index = text_at(registry, "index") or f"sparse+{request.service}/"
    message = {
        "v": 1,
        "registry": {"index-url": index, "name": name},
        "kind": "get",
        "operation": "read",
        "args": words[1:],
    }
    answer = ask([words[0], "--cargo-plugin"], json.dumps(message).encode() + b"\n")
    program = f"{_file(request)}: {words[0]}"
    try:
        said = documents.answer((answer.stdout.split(b"\n")[1:] or [b""])[0])
    except ValueError:
        said = {}
    token = text_at(said, "Ok", "token").removeprefix("Bearer ")
    wrong = text_at(said, "Err", "message") or text_at(said, "Err", "kind")
    if token or not wrong:
        return Finding(token) if token else asking.failed(answer, program)
    return Finding(trouble=f"{program}: {wrong}")


def _file(request: WiringRequest) -> str:
    """Return Cargo's file. Cargo prefers an old one without the extension."""
    path = request.below("CARGO_HOME", "config.toml", ".cargo/config.toml")
    old = path.removesuffix(".toml")
    return old if request.read(old) is not None else path


def _registries(request: WiringRequest) -> dict[str, dict[str, Any]]:
    return dicts_at(reading.document(request, _file(request), "toml"), "registries")


def _registry(request: WiringRequest, registries: dict[str, dict[str, Any]]) -> str | None:
    """Return Cargo's name of the registry whose index is at or below the service."""
    for name, one in registries.items():
        index = one.get("index")
        if isinstance(index, str) and request.covers(index.partition("+")[2] or index):
            return name
    return None
