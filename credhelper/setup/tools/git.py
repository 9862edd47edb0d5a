"""git: a helper for one URL, after an empty one that clears the list of helpers.

Source: git-config(1), `credential.<url>.helper`; gitcredentials(7). git gives a helper's line to a
shell unless it is a bare name. It sends the token to every helper in the list: so we clear it.
"""

from __future__ import annotations

import re
import shlex

from credhelper.core.service import Service
from credhelper.core.text import command
from credhelper.setup import ask as asking
from credhelper.setup.formats import gitconfig
from credhelper.setup.plan import Ask, Entry, FileChange, Finding, Plan, WiringRequest

PROGRAMS = ("git-credential-credhelper",)
ON_PATH = False
PROFILE = True

_STORED = re.compile(r"https?://(?P<user>[^:@/]*):(?P<password>[^@/]*)@(?P<host>[^/]+)(?:/.*)?")


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    values = [("helper", ""), ("helper", _helper(request))]
    if request.service.path:
        values.append(("useHttpPath", "true"))
    entry = Entry(("credential", _as_git_asks(request.service)), tuple(values))
    return Plan((FileChange(_file(request), "git", (entry,)),))


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what `git credential fill` finds: see `setup`."""
    # No prompt: without an answer of the helpers, git fails.
    silent = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "false", "SSH_ASKPASS": "false"}
    answer = ask(["git", "credential", "fill"], f"url={request.service}\n\n".encode(), silent)
    for line in answer.stdout.decode("utf-8", "replace").split("\n"):
        name, _, value = line.partition("=")
        if name in ("password", "credential"):
            return _leak(request, ask) or Finding(value)
    why = asking.complaint(answer) or "git credential fill found nothing"
    return Finding(
        trouble=why,
        hint="see each step: CREDHELPER_TRACE=1 "
        + command("git", "ls-remote", str(request.service)),
    )


def _leak(request: WiringRequest, ask: Ask) -> Finding | None:
    """Return a finding if another helper stores the token or receives it."""
    host = request.service.netloc
    stores = (
        f"{request.home}/.git-credentials",
        request.below("XDG_CONFIG_HOME", "git/credentials", ".config/git/credentials"),
    )
    for path in stores:
        for line in (request.read(path) or "").split("\n"):
            found = _STORED.fullmatch(line.strip())
            if found and found["host"].lower() == host and found["password"].startswith("eyJ"):
                return Finding(
                    trouble=f"{path} holds a token for {host}, which another helper stored there",
                    hint=command("printf", f"protocol={request.service.scheme}\\nhost={host}\\n\\n")
                    + " | "
                    + command("git", "credential-store", "--file", path, "erase"),
                )
    listed = ask(["git", "config", "--null", "--get-regexp", r"^credential\..*helper$"])
    helpers: list[str] = []
    for item in listed.stdout.decode("utf-8", "replace").split("\0"):
        name, _, value = item.partition("\n")
        url = name.removeprefix("credential.").removesuffix("helper").removesuffix(".")
        if name.endswith("helper") and gitconfig.covers(url, _as_git_asks(request.service)):
            helpers = [*helpers, value] if value else []
    ours = [value for value in helpers if "credhelper" in value]
    if ours and len(ours) < len(helpers):
        return Finding(
            trouble="another helper is told the token, too, and may store it",
            hint=command("credhelper", "setup", "git", "--service", str(request.service)),
        )
    return None


def _file(request: WiringRequest) -> str:
    """Return the file that `git config --global` would write to."""
    default = f"{request.home}/.gitconfig"
    chosen = request.place("GIT_CONFIG_GLOBAL", ".gitconfig")
    if chosen != default or request.read(default) is not None:
        return chosen
    other = request.below("XDG_CONFIG_HOME", "git/config", ".config/git/config")
    return other if request.read(other) is not None else default


def _as_git_asks(service: Service) -> str:
    """Return the URL as git compares it: git escapes more characters than a service does."""
    return service.origin + re.sub(
        r"[!$&'()*+,;=:@]", lambda char: f"%{ord(char[0]):02X}", service.path
    )


def _helper(request: WiringRequest) -> str:
    called, links = request.callable(PROGRAMS[0])
    if request.profile is not None or links:
        words = shlex.join(["git", *request.options()])
        return f"!{_in_quotes(request.program.called('credhelper'))} {words}"
    if called == PROGRAMS[0]:
        return "credhelper"
    # git reads a line that begins with a slash as a path, in quotes or not.
    return re.sub(r"([^A-Za-z0-9/._+-])", r"\\\1", called)


def _in_quotes(called: str) -> str:
    return "'" + called.replace("'", "'\\''") + "'" if "/" in called else called
