"""Which part of redis-py is loaded: its connections alone, where nobody else can want the rest.

Its `__init__` imports its asyncio half and all its commands, and costs more than the connections.
"""

from __future__ import annotations

import sys
from importlib import import_module, util

NAME = "redis"


def spare() -> None:
    """Let the connections be imported without the package's `__init__`, in a program of ours.

    In another program somebody may want the whole package: there nothing changes.
    """
    if NAME in sys.modules or not (sys.flags.isolated and sys.flags.no_site):
        return
    spec = util.find_spec(NAME)
    if spec is None:
        return
    sys.modules[NAME] = util.module_from_spec(spec)
    try:
        import_module(f"{NAME}.connection")
    except (ImportError, AttributeError):  # a version whose connections need more
        for name in [name for name in sys.modules if f"{name}.".startswith(f"{NAME}.")]:
            del sys.modules[name]


def complete() -> None:
    """Import the whole package: for Sentinels and clusters."""
    package = import_module(NAME)
    if not hasattr(package, "Redis") and package.__spec__ and package.__spec__.loader:
        package.__spec__.loader.exec_module(package)
