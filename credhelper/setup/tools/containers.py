"""podman, skopeo, buildah: a helper for one registry, in the file with their logins.

Source: containers-auth.json(5). They read docker's file last.
"""

from __future__ import annotations

import os

from credhelper.setup.plan import Ask, Finding, Plan, WiringRequest
from credhelper.setup.tools import docker

PROGRAMS = docker.PROGRAMS
ON_PATH = True
PROFILE = False


def plan(request: WiringRequest) -> Plan:
    """Return what it takes: see `setup`."""
    return docker.plan_for(request, _file(request))


def check(request: WiringRequest, ask: Ask) -> Finding:
    """Return what they would receive, found through their files and PATH: see `setup`."""
    chosen = _file(request)
    paths = [chosen]
    if request.environ.get("REGISTRY_AUTH_FILE") != chosen:
        runtime = request.variable("XDG_RUNTIME_DIR") or f"/run/containers/{os.getuid()}"
        name = "containers/auth.json" if request.variable("XDG_RUNTIME_DIR") else "auth.json"
        paths.insert(0, f"{runtime}/{name}")
        paths.append(request.below("DOCKER_CONFIG", "config.json", ".docker/config.json"))
    return docker.check_in(request, ask, [path for path in paths if request.read(path) is not None])


def _file(request: WiringRequest) -> str:
    default = request.below(
        "XDG_CONFIG_HOME", "containers/auth.json", ".config/containers/auth.json"
    )
    return request.variable("REGISTRY_AUTH_FILE") or default
