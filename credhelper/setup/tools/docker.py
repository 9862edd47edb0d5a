"""docker, helm, oras and others that read docker's file: a helper for one registry.

Source: docker/cli, `cli/config/configfile`: `credHelpers` maps a registry's host and port to the
NAME of a program on PATH, `docker-credential-NAME`.
"""

from __future__ import annotations

from credhelper.core.text import command
from credhelper.setup import ask as asking
from credhelper.setup import reading
from credhelper.setup.formats.documents import dict_at, text_at
from credhelper.setup.plan import (
    Ask,
    Entry,
    FileChange,
    Finding,
    Plan,
    WiringRequest,
    hosts_only,
    shadowed,
)

PROGRAMS = ("docker-credential-credhelper",)
ON_PATH = True
PROFILE = False


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    return plan_for(request, _file(request))


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what docker would receive, found through its file and PATH: see `setup`."""
    return check_in(request, ask, [_file(request)])


def plan_for(request: WiringRequest, path: str) -> Plan:
    """Return the plan for tools that read `path`."""
    hosts_only(request, "registries")
    entry = Entry(("credHelpers",), ((request.service.netloc, "credhelper"),))
    return Plan((FileChange(path, "json", (entry,)),))


def check_in(request: WiringRequest, ask: Ask, paths: list[str]) -> Finding:
    """Return what tools receive that read `paths`: the first that names the registry counts."""
    host = request.service.netloc
    for path in paths:
        data = reading.document(request, path, "json")
        name = text_at(data, "credHelpers", host)
        if name:
            break
        for login in dict_at(data, "auths") if path != paths[-1] else ():
            if login.partition("/")[0] == host:
                return shadowed(
                    f"{path} has a login for {login}", command("podman", "logout", login)
                )
    else:
        return Finding(trouble=f"{' and '.join(paths)} names no helper for {host}")
    program = f"docker-credential-{name}"
    answer = ask([program, "get"], host.encode())
    # A failure is printed on stdout. After a success, a secret may stand there.
    said = answer.stdout.decode("utf-8", "replace").strip() if answer.status else ""
    if answer.status == asking.NOT_FOUND:
        return Finding(trouble=f"{path}: {program} get: it is not on PATH")
    return asking.parsed(
        answer, f"{path}: {program} get", lambda said: said["Secret"], said or "no answer"
    )


def _file(request: WiringRequest) -> str:
    return request.below("DOCKER_CONFIG", "config.json", ".docker/config.json")
