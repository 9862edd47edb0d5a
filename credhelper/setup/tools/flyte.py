"""Flyte: a command that prints a token, for the platform in its file.

Source: flytekit, `configuration` and `clients/auth`, `authType: ExternalCommand`. The command is a
list, and runs without a shell.
"""

from __future__ import annotations

from typing import Any

from credhelper.errors import ConfigError
from credhelper.setup import ask as asking
from credhelper.setup import reading
from credhelper.setup.formats.documents import dict_at, words_at
from credhelper.setup.plan import (
    TOKEN,
    Ask,
    Entry,
    FileChange,
    Finding,
    Plan,
    WiringRequest,
    hosts_only,
)

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = True
FILE = True

_TABLE = "admin"
_SCHEME = "dns:///"


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    hosts_only(request, "platforms")
    own = f"{_SCHEME}{request.service.netloc}"
    known = _admin(request).get("endpoint", own)
    if known != own and not (isinstance(known, str) and request.is_at(_url(known))):
        raise ConfigError(
            f"{_file(request)} is for another platform than {request.service}",
            hint="choose the file: --file PATH",
        )
    words = [request.program.called(PROGRAMS[0]), TOKEN, str(request.service), *request.options()]
    values: list[tuple[str, Any]] = [("authType", "ExternalCommand"), ("command", words)]
    if known == own:
        values.insert(0, ("endpoint", own))
    return Plan((FileChange(_file(request), "yamlmap", (Entry((_TABLE,), tuple(values)),)),))


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what the command that the file names prints: see `setup`."""
    words = words_at(_admin(request), "command")
    if not words:
        return reading.unwired(request, _file(request), "command", "a platform")
    return asking.printed(ask(words), f"{_file(request)}: {words[0]}")


def _file(request: WiringRequest) -> str:
    return request.file or request.place("FLYTECTL_CONFIG", ".flyte/config.yaml")


def _admin(request: WiringRequest) -> dict[str, Any]:
    return dict_at(reading.document(request, _file(request), "yaml"), _TABLE)


def _url(endpoint: str) -> str:
    # An endpoint is a host, bare or with one of several schemes of Flyte's own.
    return f"https://{endpoint.rpartition('/')[2]}"
