"""OpenBao: a token helper, as Vault's, in a file of its own.

Source: OpenBao, `api/tokenhelper`.
"""

from __future__ import annotations

from credhelper.setup.plan import Ask, Finding, Plan, WiringRequest
from credhelper.setup.tools import vault

PROGRAMS = vault.PROGRAMS
ON_PATH = False
PROFILE = False


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    return vault.plan_for(request, request.place("BAO_CONFIG_PATH", ".bao"), "BAO_ADDR")


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what the helper that the file names says to `get`: see `setup`."""
    path = request.place("BAO_CONFIG_PATH", ".bao")
    return vault.check_in(request, ask, path, "BAO_ADDR", ["BAO_TOKEN", "VAULT_TOKEN"])
