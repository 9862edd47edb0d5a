"""git and wget on the command line: a link that answers their prompts for a password.

Source: git's `GIT_ASKPASS`, wget's `--use-askpass`. No file is written: with wget's, wget would ask
about every host, and fail for all but ours; for git's there is the helper.
"""

from __future__ import annotations

from credhelper.core.text import export
from credhelper.setup import ask as asking
from credhelper.setup.plan import Ask, Finding, Plan, WiringRequest

PROGRAMS = ("credhelper",)
ON_PATH = False
PROFILE = False

LINK = "credhelper-askpass"


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    link = request.link(LINK)
    current = request.environ.get("GIT_ASKPASS")
    use = f"to use it: {export('GIT_ASKPASS', link.path)}"
    notes = [] if current == link.path else [use]
    if request.service.netloc != request.service.host:
        notes.append(f"not for wget: it asks about {request.service.host}, without the port")
    return Plan(links=(link,), notes=tuple(notes))


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what the program at the link answers to git's prompt for a password: see `setup`."""
    path = request.link(LINK).path
    host = (
        f"{request.service.scheme}://{request.owner}@{request.service.netloc}{request.service.path}"
    )
    answer = ask([path, f"Password for '{host}': "])
    token = answer.stdout.decode("utf-8", "replace").removesuffix("\n")
    if answer.status == 0 and token:
        return Finding(token)
    return asking.failed(answer, path, "it is not there")
