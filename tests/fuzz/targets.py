"""The one list of targets. Each module is loaded alone: to guide a fuzzer through it takes time."""

from __future__ import annotations

from importlib import import_module

from tests.fuzz.target import Target

_MODULES = ("dialogues", "files", "texts", "wire")


def every() -> dict[str, Target]:
    """Return all targets by name."""
    return {target.name: target for module in _MODULES for target in _of(module)}


def find(name: str) -> Target:
    """Return one target. Raises KeyError for an unknown name."""
    for module in (*_MODULES, "planted"):
        for target in _of(module) if _may_have(module, name) else ():
            if target.name == name:
                return target
    raise KeyError(name)


def _of(module: str) -> list[Target]:
    return list(import_module(f"tests.fuzz.{module}").targets())


def _may_have(module: str, name: str) -> bool:
    if "planted" in (module, name):
        return module == name
    return (module == "dialogues") == name.startswith("protocol-")
