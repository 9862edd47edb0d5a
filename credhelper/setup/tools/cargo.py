"""Cargo: a credential provider for one registry.

Source: the Cargo book, "Registry Authentication" and "Configuration" (Cargo 1.74 and newer).
`[registries.NAME] credential-provider` is a program and words for it; without a slash the program
is looked for on PATH. The words come to us inside the request.
"""

from __future__ import annotations

import json
import tomllib
from typing import Any

from credhelper.errors import UsageError
from credhelper.setup import ask as asking
from credhelper.setup.plan import Ask, Entry, FileChange, Finding, Plan, Wish, set_before

PROGRAMS = ("cargo-credential-credhelper",)
ON_PATH = False
PROFILE = True


def plan(wish: Wish) -> Plan:
    """Return what it takes: see `setup`."""
    name = wish.name or _registry(wish)
    if name is None:
        raise UsageError(
            f"{_file(wish)} names no registry at {wish.service}",
            hint="say what Cargo shall call it: --name NAME, and add its index there",
        )
    called, links = wish.callable(PROGRAMS[0])
    entry = Entry(("registries", name), (("credential-provider", [called, *wish.options()]),))
    notes: tuple[str, ...] = ()
    if "index" not in _registries(wish).get(name, {}):
        notes = (f"Cargo needs the registry's index, too: index of [registries.{name}]",)
    return Plan((FileChange(_file(wish), "toml", (entry,)),), links, notes)


def check(wish: Wish, ask: Ask) -> Finding:
    """Return what the provider that Cargo's file names says to Cargo's own words: see `setup`."""
    name = wish.name or _registry(wish)
    registry = _registries(wish).get(name or "", {})
    words = registry.get("credential-provider")
    variable = f"CARGO_REGISTRIES_{(name or '').upper().replace('-', '_')}_CREDENTIAL_PROVIDER"
    finding = set_before(wish.environ, [variable])
    if finding:
        return finding
    if isinstance(words, str):
        words = words.split()
    if not isinstance(words, list) or not words:
        return Finding(trouble=f"{_file(wish)} names no provider for a registry at {wish.service}")
    index = registry.get("index", f"sparse+{wish.service}/")
    request = {
        "v": 1,
        "registry": {"index-url": index, "name": name},
        "kind": "get",
        "operation": "read",
        "args": words[1:],
    }
    answer = ask([words[0], "--cargo-plugin"], json.dumps(request).encode() + b"\n")
    try:
        said = json.loads(answer.stdout.split(b"\n")[1])
        if "Ok" in said:
            return Finding(said["Ok"]["token"].removeprefix("Bearer "))
        told = said["Err"]
        return Finding(trouble=told.get("message") or f"{words[0]}: {told['kind']}")
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return Finding(trouble=f"{words[0]}: {asking.complaint(answer) or 'no answer'}")


def _file(wish: Wish) -> str:
    """Return Cargo's file; an old one without the extension wins where it is."""
    path = wish.below("CARGO_HOME", "config.toml", ".cargo/config.toml")
    old = path.removesuffix(".toml")
    return old if wish.read(old) is not None else path


def _registries(wish: Wish) -> dict[str, Any]:
    try:
        found = tomllib.loads(wish.read(_file(wish)) or "").get("registries", {})
    except ValueError:
        return {}
    registries = found if isinstance(found, dict) else {}
    return {name: one for name, one in registries.items() if isinstance(one, dict)}


def _registry(wish: Wish) -> str | None:
    """Return what Cargo's file calls the registry whose index is at or below the service."""
    for name, one in _registries(wish).items():
        index = one.get("index")
        if isinstance(index, str) and wish.covers(index.partition("+")[2] or index):
            return name
    return None
