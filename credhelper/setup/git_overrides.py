"""What git sends, or where it goes, before it asks a helper: settings and files of its user.

Source: git-config(1), `http.<url>.extraHeader` and `url.<base>.insteadOf`; curl's manual, `netrc`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from credhelper.core.text import command
from credhelper.setup.formats import gitconfig
from credhelper.setup.plan import Ask, Finding, WiringRequest

# The variables that set what a file would set: `git -c` sets the second one.
_GIVEN = ("GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS")
_AUTHORIZATION = re.compile(r"\s*(?:proxy-)?authorization\s*:", re.IGNORECASE)


class Setting(NamedTuple):
    """A setting of git's.

    Parameters: `path`, of its file, "" where a variable has it; `key`, whole; `url`, the part of
    that in the middle; `name`, its last part; `value`.
    """

    path: str
    key: str
    url: str
    name: str
    value: str

    @property
    def where(self) -> str:
        """Where it stands, for people."""
        return self.path or "a variable"

    def without(self, request: WiringRequest) -> str:
        """Return the command that takes it away."""
        if self.path:
            return command("git", "config", "--file", self.path, "--unset-all", self.key)
        given = [name for name in _GIVEN if request.environ.get(name)]
        return command("unset", *(given or _GIVEN))


def settings(ask: Ask, section: str) -> Iterator[Setting]:
    """Yield what git's files and variables say in the sections called `section`, in its order."""
    words = ["git", "config", "--null", "--show-origin", "--get-regexp", rf"^{section}\."]
    fields = ask(words).stdout.decode("utf-8", "surrogateescape").split("\0")
    for origin, item in zip(fields[::2], fields[1::2], strict=False):
        key, _, value = item.partition("\n")
        url, _, name = key.removeprefix(f"{section}.").rpartition(".")
        kind, _, path = origin.partition(":")
        yield Setting(path if kind == "file" else "", key, url, name, value)


def found(request: WiringRequest, ask: Ask, service: str) -> Finding | None:
    """Return a finding if git does not send what its helper answers, or not there.

    Parameters: `service`, as git compares it.
    """
    return _rewritten(request, ask) or _sent_beside(request, ask, service) or _in_netrc(request)


def _rewritten(request: WiringRequest, ask: Ask) -> Finding | None:
    at = f"{request.service}/"
    fitting = [
        one for one in settings(ask, "url") if one.name == "insteadof" and at.startswith(one.value)
    ]
    longest = max(fitting, key=lambda one: len(one.value), default=None)
    if longest is None or request.covers(longest.url + at[len(longest.value) :].rstrip("/")):
        return None
    return Finding(
        trouble=f"git goes to {longest.url} for URLs that begin with {longest.value}:"
        f" {longest.where} sets {longest.key}",
        hint=longest.without(request),
    )


def _sent_beside(request: WiringRequest, ask: Ask, service: str) -> Finding | None:
    sent: list[Setting] = []
    for one in settings(ask, "http"):
        if one.name == "extraheader" and gitconfig.covers(one.url, service):
            sent = [*sent, one] if one.value else []  # an empty one clears the list
    for one in sent:
        if _AUTHORIZATION.match(one.value):
            return Finding(
                trouble=f"{one.where} sets {one.key}, and git sends that header in any case",
                hint=one.without(request),
            )
    return None


def _in_netrc(request: WiringRequest) -> Finding | None:
    path = f"{request.home}/.netrc"
    machine = rf"(?:^|\s)(?:machine\s+{re.escape(request.service.host)}|default)(?:\s|$)"
    if not re.search(machine, request.read(path) or ""):
        return None
    return Finding(
        trouble=f"{path} has a login for {request.service.host}, which git's curl sends first",
        hint=f"remove that entry from {path}",
    )
