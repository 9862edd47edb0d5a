"""pdm, hatch and whatever else calls the program `keyring`: a link, where it is asked for.

Source: keyring's `cli.py`. It stands before a keyring that is there, for all who look on PATH: so
nobody but `setup` places it, and only into a folder of its own, or one that is named.
"""

from __future__ import annotations

from credhelper.setup.plan import Ask, Finding, Plan, WiringRequest
from credhelper.setup.tools import pip

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = False


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    return Plan(links=(request.link(pip.LINK),), notes=pip.on_path(request))


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what `keyring` says, as PATH leads to it: see `setup`."""
    return pip.check_keyring(request, ask)
