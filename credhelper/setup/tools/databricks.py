"""The Databricks SDKs: a link in place of the Databricks CLI, in a section of ~/.databrickscfg.

Source: the SDK for Python, `config.py` and `credentials_provider.py`. The SDKs pass
the CLI only the section's name, which our protocol reads as a profile's: so the section has the
name of the profile for its host. They start a program of one word: a link, whose name says the
protocol.
"""

from __future__ import annotations

import re

from credhelper.core.text import command, export
from credhelper.errors import UsageError
from credhelper.setup import ask as asking
from credhelper.setup import reading
from credhelper.setup.plan import (
    Ask,
    Entry,
    FileChange,
    Finding,
    Plan,
    WiringRequest,
    hosts_only,
    shadowed,
)

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = True

LINK = "credhelper-databricks"
_AUTH = "databricks-cli"
_VARIABLE = "DATABRICKS_CONFIG_PROFILE"


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    hosts_only(request, "workspaces")
    if request.name not in (None, request.owner):
        raise UsageError(
            f"the section has to be called as the profile whose token it gets: {request.owner}",
            hint="leave --name out",
        )
    link = request.link(LINK)
    if re.search(r"^\s|\s$|[;#]", link.path):
        raise UsageError(
            f"{_file(request)} has no plain way to write {link.path}", hint="choose a --bin DIR"
        )
    values = [("auth_type", _AUTH), ("databricks_cli_path", link.path)]
    host = _section(request).get("host", "")
    if host == str(request.service) or not request.is_at(host):
        values.insert(0, ("host", str(request.service)))
    notes: tuple[str, ...] = ()
    if request.environ.get(_VARIABLE) != request.owner:
        notes = (f"to use it: {export(_VARIABLE, request.owner)}",)
    entry = Entry((request.owner,), tuple(values))
    return Plan((FileChange(_file(request), "ini", (entry,)),), (link,), notes)


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what the section's CLI says when an SDK asks it for a token: see `setup`."""
    section = _section(request)
    program = section.get("databricks_cli_path")
    if not program or not request.is_at(section.get("host", "")):
        return Finding(
            trouble=f"{_file(request)} names no CLI for {request.service} in [{request.owner}]"
        )
    for name, own in (("DATABRICKS_AUTH_TYPE", _AUTH), ("DATABRICKS_CLI_PATH", program)):
        if request.environ.get(name, own) != own:
            return shadowed(f"{name} is set to something else", command("unset", name))
    host = request.environ.get("DATABRICKS_HOST", "")
    if host and not request.is_at(host):
        return shadowed("DATABRICKS_HOST is set to another workspace", "unset DATABRICKS_HOST")
    answer = ask([program, "auth", "token", "--profile", request.owner])
    named = f"{_file(request)}: {program}"
    return asking.parsed(answer, named, lambda said: said["access_token"])


def _file(request: WiringRequest) -> str:
    return request.place("DATABRICKS_CONFIG_FILE", ".databrickscfg")


def _section(request: WiringRequest) -> dict[str, str]:
    return reading.sections(request, _file(request)).get(request.owner, {})
