"""Which real clients there are on this machine, and what becomes of a test when one is missing.

`clients.toml` says where each comes from. A missing client skips its tests and says so. Where
`CREDHELPER_PROMISED` names it (client names, separated by commas), it was promised, and its tests
fail instead.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, NoReturn

import pytest

from integrations.install import PLACE, STAMP, TABLE
from tests.support.programs import clean_environment

_NUMBER = re.compile(r"\d+\.\d+[\w.+~-]*")
_OUR_OWN: dict[str, Any] = {"program": ["credhelper"]}


def require(name: str, record: pytest.FixtureRequest) -> str:
    """Return where the client `name` is: its program, or for a library its Python or npm folder.

    Parameters: `record`, the test's request, which takes the version down for the summary. Skips
    the test when there is no such client here, or none that runs, or fails it when the client was
    promised.
    """
    found = place(name)
    if found is None:
        missing(name, f"{name} is not installed (make clients CLIENTS={name})")
    try:
        told = version(name)
    except (OSError, subprocess.SubprocessError) as error:
        if name == "credhelper":
            raise  # to pass over that would be to pass over everything
        # Such as rustup's cargo for a user who has no toolchain.
        why = (getattr(error, "stderr", None) or str(error)).strip().partition("\n")[0]
        missing(name, f"{found} does not even tell its version: {why}")
    take_down(name, told, record)
    return found


def place(name: str) -> str | None:
    """Return where the client `name` is, as `require` does; None when it is not here."""
    told = _told(name)
    own = PLACE / name
    if "program" in told:
        places = [own / "bin", own / "node_modules/.bin"]
        if "debian" in told or told.get("apart"):
            path = ":".join(map(str, places))
            return shutil.which(str(told["program"][0]), path=path)
        # Last where this machine's user has it: a client that no package manager of ours brought.
        usual = [clean_environment("/")["PATH"], "/usr/local/bin", "/usr/sbin"]
        more = [*usual, os.environ.get("PATH", "")]
        path = ":".join([*map(str, places), *more])
        for program in told["program"]:
            found = shutil.which(program, path=path)
            if found:
                return str(Path(found).absolute())
        return None
    if not (own / STAMP).is_file():
        return None  # not there, or not wholly
    return str(own if {"npm", "source"} & told.keys() else own / "bin/python")


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
    where = place(name)
    assert where is not None
    told = _told(name)
    if "program" in told:
        return _spoken(where, told.get("version", ["--version"]))
    if "source" in told:
        return (Path(where) / "VERSION").read_text()
    if "npm" in told:
        package = told["npm"][0].rpartition("@")[0] or told["npm"][0]
        manifest = json.loads((Path(where) / "node_modules" / package / "package.json").read_text())
        return str(manifest["version"])
    package = re.split(r"[\[=<>~!; ]", told["pypi"][0])[0]
    (packages,) = (PLACE / name / "lib").glob("python*/site-packages")
    (distribution,) = importlib.metadata.distributions(name=package, path=[str(packages)])
    return distribution.version


def _spoken(program: str, words: list[str]) -> str:
    done = subprocess.run(
        [program, *words],
        capture_output=True,
        # Shims (of rustup, of version managers) look into the real home for the real program.
        env=clean_environment(Path.home())
        | {name: os.environ[name] for name in ("RUSTUP_HOME",) if name in os.environ},
        text=True,
        check=True,
        timeout=60,
    )
    found = _NUMBER.search(done.stdout + done.stderr)
    assert found, done.stdout
    return found[0]


def _told(name: str) -> dict[str, Any]:
    return _OUR_OWN if name == "credhelper" else TABLE.get(name, {})
