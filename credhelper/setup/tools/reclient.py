"""reproxy, and others made of remote-apis-sdks: the credentials helper of one config file.

Source: remote-apis-sdks, the flags `--service`, `--credentials_helper` and
`--credentials_helper_args`. reproxy reads only the file that `--cfg` names, which is for one
service. It splits the arguments at blanks, even within quotes.
"""

from __future__ import annotations

from credhelper.errors import ConfigError, UsageError
from credhelper.setup import ask as asking
from credhelper.setup.plan import Ask, Entry, FileChange, Finding, Plan, WiringRequest

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = True
FILE = True

_HELPER = "credentials_helper"
_ARGUMENTS = "credentials_helper_args"


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    path = _file(request)
    place = f"{request.service.host}:{request.service.port}"
    known = _flags(request).get("service", place)
    if known not in (place, request.service.host):
        raise ConfigError(
            f"{path} is for another service than {request.service}",
            hint="choose the file: --file PATH",
        )
    words = ["reclient", "--service", str(request.service), *request.options()]
    values = [(f"{_HELPER}=", request.program.path), (f"{_ARGUMENTS}=", " ".join(words))]
    if known == place:
        values.insert(0, ("service=", place))
    return Plan((FileChange(path, "flags", (Entry((), tuple(values)),)),))


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what the helper that the file names says: see `setup`."""
    flags = _flags(request)
    if not flags.get(_HELPER):
        return Finding(trouble=f"{_file(request)} names no {_HELPER}")
    answer = ask([flags[_HELPER], *flags.get(_ARGUMENTS, "").split()])
    named = f"{_file(request)}: {flags[_HELPER]}"
    return asking.parsed(answer, named, lambda said: said["token"])


def _file(request: WiringRequest) -> str:
    if request.file is None:
        raise UsageError(
            "reproxy has no file of its own", hint="say what it is given with --cfg: --file PATH"
        )
    return request.file


def _flags(request: WiringRequest) -> dict[str, str]:
    found = {}
    for line in (request.read(_file(request)) or "").split("\n"):
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            found[name.strip()] = value.strip()
    return found
