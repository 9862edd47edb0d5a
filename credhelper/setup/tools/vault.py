"""Vault: a token helper, for servers that take our tokens as they are.

Source: Vault's documentation, "Custom token helper". A shell reads the path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from credhelper.core.text import export
from credhelper.errors import UsageError
from credhelper.setup import ask as asking
from credhelper.setup.plan import Ask, Entry, FileChange, Finding, Plan, WiringRequest, set_before

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = False

LINK = "vault-token-credhelper"
_HELPER = re.compile(r'^[ \t]*token_helper[ \t]*=[ \t]*"([^"]*)"', re.MULTILINE)


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    return plan_for(request, request.place("VAULT_CONFIG_PATH", ".vault"), "VAULT_ADDR")


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what the helper that the file names says to `get`: see `setup`."""
    path = request.place("VAULT_CONFIG_PATH", ".vault")
    return check_in(request, ask, path, "VAULT_ADDR", ["VAULT_TOKEN"])


def plan_for(request: WiringRequest, path: str, variable: str) -> Plan:
    """Return the plan for a tool that reads `path`, and finds its server in `variable`."""
    link = request.link(LINK)
    if re.search(r"[^\w/.+@:-]", link.path):
        raise UsageError(f"a shell would split this path: {link.path}", hint="choose a --bin DIR")
    entry = Entry((), (("token_helper", link.path),))
    notes: tuple[str, ...] = ()
    if request.environ.get(variable, "").rstrip("/") != str(request.service):
        how = export(variable, str(request.service))
        notes = (f"it is asked about the server in {variable}: {how}",)
    return Plan((FileChange(path, "hcl", (entry,)),), (link,), notes)


def check_in(
    request: WiringRequest, ask: Ask, path: str, variable: str, tokens: Iterable[str]
) -> Finding:
    """Return what the helper in `path` answers; one of the variables `tokens` comes before it."""
    found = _HELPER.search(request.read(path) or "")
    if found is None:
        return Finding(trouble=f"{path} names no token helper")
    finding = set_before(request.environ, tokens)
    if finding:
        return finding
    answer = ask(
        [found[1], "get"], b"", {"BAO_ADDR": "", "VAULT_ADDR": "", variable: str(request.service)}
    )
    token = answer.stdout.decode("utf-8", "replace")
    if answer.status == 0 and token:
        return Finding(token)
    return asking.failed(answer, f"{path}: {found[1]}", "nothing for this server")
