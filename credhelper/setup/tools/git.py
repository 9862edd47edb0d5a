"""git: a helper for one URL, after an empty one that clears the list of helpers.

Source: git-config(1), `credential.<url>.helper`; gitcredentials(7). git gives a helper's line to a
shell unless it is a bare name. It sends the token to every helper in the list: so we clear it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from credhelper.core.service import Service
from credhelper.core.text import command
from credhelper.setup import ask as asking
from credhelper.setup import git_overrides
from credhelper.setup.formats import gitconfig
from credhelper.setup.git_overrides import Setting, settings
from credhelper.setup.plan import Ask, Entry, FileChange, Finding, Outcome, Plan, WiringRequest

PROGRAMS = ("git-credential-credhelper",)
ON_PATH = False
PROFILE = True

_IS_OURS = re.compile(r"credhelper(?!\S*/)")
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
    # No prompt: without an answer of the helpers, git fails. The trace tells why ours refused.
    silent = {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "false",
        "SSH_ASKPASS": "false",
        "CREDHELPER_TRACE": "1",
    }
    answer = ask(["git", "credential", "fill"], f"url={request.service}\n\n".encode(), silent)
    for line in answer.stdout.decode("utf-8", "replace").split("\n"):
        name, _, value = line.partition("=")
        if name in ("password", "credential"):
            return (
                _leak(request, ask)
                or git_overrides.found(request, ask, _as_git_asks(request.service))
                or Finding(value)
            )
    return _why_nothing(request, _settings(request, ask), answer)


def _why_nothing(request: WiringRequest, lines: Sequence[Setting], answer: Outcome) -> Finding:
    """Return the finding for an `answer` of git without a password."""
    helpers = [one for one in lines if one.name == "helper"]
    own = [at for at, one in enumerate(helpers) if _IS_OURS.search(one.value)]
    if not own:
        variable = "GIT_CONFIG_GLOBAL"
        if request.environ.get(variable) and _IS_OURS.search(
            request.read(f"{request.home}/.gitconfig") or ""
        ):
            trouble = f"git does not read ~/.gitconfig, because {variable} is set"
            return Finding(trouble=trouble, hint=command("unset", variable))
        return Finding(trouble="git knows no helper of credhelper for it")
    for one in helpers[own[-1] + 1 :]:
        if not one.value:
            trouble = f"an empty helper in {one.where} comes after credhelper, and takes it off"
            return Finding(trouble=trouble, hint=one.without(request))
    by_trace, its_hint = asking.refusal(answer)
    trouble, hint = asking.complaint(answer) or by_trace, asking.next_step(answer) or its_hint
    if not trouble:
        return Finding(
            trouble=f"git calls {helpers[own[-1]].value}, and that gives no answer",
            hint=command("credhelper", "doctor", "git"),
        )
    for one in reversed(lines):
        if one.name == "usehttppath" and request.service.path and one.value == "false":
            trouble = f"{trouble}, because {one.where} sets {one.key} to false"
            return Finding(trouble=trouble, hint=one.without(request))
        if one.name == "username" and repr(one.value) in trouble:
            trouble = f"{trouble}: git asks as that user, by {one.key} in {one.where}"
            return Finding(trouble=trouble, hint=one.without(request))
    return Finding(trouble=trouble, hint=hint)


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
    helpers: list[Setting] = []
    for one in _settings(request, ask):
        if one.name == "helper":
            helpers = [*helpers, one] if one.value else []
    others = [one for one in helpers if "credhelper" not in one.value]
    if others and others != helpers:
        hint = command("credhelper", "setup", "git", "--service", str(request.service))
        given = [one for one in others if not one.path]
        return Finding(
            trouble=f"another helper is told the token, too, and may store it: {others[0].where}"
            " names it",
            hint=given[0].without(request) if given else hint,
        )
    return None


def _settings(request: WiringRequest, ask: Ask) -> list[Setting]:
    """Return what git's files and variables say of credentials for the service, in its order."""
    at = _as_git_asks(request.service)
    return [one for one in settings(ask, "credential") if gitconfig.covers(one.url, at)]


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
