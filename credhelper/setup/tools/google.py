"""google-auth and gcloud: the command in a credential configuration.

Source: AIP-4117; google-auth's `pluggable.py`. `gcloud iam
workload-identity-pools create-cred-config` writes the configuration; without `--file` it is the one
that the libraries find by themselves. Python's library splits the command at blanks, and Node's
reads quotes: so we use none.
"""

from __future__ import annotations

from typing import Any

from credhelper.core.text import shell_word
from credhelper.errors import ConfigError
from credhelper.setup import ask as asking
from credhelper.setup import reading
from credhelper.setup.formats import documents
from credhelper.setup.formats.documents import dict_at, text_at
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
    others = not isinstance(source, dict) or set(source) - {"executable"}
    if data.get("type", _KIND) != _KIND or others:
        raise ConfigError(
            f"{_file(request)} is a login of another kind",
            hint="name a credential configuration: --file PATH",
        )
    called = reading.called(request, PROGRAMS[0], r"[\s'\"]", "Google's libraries have")
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
    words = text_at(_executable(data), "command").split()
    if not words:
        return Finding(trouble=f"{_file(request)} names no command")
    variables = {
        "GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE": text_at(data, "audience"),
        "GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE": text_at(data, "subject_token_type") or _JWT,
        "GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE": "0",
    }
    answer = ask(words, b"", variables)
    named = f"{_file(request)}: {words[0]}"
    try:
        said = documents.answer(answer.stdout)
    except ValueError:
        said = {}
    if said.get("success") is False and "message" in said:
        return Finding(trouble=f"{named}: {said['message']}")
    return asking.parsed(answer, named, lambda said: said["id_token"])


def _file(request: WiringRequest) -> str:
    name = "application_default_credentials.json"
    usual = request.below("CLOUDSDK_CONFIG", name, f".config/gcloud/{name}")
    return request.file or request.place("GOOGLE_APPLICATION_CREDENTIALS", usual)


def _read(request: WiringRequest) -> dict[str, Any]:
    return reading.document(request, _file(request), "json")


def _executable(data: dict[str, Any]) -> dict[str, Any]:
    return dict_at(data, "credential_source", "executable")
