"""Cargo: a credential provider for one registry.

Source: the Cargo book, "Registry Authentication" and "Configuration" (Cargo 1.74 and newer).
`[registries.NAME] credential-provider` is a program and its arguments. Cargo looks for a program
without a slash on PATH, and sends us the arguments inside the request.
"""

from __future__ import annotations

import json
import tomllib
from typing import Any

from credhelper.errors import UsageError
from credhelper.setup import ask as asking
from credhelper.setup.plan import Ask, Entry, FileChange, Finding, Plan, WiringRequest, set_before

PROGRAMS = ("cargo-credential-credhelper",)
ON_PATH = False
PROFILE = True


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    name = request.name or _registry(request)
    if name is None:
        raise UsageError(
            f"{_file(request)} names no registry at {request.service}",
            hint="say what Cargo shall call it: --name NAME, and add its index there",
        )
    called, links = request.callable(PROGRAMS[0])
    entry = Entry(("registries", name), (("credential-provider", [called, *request.options()]),))
    notes: tuple[str, ...] = ()
    if "index" not in _registries(request).get(name, {}):
        notes = (f"Cargo needs the registry's index, too: index of [registries.{name}]",)
    return Plan((FileChange(_file(request), "toml", (entry,)),), links, notes)


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what the provider in Cargo's file answers when called as Cargo does: see `setup`."""
    name = request.name or _registry(request)
    registry = _registries(request).get(name or "", {})
    words = registry.get("credential-provider")
    variable = f"CARGO_REGISTRIES_{(name or '').upper().replace('-', '_')}_CREDENTIAL_PROVIDER"
    finding = set_before(request.environ, [variable])
    if finding:
        return finding
    if isinstance(words, str):
        words = words.split()
    if not isinstance(words, list) or not words:
        return Finding(
            trouble=f"{_file(request)} names no provider for a registry at {request.service}"
        )
    index = registry.get("index", f"sparse+{request.service}/")
    message = {
        "v": 1,
        "registry": {"index-url": index, "name": name},
        "kind": "get",
        "operation": "read",
        "args": words[1:],
    }
    answer = ask([words[0], "--cargo-plugin"], json.dumps(message).encode() + b"\n")
    try:
        said = json.loads(answer.stdout.split(b"\n")[1])
        if "Ok" in said:
            return Finding(said["Ok"]["token"].removeprefix("Bearer "))
        refusal = said["Err"]
        return Finding(trouble=refusal.get("message") or f"{words[0]}: {refusal['kind']}")
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return asking.failed(answer, words[0])


def _file(request: WiringRequest) -> str:
    """Return Cargo's file. Cargo prefers an old one without the extension."""
    path = request.below("CARGO_HOME", "config.toml", ".cargo/config.toml")
    old = path.removesuffix(".toml")
    return old if request.read(old) is not None else path


def _registries(request: WiringRequest) -> dict[str, Any]:
    try:
        found = tomllib.loads(request.read(_file(request)) or "").get("registries", {})
    except ValueError:
        return {}
    registries = found if isinstance(found, dict) else {}
    return {name: one for name, one in registries.items() if isinstance(one, dict)}


def _registry(request: WiringRequest) -> str | None:
    """Return Cargo's name of the registry whose index is at or below the service."""
    for name, one in _registries(request).items():
        index = one.get("index")
        if isinstance(index, str) and request.covers(index.partition("+")[2] or index):
            return name
    return None
