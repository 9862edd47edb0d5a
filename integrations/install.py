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
import tarfile
import tomllib
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent
PLACE = ROOT / ".clients"
TABLE: dict[str, dict[str, Any]] = tomllib.loads((HERE / "clients.toml").read_text())
STAMP = ".installed"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

_AT_ONCE = 4
_STATED = ("pypi", "npm", "no_deps", "debian", "apt", "environ", "archive", "member")


def main(names: list[str]) -> int:
    """Install the clients `names`, or all; returns the exit status."""
    if names == ["--promised"]:
        sys.stdout.write(",".join(_promised()) + "\n")
        return 0
    unknown = [name for name in names if name not in TABLE]
    if unknown:
        sys.stderr.write(f"no such client in clients.toml: {', '.join(unknown)}\n")
        return 2
    wanted = {name: TABLE[name] for name in names or TABLE}
    of_apt = [told for told in wanted.values() if "apt" in told and "debian" not in told]
    if any("npm" in told for told in wanted.values()):
        of_apt.append({"apt": "npm", "program": ["npm"]})
    _apt(of_apt)
    if any("debian" in told for told in wanted.values()) and KEYRING.is_file() and not _mirror():
        _as_root("apt-get", "update", "-qq")  # until then apt does not know whose mirrors it uses
    ours = _wheel() if any("credhelper" in told for told in wanted.values()) else ""

    def install(name: str) -> None:
        told = wanted[name]
        if "source" in told:
            _source(PLACE / name, told)
        elif "debian" in told:
            _debian(PLACE / name, told)
        if "pypi" in told:
            _pypi(PLACE / name, told, ours)
        if "npm" in told:
            _npm(PLACE / name, told)

    # Each has a folder of its own, and most of the time is spent waiting for a registry.
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for done in [pool.submit(install, name) for name in wanted]:
            done.result()
    return 0


def _promised() -> list[str]:
    """Return what CI promises: of another release of Debian only where apt knows a mirror."""
    names = [name for name, told in TABLE.items() if told.get("promised")]
    return [name for name in names if "debian" not in TABLE[name] or _mirror()]


def _apt(wanted: list[dict[str, Any]]) -> None:
    absent = [told for told in wanted if not any(map(shutil.which, told["program"]))]
    missing = [package for told in absent for package in told["apt"].split()]
    if not missing:
        return
    _as_root("apt-get", "update", "-qq")
    _as_root("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing)


def _as_root(*words: str) -> None:
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    _run([*sudo, *words], {**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def _debian(folder: Path, told: dict[str, Any]) -> None:
    apt = _emptied(folder, told, "deb")
    if not apt:
        return
    what = ["install", "-y", "--download-only", "--no-install-recommends", told["apt"]]
    _run([*apt, *what])
    root = folder / "root"
    root.mkdir()
    for archive in sorted((folder / "apt/archives").glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", str(archive), str(root)], check=True)
    shutil.rmtree(folder / "apt")
    _lead_home(folder, told)
    _stamp(folder, told)


def _source(folder: Path, told: dict[str, Any]) -> None:
    """Take the file `member` out of the source of a package of Debian."""
    apt = _emptied(folder, told, "deb-src")
    if not apt:
        return
    _run([*apt, "source", "--download-only", told["apt"]], cwd=folder / "apt")
    (archive,) = (folder / "apt").glob("*.orig.tar.*")
    with tarfile.open(archive) as packed:
        for item in packed:
            if item.isfile() and item.name.partition("/")[2] == told["member"]:
                file = packed.extractfile(item)
                assert file is not None
                (folder / Path(item.name).name).write_bytes(file.read())
    number = archive.name.partition("_")[2].partition(".orig")[0]
    (folder / "VERSION").write_text(number)
    shutil.rmtree(folder / "apt")
    _stamp(folder, told)


def _emptied(folder: Path, told: dict[str, Any], kind: str) -> list[str]:
    """Empty a folder for what Debian has, and return the words of its apt.

    There are none where nothing has changed, or apt knows no mirror.

    Parameters: `kind`, `deb` or `deb-src`.
    """
    if not _changed(folder, told):
        return []
    mirror = _mirror()
    if not mirror:
        sys.stderr.write(f"{folder.name}: apt knows no mirror of Debian here, left out\n")
        return []
    shutil.rmtree(folder, ignore_errors=True)
    return _own_apt(folder, f"{kind} [signed-by={KEYRING}] {mirror} {told['debian']} main\n")


def _own_apt(folder: Path, source: str) -> list[str]:
    """Return the words of an apt with folders of its own, which has looked at `source`.

    For it nothing is installed yet: it brings all libraries.
    """
    for name in ("lists/partial", "archives/partial"):
        (folder / "apt" / name).mkdir(parents=True)
    (folder / "apt/status").touch()
    sources = folder / "apt/sources.list"
    sources.write_text(source)
    state = {
        "Dir::State": folder / "apt",
        "Dir::State::status": folder / "apt/status",
        "Dir::Cache": folder / "apt",
        "Dir::Etc::SourceList": sources,
        "Dir::Etc::SourceParts": "-",
        "APT::Sandbox::User": "",
    }
    apt = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in state.items())]
    _run([*apt, "update"])
    return apt


def _mirror() -> str:
    """Return the URL of a mirror of Debian that this machine's apt uses, or nothing."""
    if not (shutil.which("apt-get") and KEYRING.is_file()):
        return ""
    words = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Origin: Debian"]
    words += ["Label: Debian", "Created-By: Packages"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return next(iter(done.stdout.splitlines()), "")


def _lead_home(folder: Path, told: dict[str, Any]) -> None:
    """Make the programs of a foreign release run here: each by its own loader and libraries."""
    root = folder / "root"
    (loader,) = root.glob("usr/lib/*/ld-linux*.so.*")
    places = [root / place for place in ("usr/bin", "usr/lib/git-core")]
    files = [path for place in places if place.is_dir() for path in place.iterdir()]
    for path in files:
        if path.is_symlink() or not path.is_file() or path.read_bytes()[:4] != b"\x7fELF":
            continue
        real = path.with_name(f".{path.name}")
        path.rename(real)
        line = f"exec '{loader}' --library-path '{loader.parent}' --argv0 \"$0\" '{real}' \"$@\""
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)
    (folder / "bin").mkdir()
    for program in told["program"]:
        told_places = told.get("environ", {}).items()
        exports = "".join(f"export {name}='{root / place}'\n" for name, place in told_places)
        own = folder / "bin" / program
        own.write_text(f"#!/bin/sh\n{exports}exec '{root / 'usr/bin' / program}' \"$@\"\n")
        own.chmod(0o755)


def _wheel() -> str:
    """Build this checkout's wheel, once for all; returns its path."""
    folder = PLACE / "wheel"
    shutil.rmtree(folder, ignore_errors=True)
    quiet = ["--quiet", "--disable-pip-version-check"]
    _run([sys.executable, "-m", "pip", "wheel", *quiet, "--no-deps", "-w", str(folder), str(ROOT)])
    (wheel,) = folder.glob("*.whl")
    return str(wheel)


def _pypi(folder: Path, told: dict[str, Any], ours: str) -> None:
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
        _run([*pip, f"{ours}{told['credhelper']}"])
        _run([*pip, "--no-deps", "--force-reinstall", ours])


def _npm(folder: Path, told: dict[str, Any]) -> None:
    if not _changed(folder, told):
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "package.json").write_text("{}\n")
    quiet = ["--silent", "--no-audit", "--no-fund", "--no-update-notifier"]
    # What npm calls peers are packages that somebody else is to bring, and npm then brings itself.
    alone = ["--legacy-peer-deps"] if told.get("no_deps") else []
    _run(["npm", "install", *quiet, *alone, "--prefix", str(folder), *told["npm"]])
    if "archive" in told:
        _unpack(folder / "node_modules" / told["archive"], told["member"], folder / "bin")
    _stamp(folder, told)


def _unpack(archive: Path, member: str, target: Path) -> None:
    """Take the program `member` out of a zip file, and the zip file away."""
    target.mkdir()
    program = target / Path(member).name
    with zipfile.ZipFile(archive) as packed:
        program.write_bytes(packed.read(member))
    program.chmod(0o755)
    archive.unlink()


def _changed(folder: Path, told: dict[str, Any]) -> bool:
    stamp = folder / STAMP
    return not stamp.is_file() or stamp.read_text() != _state(told)


def _stamp(folder: Path, told: dict[str, Any]) -> None:
    (folder / STAMP).write_text(_state(told))


def _state(told: dict[str, Any]) -> str:
    return repr((sys.version, *map(told.get, _STATED)))


def _run(
    words: list[str], environ: dict[str, str] | None = None, *, cwd: Path | None = None
) -> None:
    sys.stderr.write(f"+ {' '.join(words)}\n")
    subprocess.run(words, check=True, env=environ, cwd=cwd)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
