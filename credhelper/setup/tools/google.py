"""google-auth and gcloud: the command in a credential configuration.

Source: AIP-4117; google-auth's `pluggable.py`. `gcloud iam
workload-identity-pools create-cred-config` writes the configuration; without `--file` it is the one
that the libraries find by themselves. Python's library splits the command at blanks, and Node's
reads quotes: so we use none.
"""

from __future__ import annotations

import json
import re
from typing import Any

from credhelper.core.text import shell_word
from credhelper.errors import ConfigError, UsageError
from credhelper.setup import ask as asking
from credhelper.setup.plan import Ask, Entry, FileChange, Finding, Plan, WiringRequest

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = True
SERVICE = False
FILE = True

_ALLOW = "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES"
_KIND = "external_account"
_JWT = "urn:ietf:params:oauth:token-type:jwt"
_MILLISECONDS = 30000


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    data = _read(request)
    source = data.get("credential_source", {})
    others = sorted(set(source) - {"executable"}) if isinstance(source, dict) else ["another"]
    if data.get("type", _KIND) != _KIND or others:
        raise ConfigError(
            f"{_file(request)} is a login of another kind",
            hint="name a credential configuration: --file PATH",
        )
    called = request.program.called(PROGRAMS[0])
    if re.search(r"[\s'\"]", called):
        raise UsageError(
            f"Google's libraries have no way to write this path: {called}",
            hint="put a link to it into a folder without blanks, first on PATH",
        )
    # Each goes to the front, so the first comes last.
    values: list[tuple[str, Any]] = [
        ("command", f"{called} google --profile {shell_word(request.owner)}")
    ]
    if _executable(data).get("timeout_millis", _MILLISECONDS) == _MILLISECONDS:
        values.insert(0, ("timeout_millis", _MILLISECONDS))
    head = {
        "token_url": "https://sts.googleapis.com/v1/token",
        "subject_token_type": _JWT,
        "type": _KIND,
    }
    ours = tuple((key, value) for key, value in head.items() if data.get(key, value) == value)
    entries = (Entry(("credential_source", "executable"), tuple(values)), Entry((), ours))
    notes = []
    if "audience" not in data:
        notes.append(f"Google needs the audience of your pool, too: see {_file(request)}")
    if request.environ.get(_ALLOW) != "1":
        notes.append(f"to let the libraries run commands: export {_ALLOW}=1")
    return Plan((FileChange(_file(request), "json", entries),), notes=tuple(notes))


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what the configuration's command says, called as the libraries do: see `setup`."""
    data = _read(request)
    command = _executable(data).get("command")
    if not isinstance(command, str) or not command.split():
        return Finding(trouble=f"{_file(request)} names no command")
    variables = {
        "GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE": str(data.get("audience", "")),
        "GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE": str(data.get("subject_token_type", _JWT)),
        "GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE": "0",
    }
    answer = ask(command.split(), b"", variables)
    try:
        said = json.loads(answer.stdout)
        if said["success"]:
            return Finding(said["id_token"])
        return Finding(trouble=f"{command.split()[0]}: {said['message']}")
    except (ValueError, KeyError, TypeError):
        return asking.failed(answer, command.split()[0])


def _file(request: WiringRequest) -> str:
    name = "application_default_credentials.json"
    usual = request.below("CLOUDSDK_CONFIG", name, f".config/gcloud/{name}")
    usual = usual.removeprefix(f"{request.home}/")
    return request.file or request.place("GOOGLE_APPLICATION_CREDENTIALS", usual)


def _read(request: WiringRequest) -> dict[str, Any]:
    try:
        data = json.loads(request.read(_file(request)) or "{}")
    except (ValueError, RecursionError):
        data = None  # the edit will report it
    return data if isinstance(data, dict) else {}


def _executable(data: dict[str, Any]) -> dict[str, Any]:
    source = data.get("credential_source")
    found = source.get("executable") if isinstance(source, dict) else None
    return found if isinstance(found, dict) else {}
