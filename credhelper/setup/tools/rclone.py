"""rclone: a command that prints a token, for one WebDAV remote.

Source: rclone's documentation, "WebDAV", `bearer_token_command`. rclone splits the command at
blanks, and releases differ about quotes: so we use none.
"""

from __future__ import annotations

import configparser
import re

from credhelper.errors import ConfigError, UsageError
from credhelper.setup import ask as asking
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
    called = request.program.called(PROGRAMS[0])
    if re.search(r"[\s'\"]", called):
        raise UsageError(
            f"rclone has no way to write this path: {called}",
            hint="put a link to it into a folder without blanks, first on PATH",
        )
    if re.search(r"['\"]", str(request.service)):
        raise UsageError(
            f"rclone has no way to write {request.service}",
            hint="let the profile name a part of it without quotes: --service URL",
        )
    command = " ".join([called, TOKEN, str(request.service), *request.options()])
    remote = request.name or _remote(request) or _NEW
    known = _remotes(request).get(remote)
    for key in _FIRST:
        if (known or {}).get(key):
            raise ConfigError(
                f"{_file(request)}: {remote}.{key} is set already, and comes before a command",
                hint="take it out, or choose another remote: --name NAME",
            )
    values = [(_KEY, command)]
    new = {"type": "webdav", "url": str(request.service), "vendor": "other"}
    if known is None or all(known.get(key) == value for key, value in new.items()):
        values = [*new.items(), *values]
    return Plan((FileChange(_file(request), "ini", (Entry((remote,), tuple(values)),)),))


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what the remote's command prints: see `setup`."""
    remote = request.name or _remote(request) or _NEW
    command = _remotes(request).get(remote, {}).get(_KEY)
    if not command:
        return Finding(
            trouble=f"{_file(request)} names no {_KEY} for a remote at {request.service}"
        )
    for key in _FIRST:
        if _remotes(request)[remote].get(key):
            return shadowed(f"{_file(request)} has {key} in [{remote}]", "take it out")
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
    return asking.printed(answer, command.split()[0])


def _file(request: WiringRequest) -> str:
    chosen = request.variable("RCLONE_CONFIG")
    if chosen:
        return chosen
    path = request.below("XDG_CONFIG_HOME", "rclone/rclone.conf", ".config/rclone/rclone.conf")
    old = f"{request.home}/.rclone.conf"
    return old if request.read(path) is None and request.read(old) is not None else path


def _remotes(request: WiringRequest) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser(default_section="\0")
    try:
        parser.read_string(request.read(_file(request)) or "")
    except configparser.Error:
        return {}  # the edit will report it
    return {name: dict(parser.items(name)) for name in parser.sections()}


def _remote(request: WiringRequest) -> str | None:
    """Return the WebDAV remote whose URL is at or below the service."""
    for name, remote in _remotes(request).items():
        if remote.get("type") == "webdav" and request.covers(remote.get("url", "")):
            return name
    return None
