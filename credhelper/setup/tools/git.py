"""git: a helper for one URL, with the list of helpers emptied first.

Source: git-config(1), `credential.<url>.helper`; gitcredentials(7). git hands a helper's line to a
shell unless it is a bare name; every helper in the list is told what worked, hence the empty one.
"""

from __future__ import annotations

import re
import shlex

from credhelper.setup import ask as asking
from credhelper.setup.plan import Ask, Entry, FileChange, Finding, Plan, Wish

PROGRAMS = ("git-credential-credhelper",)
ON_PATH = False
PROFILE = True


def plan(wish: Wish) -> Plan:
    """Return what it takes: see `setup`."""
    values = [("helper", ""), ("helper", _helper(wish))]
    if wish.service.path:
        values.append(("useHttpPath", "true"))
    entry = Entry(("credential", str(wish.service)), tuple(values))
    return Plan((FileChange(_file(wish), "git", (entry,)),))


def check(wish: Wish, ask: Ask) -> Finding:
    """Return what `git credential fill` finds: see `setup`."""
    # Nobody is asked: what the helpers do not know is an error.
    silent = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "false", "SSH_ASKPASS": "false"}
    answer = ask(["git", "credential", "fill"], f"url={wish.service}\n\n".encode(), silent)
    for line in answer.stdout.decode("utf-8", "replace").split("\n"):
        name, _, value = line.partition("=")
        if name in ("password", "credential"):
            return Finding(value)
    why = asking.complaint(answer) or "git credential fill found nothing"
    return Finding(trouble=why, hint="CREDHELPER_TRACE=1 git ls-remote URL shows each step")


def _file(wish: Wish) -> str:
    """Return the file that `git config --global` would write to."""
    default = f"{wish.home}/.gitconfig"
    chosen = wish.place("GIT_CONFIG_GLOBAL", ".gitconfig")
    if chosen != default or wish.read(default) is not None:
        return chosen
    other = wish.below("XDG_CONFIG_HOME", "git/config", ".config/git/config")
    return other if wish.read(other) is not None else default


def _helper(wish: Wish) -> str:
    called, links = wish.callable(PROGRAMS[0])
    if wish.profile is not None or links:
        words = shlex.join(["git", *wish.options()])
        return f"!{_in_quotes(wish.program.called('credhelper'))} {words}"
    if called == PROGRAMS[0]:
        return "credhelper"
    # git takes a line that begins with a slash for a path, in quotes or not.
    return re.sub(r"([^A-Za-z0-9/._+-])", r"\\\1", called)


def _in_quotes(called: str) -> str:
    return "'" + called.replace("'", "'\\''") + "'" if "/" in called else called
