"""The Databricks SDKs: what they take for the Databricks CLI, in a section of ~/.databrickscfg.

Source: the SDK for Python, `config.py` and `credentials_provider.py`. For a section the SDKs tell
that CLI nothing but the section's name, which it takes for a profile of ours: so the section bears
the name of the profile that names its host. They start one word, so a link's name says the
protocol.
"""

from __future__ import annotations

import configparser
import json
import re

from credhelper.errors import UsageError
from credhelper.setup import ask as asking
from credhelper.setup.plan import (
    Ask,
    Entry,
    FileChange,
    Finding,
    Plan,
    Wish,
    shadowed,
)

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = True

LINK = "credhelper-databricks"
_AUTH = "databricks-cli"
_VARIABLE = "DATABRICKS_CONFIG_PROFILE"


def plan(wish: Wish) -> Plan:
    """Return what it takes: see `setup`."""
    if wish.service.path:
        raise UsageError(
            f"workspaces are asked for by their host alone, and {wish.service} has a path",
            hint=f"let the profile name the host: --service {wish.service.origin}",
        )
    if wish.name not in (None, wish.owner):
        raise UsageError(
            f"the section has to be called as the profile whose token it gets: {wish.owner}",
            hint="leave --name out",
        )
    link = wish.link(LINK)
    if re.search(r"^\s|\s$|[;#]", link.path):
        raise UsageError(
            f"{_file(wish)} has no plain way to write {link.path}", hint="choose a --bin DIR"
        )
    values = [("auth_type", _AUTH), ("databricks_cli_path", link.path)]
    host = _section(wish).get("host", "")
    if host == str(wish.service) or not wish.is_at(host):
        values.insert(0, ("host", str(wish.service)))
    notes: tuple[str, ...] = ()
    if wish.environ.get(_VARIABLE) != wish.owner:
        notes = (f"to use it: export {_VARIABLE}={wish.owner}",)
    entry = Entry((wish.owner,), tuple(values))
    return Plan((FileChange(_file(wish), "ini", (entry,)),), (link,), notes)


def check(wish: Wish, ask: Ask) -> Finding:
    """Return what the section's CLI says when an SDK asks it for a token: see `setup`."""
    section = _section(wish)
    program = section.get("databricks_cli_path")
    if not program or not wish.is_at(section.get("host", "")):
        return Finding(trouble=f"{_file(wish)} names no CLI for {wish.service} in [{wish.owner}]")
    for name, own in (("DATABRICKS_AUTH_TYPE", _AUTH), ("DATABRICKS_CLI_PATH", program)):
        if wish.environ.get(name, own) != own:
            return shadowed(f"{name} is set to something else", f"unset {name}")
    host = wish.environ.get("DATABRICKS_HOST", "")
    if host and not wish.is_at(host):
        return shadowed("DATABRICKS_HOST is set to another workspace", "unset DATABRICKS_HOST")
    answer = ask([program, "auth", "token", "--profile", wish.owner])
    try:
        return Finding(json.loads(answer.stdout)["access_token"])
    except (ValueError, KeyError, TypeError):
        return Finding(trouble=f"{program}: {asking.complaint(answer) or 'no answer'}")


def _file(wish: Wish) -> str:
    return wish.place("DATABRICKS_CONFIG_FILE", ".databrickscfg")


def _section(wish: Wish) -> dict[str, str]:
    parser = configparser.RawConfigParser(default_section="\0")
    try:
        parser.read_string(wish.read(_file(wish)) or "")
        return dict(parser.items(wish.owner))
    except configparser.Error:
        return {}  # what cannot be read is told of when the file is to be changed
