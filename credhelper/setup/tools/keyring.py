"""pdm, hatch and others that call the program `keyring`: a link of that name.

Source: keyring's `cli.py`. On PATH the link hides a real keyring from every program: so only
`setup` makes it, in a folder of its own or in one that the user names.
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
