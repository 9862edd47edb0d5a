"""Install the real clients that `clients.toml` names. Needs nothing but this Python's own library.

Usage: python integrations/install.py [CLIENT ...]; without names, all that can be installed. What
is there already, in the version that is asked for, is left alone. `--promised` installs nothing and
prints the clients that CI promises.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent
PLACE = ROOT / ".clients"
TABLE: dict[str, dict[str, Any]] = tomllib.loads((HERE / "clients.toml").read_text())
STAMP = ".installed"


def main(names: list[str]) -> int:
    """Install the clients `names`, or all; returns the exit status."""
    if names == ["--promised"]:
        sys.stdout.write(",".join(name for name in TABLE if TABLE[name].get("promised")) + "\n")
        return 0
    unknown = [name for name in names if name not in TABLE]
    if unknown:
        sys.stderr.write(f"no such client in clients.toml: {', '.join(unknown)}\n")
        return 2
    wanted = {name: TABLE[name] for name in names or TABLE}
    _apt([told for told in wanted.values() if "apt" in told])
    for name, told in wanted.items():
        if "pypi" in told:
            _pypi(PLACE / name, told)
        if "npm" in told:
            _npm(PLACE / name, told)
    return 0


def _apt(wanted: list[dict[str, Any]]) -> None:
    missing = [told["apt"] for told in wanted if not any(map(shutil.which, told["program"]))]
    if not missing:
        return
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _run([*sudo, "apt-get", "update", "-qq"], environ)
    _run([*sudo, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], environ)


def _pypi(folder: Path, told: dict[str, Any]) -> None:
    python = folder / "bin/python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    pip.append("--disable-pip-version-check")
    if _changed(folder, told):
        shutil.rmtree(folder, ignore_errors=True)
        _run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
        _run([*pip, *(["--no-deps"] if told.get("no_deps") else []), *told["pypi"]])
        _stamp(folder, told)
    if "credhelper" in told:
        # Always again: what is tested is this checkout.
        _run([*pip, f"{ROOT}{told['credhelper']}"])
        _run([*pip, "--no-deps", "--force-reinstall", str(ROOT)])


def _npm(folder: Path, told: dict[str, Any]) -> None:
    if not _changed(folder, told):
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "package.json").write_text("{}\n")
    quiet = ["--silent", "--no-audit", "--no-fund", "--no-update-notifier"]
    _run(["npm", "install", *quiet, "--prefix", str(folder), *told["npm"]])
    _stamp(folder, told)


def _changed(folder: Path, told: dict[str, Any]) -> bool:
    stamp = folder / STAMP
    return not stamp.is_file() or stamp.read_text() != _state(told)


def _stamp(folder: Path, told: dict[str, Any]) -> None:
    (folder / STAMP).write_text(_state(told))


def _state(told: dict[str, Any]) -> str:
    return repr((sys.version, told.get("pypi"), told.get("npm"), told.get("no_deps")))


def _run(words: list[str], environ: dict[str, str] | None = None) -> None:
    sys.stderr.write(f"+ {' '.join(words)}\n")
    subprocess.run(words, check=True, env=environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
