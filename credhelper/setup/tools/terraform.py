"""Terraform and OpenTofu: a credentials helper, among the plugins of the home folder.

Source: Terraform's "CLI Configuration File" and "Credentials Helpers". There can be only one
helper, which is asked about hosts. OpenTofu reads ~/.tofurc if it exists.
"""

from __future__ import annotations

import re

from credhelper.core.text import command
from credhelper.errors import UsageError
from credhelper.setup import ask as asking
from credhelper.setup import reading
from credhelper.setup.formats.documents import dict_at
from credhelper.setup.plan import (
    Ask,
    Entry,
    FileChange,
    Finding,
    LinkChange,
    Plan,
    WiringRequest,
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


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    if request.service.path:
        raise UsageError(
            f"Terraform asks for hosts alone, and {request.service} has a path",
            hint=f"let the profile cover the host: {command('--service', request.service.origin)}",
        )
    entry = Entry(("credentials_helper", "credhelper"), (("args", request.options()),))
    link = LinkChange(f"{_plugins(request)}/{LINK}", request.program.path)
    return Plan((FileChange(_file(request), "hcl", (entry,)),), (link,))


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what the helper that the file names says, called as Terraform does: see `setup`."""
    found = _HELPER.search(request.read(_file(request)) or "")
    if found is None:
        return Finding(trouble=f"{_file(request)} names no credentials helper")
    first = _asked_first(request)
    if first:
        return shadowed(*first)
    words = re.findall(r'"((?:[^"\\]|\\.)*)"', found[2])
    program = f"{_plugins(request)}/terraform-credentials-{found[1]}"
    answer = ask([program, *words, "get", request.service.netloc])
    named = f"{_file(request)}: {program}"
    return asking.parsed(answer, named, lambda said: said["token"], "nothing for this host")


def _asked_first(request: WiringRequest) -> tuple[str, str] | None:
    """Return what Terraform uses before a helper, and how to remove it; None if nothing."""
    host = request.service.netloc
    for name in request.environ:
        named = name.removeprefix(_VARIABLE).replace("__", "-").replace("_", ".").lower()
        if name.startswith(_VARIABLE) and named == host:
            return f"{name} is set", command("unset", name)
    if host in map(str.lower, _CREDENTIALS.findall(request.read(_file(request)) or "")):
        return f"{_file(request)} has credentials for {host}", "remove that block"
    stored = f"{request.home}/.terraform.d/credentials.tfrc.json"
    if _usual(request) and host in dict_at(
        reading.document(request, stored, "json"), "credentials"
    ):
        return f"{stored} has credentials for {host}", command("terraform", "logout", host)
    return None


def _usual(request: WiringRequest) -> bool:
    """Tell whether Terraform also reads the files of its own folder."""
    return not (request.variable("TF_CLI_CONFIG_FILE") or request.variable("TERRAFORM_CONFIG"))


def _file(request: WiringRequest) -> str:
    return request.variable("TF_CLI_CONFIG_FILE") or request.place(
        "TERRAFORM_CONFIG", ".terraformrc"
    )


def _plugins(request: WiringRequest) -> str:
    return f"{request.home}/.terraform.d/plugins"
