"""Bazel: a helper for one host, in the user's bazelrc.

Source: Bazel's command-line reference, `--credential_helper` (Bazel 7 and newer). Bazel gives no
argument but `get`, so the link's name says the protocol.
"""

from __future__ import annotations

import json
import re
import shlex

from credhelper.errors import UsageError
from credhelper.setup import ask as asking
from credhelper.setup.plan import Ask, Entry, FileChange, Finding, Plan, WiringRequest

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = False

LINK = "bazel-credential-credhelper"
_FLAG = "--credential_helper"
# The lines that `bazel build` reads; the second kind overrides the first.
_COMMANDS = (("always", "common"), ("build",))


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    link = request.link(LINK)
    if re.search(r"[\s'\"\\#]", link.path):
        raise UsageError(
            f"bazelrc has no plain way to write {link.path}", hint="choose a --bin DIR"
        )
    flag = f"{_FLAG}={request.service.host}={link.path}"
    entry = Entry((), (("common ", flag),))
    return Plan((FileChange(f"{request.home}/.bazelrc", "lines", (entry,)),), (link,))


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what the host's helper answers when called as Bazel does: see `setup`."""
    found = _helper(request.read(f"{request.home}/.bazelrc") or "", request.service.host)
    if found is None:
        return Finding(trouble=f"~/.bazelrc names no helper for {request.service.host}")
    answer = ask([found, "get"], json.dumps({"uri": str(request.service)}).encode())
    return asking.parsed(
        answer,
        f"~/.bazelrc: {found}",
        lambda said: said["headers"]["Authorization"][0].removeprefix("Bearer "),
        "nothing for this host",
    )


def _helper(text: str, host: str) -> str | None:
    """Return the helper that Bazel calls for a host: its own, else a wildcard's, else any."""
    helpers: dict[str, str] = {}
    lines = [_words(line) for line in re.sub(r"\\\r?\n", " ", text).split("\n")]
    for commands in _COMMANDS:
        for words in lines:
            if words and words[0] in commands:
                helpers.update(_flags(words[1:]))
    wild = sorted(
        (scope for scope in helpers if scope[:2] == "*." and host.endswith(scope[1:])), key=len
    )
    return next((helpers[scope] for scope in (host, *wild[::-1], "") if scope in helpers), None)


def _flags(words: list[str]) -> dict[str, str]:
    """Return the helpers in the words of one line, by host."""
    found = {}
    for word, after in zip(words, [*words[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name == _FLAG:
            scope, scoped, path = (value if equals else after).rpartition("=")
            found[scope if scoped else ""] = path
    return found


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        return []
