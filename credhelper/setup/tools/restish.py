"""restish: headers for one API.

Source: restish's documentation, "Configuration" and "External tool": a command for a shell, with
the request on its stdin. Only the API's profile `default` is set up, the one that restish uses
unless another is named.
"""

from __future__ import annotations

import json
import shlex
from typing import Any

from credhelper.errors import UsageError
from credhelper.setup import ask as asking
from credhelper.setup.plan import Ask, Entry, FileChange, Finding, Plan, WiringRequest

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = True

_AUTH = "external-tool"


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    name = request.name or _api(request)
    if name is None:
        raise UsageError(
            f"{_file(request)} names no API at {request.service}",
            hint="say what restish calls it: --name NAME",
        )
    words = [request.program.called(PROGRAMS[0]), "headers", "--restish", *request.options()]
    auth = {"name": _AUTH, "params": {"commandline": shlex.join(words), "omitbody": "true"}}
    # Each goes to the front, so the first comes last.
    entries = [Entry((name, "profiles", "default"), (("auth", auth),))]
    known = _apis(request).get(name)
    if known is None or known.get("base") == str(request.service):
        entries.append(Entry((name,), (("base", str(request.service)),)))
    return Plan((FileChange(_file(request), "json", tuple(entries)),))


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what the API's tool answers when called as restish does: see `setup`."""
    api = _apis(request).get(request.name or _api(request) or "", {})
    try:
        auth = api["profiles"]["default"]["auth"]
        command = auth["params"]["commandline"] if auth["name"] == _AUTH else None
    except (KeyError, TypeError):
        command = None
    if not isinstance(command, str):
        return Finding(trouble=f"{_file(request)} names no {_AUTH} for an API at {request.service}")
    message = {"method": "GET", "uri": f"{api.get('base', '')}/", "headers": {}}
    answer = ask(["/bin/sh", "-c", command], json.dumps(message).encode())
    return asking.parsed(
        answer,
        # The line itself is not shown: others may have written a secret into it.
        f"{_file(request)}: the line of {_AUTH}",
        lambda said: said["headers"]["Authorization"][0].removeprefix("Bearer "),
        "nothing for this API",
    )


def _file(request: WiringRequest) -> str:
    default = request.below("XDG_CONFIG_HOME", "restish/apis.json", ".config/restish/apis.json")
    return request.below("RSH_CONFIG_DIR", "apis.json", default.removeprefix(f"{request.home}/"))


def _apis(request: WiringRequest) -> dict[str, dict[str, Any]]:
    try:
        found = json.loads(request.read(_file(request)) or "{}")
        return {name: one for name, one in found.items() if isinstance(one, dict)}
    except (ValueError, AttributeError, RecursionError):
        return {}  # the edit will report a file that cannot be read


def _api(request: WiringRequest) -> str | None:
    """Return the API whose base is at or below the service."""
    return request.match(_apis(request), "base")
