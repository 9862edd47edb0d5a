"""Bazel: a helper for one host, in the user's bazelrc.

Source: Bazel's command-line reference, `--credential_helper` (Bazel 7 and newer). Bazel gives no
argument but `get`, so the link's name says the protocol.
"""

from __future__ import annotations

import json
import re

from credhelper.errors import UsageError
from credhelper.setup import ask as asking
from credhelper.setup.plan import Ask, Entry, FileChange, Finding, Plan, Wish

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = False

LINK = "bazel-credential-credhelper"
_FLAG = re.compile(
    r"^\s*(?:common|build)\s+--credential_helper=(?:([^=\s]+)=)?(.+?)\s*$", re.MULTILINE
)


def plan(wish: Wish) -> Plan:
    """Return what it takes: see `setup`."""
    link = wish.link(LINK)
    if re.search(r"[\s'\"\\#]", link.path):
        raise UsageError(
            f"bazelrc has no plain way to write {link.path}", hint="choose a --bin DIR"
        )
    flag = f"--credential_helper={wish.service.host}={link.path}"
    entry = Entry((), (("common ", flag),))
    return Plan((FileChange(f"{wish.home}/.bazelrc", "lines", (entry,)),), (link,))


def check(wish: Wish, ask: Ask) -> Finding:
    """Return what the helper for the host says to Bazel's own words: see `setup`."""
    found = None
    for scope, path in _FLAG.findall(wish.read(f"{wish.home}/.bazelrc") or ""):
        if scope in ("", wish.service.host):
            found = path
    if found is None:
        return Finding(trouble=f"~/.bazelrc names no helper for {wish.service.host}")
    answer = ask([found, "get"], json.dumps({"uri": str(wish.service)}).encode())
    try:
        headers = json.loads(answer.stdout)["headers"]
        return Finding(headers["Authorization"][0].removeprefix("Bearer "))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return Finding(trouble=f"{found}: {asking.complaint(answer) or 'nothing for this host'}")
