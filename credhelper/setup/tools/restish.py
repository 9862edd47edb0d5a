"""restish: headers for one API.

Source: restish's documentation, "Configuration" and "External tool": a command for a shell, with
the request on its stdin. Only the API's profile `default` is set up, the one that restish uses
unless another is named.
"""

from __future__ import annotations

import json
import shlex

from credhelper.errors import UsageError
from credhelper.setup import ask as asking
from credhelper.setup import reading
from credhelper.setup.formats.documents import dict_at, dicts_at, text_at
from credhelper.setup.plan import Ask, Entry, FileChange, Finding, Plan, WiringRequest

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = True

_AUTH = "external-tool"


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    apis = dicts_at(reading.document(request, _file(request), "json"))
    name = request.name or request.match(apis, "base")
    if name is None:
        raise UsageError(
            f"{_file(request)} names no API at {request.service}",
            hint="say what restish calls it: --name NAME",
        )
    words = [request.program.called(PROGRAMS[0]), "headers", "--restish", *request.options()]
    auth = {"name": _AUTH, "params": {"commandline": shlex.join(words), "omitbody": "true"}}
    # Each goes to the front, so the first comes last.
    entries = [Entry((name, "profiles", "default"), (("auth", auth),))]
    known = apis.get(name)
    if known is None or known.get("base") == str(request.service):
        entries.append(Entry((name,), (("base", str(request.service)),)))
    return Plan((FileChange(_file(request), "json", tuple(entries)),))


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what the API's tool answers when called as restish does: see `setup`."""
    apis = dicts_at(reading.document(request, _file(request), "json"))
    api = apis.get(request.name or request.match(apis, "base") or "", {})
    auth = dict_at(api, "profiles", "default", "auth")
    command = text_at(auth, "params", "commandline")
    if auth.get("name") != _AUTH or not command:
        return reading.unwired(request, _file(request), _AUTH, "an API")
    message = {"method": "GET", "uri": f"{text_at(api, 'base')}/", "headers": {}}
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
    return request.below("RSH_CONFIG_DIR", "apis.json", default)
