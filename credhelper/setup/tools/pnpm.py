"""pnpm: a token helper for one registry, in the user's own .npmrc.

Source: pnpm's documentation, "Authentication settings", `tokenHelper`: an absolute path, in older
releases without arguments, and they send its output unchanged. So the link's name says the profile,
and that `Bearer` comes before the token. npm itself has no token helper.
"""

from __future__ import annotations

import re

from credhelper.errors import UsageError
from credhelper.setup import ask as asking
from credhelper.setup.formats import npmrc
from credhelper.setup.plan import Ask, Entry, FileChange, Finding, Plan, WiringRequest

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = True

_LINK = "credhelper-bearer-"


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    link = request.link(_LINK + request.owner)
    if re.search(r"[\s$%\\\"'#;]", link.path):
        raise UsageError(f"pnpm takes no such path: {link.path}", hint="choose a --bin DIR")
    entry = Entry((), ((f"{_key(request)}=", link.path),))
    return Plan((FileChange(_file(request), "npmrc", (entry,)),), (link,))


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what the helper that the file names prints: see `setup`."""
    settings = npmrc.leaves(request.read(_file(request)) or "")
    found = [value for place, value in settings if place == (_key(request),)]
    if not found:
        return Finding(trouble=f"{_file(request)} names no token helper for {request.service}")
    words = found[-1].split() or ["/nowhere"]
    return asking.printed(ask(words), f"{_file(request)}: {words[0]}", prefix="Bearer ")


def _key(request: WiringRequest) -> str:
    return f"//{request.service.netloc}{request.service.path}/:tokenHelper"


def _file(request: WiringRequest) -> str:
    # npm sets this variable for its children, in lower case.
    small = request.variable("npm_config_userconfig")
    return small or request.place("NPM_CONFIG_USERCONFIG", ".npmrc")
