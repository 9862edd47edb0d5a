"""podman, skopeo, buildah: a helper for one registry, in the file that they keep logins in.

Source: containers-auth.json(5). They look into docker's file last.
"""

from __future__ import annotations

import os

from credhelper.setup.plan import Ask, Finding, Plan, Wish
from credhelper.setup.tools import docker

PROGRAMS = docker.PROGRAMS
ON_PATH = True
PROFILE = False


def plan(wish: Wish) -> Plan:
    """Return what it takes: see `setup`."""
    return docker.plan_for(wish, _file(wish))


def check(wish: Wish, ask: Ask) -> Finding:
    """Return what they would be told, found through their files and PATH: see `setup`."""
    chosen = _file(wish)
    paths = [chosen]
    if wish.environ.get("REGISTRY_AUTH_FILE") != chosen:
        runtime = wish.told("XDG_RUNTIME_DIR") or f"/run/containers/{os.getuid()}"
        name = "containers/auth.json" if wish.told("XDG_RUNTIME_DIR") else "auth.json"
        paths.insert(0, f"{runtime}/{name}")
        paths.append(wish.below("DOCKER_CONFIG", "config.json", ".docker/config.json"))
    return docker.check_in(wish, ask, [path for path in paths if wish.read(path) is not None])


def _file(wish: Wish) -> str:
    default = wish.below("XDG_CONFIG_HOME", "containers/auth.json", ".config/containers/auth.json")
    return wish.told("REGISTRY_AUTH_FILE") or default
