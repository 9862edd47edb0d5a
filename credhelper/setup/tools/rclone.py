"""rclone: a command that prints a token, for one WebDAV remote.

Source: rclone's documentation, "WebDAV", `bearer_token_command`. The command is split at blanks,
and releases differ about quotes: none are used.
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
    Wish,
    set_before,
    shadowed,
)

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = True

_NEW = "credhelper"
_KEY = "bearer_token_command"
# rclone sends these where they are there, and runs no command.
_FIRST = ("bearer_token", "user", "pass")


def plan(wish: Wish) -> Plan:
    """Return what it takes: see `setup`."""
    called = wish.program.called(PROGRAMS[0])
    if re.search(r"[\s'\"]", called):
        raise UsageError(
            f"rclone has no way to write this path: {called}",
            hint="put a link to it into a folder without blanks, first on PATH",
        )
    command = " ".join([called, TOKEN, str(wish.service), *wish.options()])
    remote = wish.name or _remote(wish) or _NEW
    known = _remotes(wish).get(remote)
    for key in _FIRST:
        if (known or {}).get(key):
            raise ConfigError(
                f"{_file(wish)}: {remote}.{key} is set already, and comes before a command",
                hint="take it out, or choose another remote: --name NAME",
            )
    values = [(_KEY, command)]
    new = {"type": "webdav", "url": str(wish.service), "vendor": "other"}
    if known is None or all(known.get(key) == value for key, value in new.items()):
        values = [*new.items(), *values]
    return Plan((FileChange(_file(wish), "ini", (Entry((remote,), tuple(values)),)),))


def check(wish: Wish, ask: Ask) -> Finding:
    """Return what the remote's command prints: see `setup`."""
    remote = wish.name or _remote(wish) or _NEW
    command = _remotes(wish).get(remote, {}).get(_KEY)
    if not command:
        return Finding(trouble=f"{_file(wish)} names no {_KEY} for a remote at {wish.service}")
    for key in _FIRST:
        if _remotes(wish)[remote].get(key):
            return shadowed(f"{_file(wish)} has {key} in [{remote}]", "take it out")
    own = re.sub(r"[^A-Z0-9]", "_", remote.upper())
    variables = (
        f"RCLONE_{whose}_{key.upper()}"
        for whose in ("WEBDAV", f"CONFIG_{own}")
        for key in (*_FIRST, _KEY)
    )
    finding = set_before(wish.environ, variables)
    if finding:
        return finding
    answer = ask(command.split())
    token = answer.stdout.decode("utf-8", "replace").strip()
    if answer.status == 0 and token:
        return Finding(token)
    return Finding(trouble=f"{command.split()[0]}: {asking.complaint(answer) or 'no answer'}")


def _file(wish: Wish) -> str:
    told = wish.told("RCLONE_CONFIG")
    if told:
        return told
    path = wish.below("XDG_CONFIG_HOME", "rclone/rclone.conf", ".config/rclone/rclone.conf")
    old = f"{wish.home}/.rclone.conf"
    return old if wish.read(path) is None and wish.read(old) is not None else path


def _remotes(wish: Wish) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser(default_section="\0")
    try:
        parser.read_string(wish.read(_file(wish)) or "")
    except configparser.Error:
        return {}  # told of when the file is to be changed
    return {name: dict(parser.items(name)) for name in parser.sections()}


def _remote(wish: Wish) -> str | None:
    """Return the WebDAV remote whose URL is at or below the service."""
    for name, remote in _remotes(wish).items():
        if remote.get("type") == "webdav" and wish.covers(remote.get("url", "")):
            return name
    return None
