"""OpenBao: a token helper, as Vault's, in a file of its own.

Source: OpenBao, `api/tokenhelper`.
"""

from __future__ import annotations

from credhelper.setup.plan import Ask, Finding, Plan, Wish
from credhelper.setup.tools import vault

PROGRAMS = vault.PROGRAMS
ON_PATH = False
PROFILE = False


def plan(wish: Wish) -> Plan:
    """Return what it takes: see `setup`."""
    return vault.plan_for(wish, wish.place("BAO_CONFIG_PATH", ".bao"), "BAO_ADDR")


def check(wish: Wish, ask: Ask) -> Finding:
    """Return what the helper that the file names says to `get`: see `setup`."""
    path = wish.place("BAO_CONFIG_PATH", ".bao")
    return vault.check_in(wish, ask, path, "BAO_ADDR", ["BAO_TOKEN", "VAULT_TOKEN"])
