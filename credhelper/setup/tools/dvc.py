"""DVC: a command that prints a token, for one WebDAV remote of the user's own configuration.

Source: DVC's documentation, "WebDAV", `bearer_token_command`; `dvc remote modify --global`.
"""

from __future__ import annotations

import re

from credhelper.errors import UsageError
from credhelper.setup import ask as asking
from credhelper.setup import reading
from credhelper.setup.plan import TOKEN, Ask, Entry, FileChange, Finding, Plan, WiringRequest

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = True

_KEY = "bearer_token_command"
_SECTION = re.compile(r"'remote \"([^\"]+)\"'")


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    name = request.name or _remote(request, _remotes(request))
    if name is None:
        raise UsageError(
            f"{_file(request)} names no WebDAV remote at {request.service}",
            hint="say what DVC calls it: --name NAME, and add its url there",
        )
    called = reading.called(request, PROGRAMS[0], r"[^\w/.+@:-]", f"{_KEY} has")
    if re.search(r"[^\w/.+@:~%-]", str(request.service)):
        raise UsageError(
            f"{_KEY} has no plain way to write {request.service}",
            hint="let the profile cover a part of it without such characters: --service URL",
        )
    command = " ".join([called, TOKEN, str(request.service), *request.options()])
    entry = Entry((_section(name),), ((_KEY, command),))
    return Plan((FileChange(_file(request), "ini", (entry,)),))


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what the remote's command prints: see `setup`."""
    remotes = _remotes(request)
    name = request.name or _remote(request, remotes) or ""
    words = asking.words_of(remotes.get(name, {}).get(_KEY, ""))
    if not words:
        return reading.unwired(request, _file(request), _KEY, "a remote")
    return asking.printed(ask(words), f"{_file(request)}: {words[0]}")


def _section(name: str) -> str:
    return f"'remote \"{name}\"'"


def _said(value: str) -> str:
    """Return what DVC's reader makes of a value, without its quotes and a comment behind it."""
    quoted = re.match(r"""(["'])(.*?)\1""", value)
    return quoted[2] if quoted else value.partition("#")[0].strip()


def _file(request: WiringRequest) -> str:
    default = request.below("XDG_CONFIG_HOME", "dvc/config", ".config/dvc/config")
    return request.below("DVC_GLOBAL_CONFIG_DIR", "config", default)


def _remotes(request: WiringRequest) -> dict[str, dict[str, str]]:
    sections = reading.sections(request, _file(request)).items()
    return {
        found[1]: {key: _said(value) for key, value in one.items()}
        for name, one in sections
        if (found := _SECTION.fullmatch(name))
    }


def _remote(request: WiringRequest, remotes: dict[str, dict[str, str]]) -> str | None:
    """Return the remote whose URL is at or below the service."""
    for name, remote in remotes.items():
        scheme, _, rest = remote.get("url", "").partition("://")
        url = f"{scheme.replace('webdav', 'http')}://{rest}"
        if scheme.startswith("webdav") and request.covers(url):
            return name
    return None
