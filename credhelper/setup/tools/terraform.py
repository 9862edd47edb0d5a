"""Terraform and OpenTofu: a credentials helper, among the plugins of the home folder.

Source: Terraform's "CLI Configuration File" and "Credentials Helpers". There can be one helper
only; it is asked about hosts. OpenTofu reads ~/.tofurc where there is one.
"""

from __future__ import annotations

import json
import re

from credhelper.errors import UsageError
from credhelper.setup import ask as asking
from credhelper.setup.plan import (
    Ask,
    Entry,
    FileChange,
    Finding,
    LinkChange,
    Plan,
    Wish,
    shadowed,
)

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = True

LINK = "terraform-credentials-credhelper"
_HELPER = re.compile(
    r'^[ \t]*credentials_helper[ \t]+"([\w-]+)"[ \t]*\{(.*?)\}', re.MULTILINE | re.DOTALL
)
_CREDENTIALS = re.compile(r'^[ \t]*credentials[ \t]+"([^"]+)"', re.MULTILINE)
_VARIABLE = "TF_TOKEN_"


def plan(wish: Wish) -> Plan:
    """Return what it takes: see `setup`."""
    if wish.service.path:
        raise UsageError(
            f"Terraform asks for hosts alone, and {wish.service} has a path",
            hint=f"let the profile name the host: --service {wish.service.origin}",
        )
    entry = Entry(("credentials_helper", "credhelper"), (("args", wish.options()),))
    link = LinkChange(f"{_plugins(wish)}/{LINK}", wish.program.path)
    return Plan((FileChange(_file(wish), "hcl", (entry,)),), (link,))


def check(wish: Wish, ask: Ask) -> Finding:
    """Return what the helper that the file names says, called as Terraform does: see `setup`."""
    found = _HELPER.search(wish.read(_file(wish)) or "")
    if found is None:
        return Finding(trouble=f"{_file(wish)} names no credentials helper")
    first = _asked_first(wish)
    if first:
        return shadowed(*first)
    words = re.findall(r'"((?:[^"\\]|\\.)*)"', found[2])
    program = f"{_plugins(wish)}/terraform-credentials-{found[1]}"
    answer = ask([program, *words, "get", wish.service.netloc])
    try:
        return Finding(json.loads(answer.stdout)["token"])
    except (ValueError, KeyError, TypeError):
        return Finding(trouble=f"{program}: {asking.complaint(answer) or 'nothing for this host'}")


def _asked_first(wish: Wish) -> tuple[str, str] | None:
    """Return what Terraform believes before a helper, and what to do about it."""
    host = wish.service.netloc
    for name in wish.environ:
        told = name.removeprefix(_VARIABLE).replace("__", "-").replace("_", ".").lower()
        if name.startswith(_VARIABLE) and told == host:
            return f"{name} is set", f"unset {name}"
    if host in map(str.lower, _CREDENTIALS.findall(wish.read(_file(wish)) or "")):
        return f"{_file(wish)} has credentials for {host}", "take that block out"
    stored = f"{wish.home}/.terraform.d/credentials.tfrc.json"
    try:
        known = json.loads(wish.read(stored) or "{}")["credentials"]
    except (ValueError, KeyError, TypeError, RecursionError):
        known = {}
    if _usual(wish) and host in known:
        return f"{stored} has credentials for {host}", f"terraform logout {host}"
    return None


def _usual(wish: Wish) -> bool:
    """Tell whether Terraform reads the files of its own folder, too."""
    return not (wish.told("TF_CLI_CONFIG_FILE") or wish.told("TERRAFORM_CONFIG"))


def _file(wish: Wish) -> str:
    return wish.told("TF_CLI_CONFIG_FILE") or wish.place("TERRAFORM_CONFIG", ".terraformrc")


def _plugins(wish: Wish) -> str:
    return f"{wish.home}/.terraform.d/plugins"
