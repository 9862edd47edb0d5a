"""Which real clients there are on this machine, and what becomes of a test when one is missing.

A missing client skips its tests and says so. Where `CREDHELPER_PROMISED` names it (client names,
separated by commas), it was promised, and its tests fail instead.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

from tests.support.programs import clean_environment

# client -> (what its program may be called, the words that make it tell its version)
_PROGRAMS = {
    "credhelper": (("credhelper",), ("--version",)),
    "docker": (("docker",), ("--version",)),
    "docker-registry": (("docker-registry", "registry"), ("--version",)),
    "git": (("git",), ("--version",)),
    "skopeo": (("skopeo",), ("--version",)),
}
_NUMBER = re.compile(r"\d+\.\d+[\w.+~-]*")
_PLACES = "/usr/local/bin"  # where a client may be that no package manager brought


def require(name: str, record: pytest.FixtureRequest) -> str:
    """Return where the client `name` is: the path of its program, or its name for a library.

    Parameters: `record`, the test's request, which takes the version down for the summary. Skips
    the test when there is no such client here, or fails it when the client was promised.
    """
    place = _place(name)
    if place is None:
        missing(name, f"{name} is not installed")
    take_down(name, version(name), record)
    return place


def missing(name: str, reason: str) -> NoReturn:
    """Skip this test for `reason`, or fail it if the client `name` was promised."""
    names = promised()
    # Without our own programs nothing that was promised can be shown.
    if name in names or (names and name == "credhelper"):
        pytest.fail(f"{reason}, and CREDHELPER_PROMISED names {name}", pytrace=False)
    pytest.skip(reason)


def take_down(name: str, told: str, record: pytest.FixtureRequest) -> None:
    """Put the client and its version into the summary. Parameters: as for `require`."""
    # A test's properties travel with its report, from whichever process ran it.
    record.node.user_properties.append(("client", f"{name} {told}"))


def promised() -> list[str]:
    """Return the clients that this machine was said to have."""
    return [name for name in re.split("[, ]+", os.environ.get("CREDHELPER_PROMISED", "")) if name]


def version(name: str) -> str:
    """Return the version that the client `name` tells of itself."""
    place = _place(name)
    assert place is not None
    if name not in _PROGRAMS:
        return importlib.metadata.version(name)
    told = subprocess.run(
        [place, *_PROGRAMS[name][1]],
        capture_output=True,
        env=clean_environment("/nonexistent"),
        text=True,
        check=True,
        timeout=60,
    )
    found = _NUMBER.search(told.stdout)
    assert found, told.stdout
    return found[0]


def _place(name: str) -> str | None:
    if name not in _PROGRAMS:
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            return None
        return name
    path = f"{clean_environment('/')['PATH']}:{_PLACES}"
    for program in _PROGRAMS[name][0]:
        found = shutil.which(program, path=path)
        if found:
            return str(Path(found).absolute())
    return None
