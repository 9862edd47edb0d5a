"""rclone: a command that prints a token, for one WebDAV remote.

Source: rclone's documentation, "WebDAV", `bearer_token_command`. rclone splits the command at
blanks, and releases differ about quotes: so we use none.
"""

from __future__ import annotations

import re

from credhelper.errors import ConfigError, UsageError
from credhelper.setup import ask as asking
from credhelper.setup import reading
from credhelper.setup.formats import goconfig
from credhelper.setup.plan import (
    TOKEN,
    Ask,
    Entry,
    FileChange,
    Finding,
    Plan,
    WiringRequest,
    set_before,
    shadowed,
)

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = True

_NEW = "credhelper"
_KEY = "bearer_token_command"
# If one of these is set, rclone sends it and runs no command.
_FIRST = ("bearer_token", "user", "pass")


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    called = reading.called(request, PROGRAMS[0], r"[\s'\"]", "rclone has")
    if re.search(r"['\"]", str(request.service)):
        raise UsageError(
            f"rclone has no way to write {request.service}",
            hint="let the profile cover a part of it without quotes: --service URL",
        )
    command = " ".join([called, TOKEN, str(request.service), *request.options()])
    remotes = _remotes(request)
    remote = request.name or _remote(request, remotes) or _NEW
    known = remotes.get(remote)
    for key in _FIRST:
        if (known or {}).get(key):
            raise ConfigError(
                f"{_file(request)}: {remote}.{key} is set already, and comes before a command",
                hint="remove it, or choose another remote: --name NAME",
            )
    values = [(_KEY, command)]
    new = {"type": "webdav", "url": str(request.service), "vendor": "other"}
    if known is None or all(known.get(key) == value for key, value in new.items()):
        values = [*new.items(), *values]
    return Plan((FileChange(_file(request), "goconfig", (Entry((remote,), tuple(values)),)),))


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what the remote's command prints: see `setup`."""
    remotes = _remotes(request)
    remote = request.name or _remote(request, remotes) or _NEW
    command = remotes.get(remote, {}).get(_KEY)
    if not command:
        return reading.unwired(request, _file(request), _KEY, "a remote")
    for key in _FIRST:
        if remotes[remote].get(key):
            return shadowed(f"{_file(request)} has {key} in [{remote}]", "remove it")
    own = re.sub(r"[^A-Z0-9]", "_", remote.upper())
    variables = (
        f"RCLONE_{whose}_{key.upper()}"
        for whose in ("WEBDAV", f"CONFIG_{own}")
        for key in (*_FIRST, _KEY)
    )
    finding = set_before(request.environ, variables)
    if finding:
        return finding
    answer = ask(command.split())
    return asking.printed(answer, f"{_file(request)}: {command.split()[0]}")


def _file(request: WiringRequest) -> str:
    chosen = request.variable("RCLONE_CONFIG")
    if chosen:
        return chosen
    path = request.below("XDG_CONFIG_HOME", "rclone/rclone.conf", ".config/rclone/rclone.conf")
    old = f"{request.home}/.rclone.conf"
    return old if request.read(path) is None and request.read(old) is not None else path


def _remotes(request: WiringRequest) -> dict[str, dict[str, str]]:
    return reading.sections(request, _file(request), goconfig.sections_in)


def _remote(request: WiringRequest, remotes: dict[str, dict[str, str]]) -> str | None:
    """Return the WebDAV remote whose URL is at or below the service."""
    for name, remote in remotes.items():
        if remote.get("type") == "webdav" and request.covers(remote.get("url", "")):
            return name
    return None
