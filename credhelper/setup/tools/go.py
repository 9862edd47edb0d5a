"""go: a command in GOAUTH, in the file that `go env -w` writes.

Source: `go help goauth`, `go help environment` (Go 1.24 and newer). We do not write with
`go env -w`, which sorts the other lines. What GOAUTH held before stays in the list, behind ours.
"""

from __future__ import annotations

import re

from credhelper.errors import ConfigError, UsageError
from credhelper.setup import ask as asking
from credhelper.setup.plan import Ask, Entry, FileChange, Finding, Plan, WiringRequest, shadowed

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = True

_BEARER = re.compile(r"^Authorization: Bearer (\S+)$", re.MULTILINE)

# As `cmd/internal/quoted` splits: a quote counts only at the beginning of a word.
_WORD = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|(\S+))""")


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    path = _file(request)
    if path is None:
        raise UsageError("GOENV=off: go reads no file", hint="export GOAUTH instead")
    if request.service.scheme != "https":
        raise UsageError(f"go sends no token to {request.service}: it wants https")
    _refuse_combined(path, request.read(path) or "")
    words = [request.program.called(PROGRAMS[0]), "goauth", "--service", str(request.service)]
    words += request.options()
    if any(char in words[0] for char in "';\""):
        raise UsageError(f"GOAUTH has no way to write this path: {words[0]}")
    command = " ".join(f"'{word}'" if " " in word else word for word in words)
    return Plan((FileChange(path, "goenv", (Entry((), (("GOAUTH", command),)),)),))


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what the commands in GOAUTH answer, called one by one as go does: see `setup`."""
    found = request.environ.get("GOAUTH") or _goauth(
        request.read(_file(request) or "/nowhere") or ""
    )
    trouble = "GOAUTH names no command for it"
    for item in found.split(";"):
        words = [quoted or single or plain for quoted, single, plain in _WORD.findall(item)]
        if words == ["netrc"] and _netrc_answers(request):
            path = _netrc(request)
            return shadowed(
                f"{path} has a login for {request.service.netloc}", "put netrc last in GOAUTH"
            )
        if not words or words[0] in ("netrc", "git", "off"):
            continue
        answer = ask(words)
        said = answer.stdout.decode("utf-8", "replace")
        for block in said.split("\n\n"):
            if str(request.service).startswith(block.strip()) and block.strip():
                token = _BEARER.search(said)
                if token:
                    return Finding(token[1])
        trouble = f"{words[0]}: {asking.complaint(answer) or 'no answer'}"
    return Finding(trouble=trouble)


def _netrc(request: WiringRequest) -> str:
    return request.place("NETRC", ".netrc")


def _netrc_answers(request: WiringRequest) -> bool:
    """Tell whether go uses a login by host: it prefers an answer for a longer path."""
    machine = rf"(?:^|\s)machine\s+{re.escape(request.service.netloc)}(?:\s|$)"
    return not request.service.path and bool(
        re.search(machine, request.read(_netrc(request)) or "")
    )


def _refuse_combined(path: str, text: str) -> None:
    """Refuse a GOAUTH that go would reject with a command before it."""
    if not re.search(r"^GOAUTH=", text, re.MULTILINE):
        return
    items = [item.strip() for item in _goauth(text).split(";")]
    if items == [""]:
        return  # as if it were not there
    for item, what in (("off", "says off"), ("", "has an empty command")):
        if item in items:
            raise ConfigError(
                f"{path}: GOAUTH {what}, and go takes no other command with it",
                hint="go env -u GOAUTH, if that is no longer wanted",
            )


def _goauth(text: str) -> str:
    lines = re.findall(r"^GOAUTH=(.*?)\r?$", text, re.MULTILINE)
    return lines[-1] if lines else ""


def _file(request: WiringRequest) -> str | None:
    if request.environ.get("GOENV") == "off":
        return None
    default = request.below("XDG_CONFIG_HOME", "go/env", ".config/go/env")
    return request.variable("GOENV") or default
