"""Set-ups that an input alone cannot make: each is a function that a case names.

A case's other members are handed to it by name, and so are the fixtures that it asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import getmembers, isfunction

from tests.hostile.scenarios import api, certificates, disks, herds, processes, streams, tokens

SCENARIOS: dict[str, Callable[..., None]] = {
    name: function
    for module in (api, certificates, disks, herds, processes, streams, tokens)
    for name, function in getmembers(module, isfunction)
    if function.__module__ == module.__name__ and not name.startswith("_")
}
