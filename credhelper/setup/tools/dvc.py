"""DVC: a command that prints a token, for one WebDAV remote of the user's own configuration.

Source: DVC's documentation, "WebDAV", `bearer_token_command`; `dvc remote modify --global`.
"""

from __future__ import annotations

import configparser
import re
import shlex

from credhelper.errors import UsageError
from credhelper.setup import ask as asking
from credhelper.setup.plan import TOKEN, Ask, Entry, FileChange, Finding, Plan, WiringRequest

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = True

_KEY = "bearer_token_command"
_SECTION = re.compile(r"'remote \"([^\"]+)\"'")


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    name = request.name or _remote(request)
    if name is None:
        raise UsageError(
            f"{_file(request)} names no WebDAV remote at {request.service}",
            hint="say what DVC calls it: --name NAME, and add its url there",
        )
    called = request.program.called(PROGRAMS[0])
    if re.search(r"[^\w/.+@:-]", called):
        raise UsageError(
            f"{_KEY} has no plain way to write this path: {called}",
            hint="put a link to it into a folder with a plainer name, first on PATH",
        )
    if re.search(r"[^\w/.+@:~%-]", str(request.service)):
        raise UsageError(
            f"{_KEY} has no plain way to write {request.service}",
            hint="let the profile name a part of it without such characters: --service URL",
        )
    command = " ".join([called, TOKEN, str(request.service), *request.options()])
    entry = Entry((_section(name),), ((_KEY, command),))
    return Plan((FileChange(_file(request), "ini", (entry,)),))


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what the remote's command prints: see `setup`."""
    name = request.name or _remote(request) or ""
    command = _remotes(request).get(name, {}).get(_KEY)
    if not command:
        return Finding(
            trouble=f"{_file(request)} names no {_KEY} for a remote at {request.service}"
        )
    answer = ask(shlex.split(command))
    return asking.printed(answer, command.split()[0])


def _section(name: str) -> str:
    return f"'remote \"{name}\"'"


def _file(request: WiringRequest) -> str:
    default = request.below("XDG_CONFIG_HOME", "dvc/config", ".config/dvc/config")
    return request.below(
        "DVC_GLOBAL_CONFIG_DIR", "config", default.removeprefix(f"{request.home}/")
    )


def _remotes(request: WiringRequest) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser(default_section="\0")
    try:
        parser.read_string(request.read(_file(request)) or "")
    except configparser.Error:
        return {}  # the edit will report it
    found = {}
    for section in parser.sections():
        match = _SECTION.fullmatch(section)
        if match:
            found[match[1]] = dict(parser.items(section))
    return found


def _remote(request: WiringRequest) -> str | None:
    """Return the remote whose URL is at or below the service."""
    for name, remote in _remotes(request).items():
        scheme, _, rest = remote.get("url", "").partition("://")
        url = f"{scheme.replace('webdav', 'http')}://{rest}"
        if scheme.startswith("webdav") and request.covers(url):
            return name
    return None
