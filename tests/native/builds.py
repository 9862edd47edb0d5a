"""Wheels and archives, built from a copy of the tree as pip builds them."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from native import backend

ELF = b"\x7fELF"


def copied(folder: Path) -> Path:
    """Return `folder`, which gets what a build needs of the tree."""
    folder.mkdir()
    for name in ("credhelper", "native", "man"):
        hidden = shutil.ignore_patterns("__pycache__")
        shutil.copytree(backend.ROOT / name, folder / name, symlinks=True, ignore=hidden)
    for name in (
        "pyproject.toml",
        "setup.cfg",
        "MANIFEST.in",
        "README.md",
        "LICENSE",
        "SECURITY.md",
        "CHANGELOG.md",
    ):
        shutil.copy(backend.ROOT / name, folder)
    return folder


def build(
    tree: Path, into: Path, hook: str = "build_wheel", **environ: str
) -> subprocess.CompletedProcess[str]:
    """Call a hook of the backend, as pip does, in a process of its own. Prints the file's name."""
    into.mkdir(exist_ok=True)
    code = "import sys; sys.path.insert(0, 'native'); import backend;"
    code += f" print(backend.{hook}({str(into)!r}))"
    return subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tree,
        env={"PATH": "/usr/bin:/bin", "SOURCE_DATE_EPOCH": "1700000000", **environ},
        capture_output=True,
        text=True,
    )


def built(tree: Path, into: Path, hook: str = "build_wheel", **environ: str) -> Path:
    """Return the file that the hook has built. Raises AssertionError."""
    done = build(tree, into, hook, **environ)
    assert done.returncode == 0, done.stderr[-3000:]
    return into / done.stdout.rstrip("\n").rpartition("\n")[2]


def contents(wheel: Path) -> list[tuple[str, int, bytes]]:
    """Return the name, the mode and the bytes of each member."""
    with zipfile.ZipFile(wheel) as members:
        return [
            (each.filename, each.external_attr, members.read(each)) for each in members.infolist()
        ]
