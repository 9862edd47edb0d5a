"""Installations as users make them, and the wheels of a release."""

from __future__ import annotations

import os
import platform
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from integrations import clients
from native import backend, release
from tests.native.builds import ELF, built, contents
from tests.native.cases import BASES, Places, write
from tests.support import programs

pytest.importorskip("setuptools", "70.1", reason="the build backend needs setuptools 70.1")

REQUEST = b"protocol=https\nhost=ica.example\n\n"
MACHINES = {"x86_64": 62, "aarch64": 183}  # as ELF numbers them
Said = tuple[int, bytes, bytes]


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Give a world on disk with a token that is fresh now."""
    folder = tmp_path / "world"
    folder.mkdir()
    case = BASES["git"]()
    case.fields.update(issued=str(int(time.time()) - 60), expires=str(int(time.time()) + 3600))
    return write(case, folder)


class Place:
    """A virtual environment, and what installs into it.

    Parameters: `folder`; `tool`, the words that begin a command of pip or uv; `environ`.
    """

    def __init__(self, folder: Path, tool: list[str], environ: dict[str, str]) -> None:
        self.folder = folder
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        self.before = set(folder.rglob("*"))
        self.tool = tool
        self.environ = environ

    def run(self, *words: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run the tool."""
        return subprocess.run(
            [*self.tool, *words],
            env={**self.environ, **environ},
            cwd=self.folder,
            capture_output=True,
            text=True,
        )

    def new(self) -> list[Path]:
        """Return what was not there at first."""
        now = {path for path in self.folder.rglob("*") if "__pycache__" not in path.parts}
        # uv's own lock; and the manual pages' folders, which pip and uv leave when they are empty.
        kept = {self.folder / name for name in (".lock", "share", "share/man", "share/man/man1")}
        return sorted(path for path in now - self.before - kept)


def _place(tool: str, folder: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Place:
    """Return a virtual environment for `pip` or `uv`, which need no network."""
    if not programs.INSTALLED:
        pytest.skip("the package is not installed")
    # What a build needs, where nothing can be downloaded.
    needed = tmp_path / "needed"
    needed.mkdir()
    import setuptools

    site = Path(setuptools.__file__).parent.parent
    for path in [*site.glob("setuptools*"), site / "_distutils_hack"]:
        (needed / path.name).symlink_to(path)
    environ = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(needed)}
    python = str(folder / "bin/python3")
    if tool == "uv":
        uv = clients.require("uv", request)
        words = [uv, "--offline", "--no-cache", "pip"]
        environ.update(UV_PYTHON=python, VIRTUAL_ENV=str(folder))
    else:
        words = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-cache-dir"]
        words += ["--python", python]
    return Place(folder, words, environ)


def _ask(program: Path, environ: dict[str, str]) -> tuple[Said, bytes]:
    """Return the answer of git's `get`, and what only Python says."""
    said, more = (
        subprocess.run([program, verb], env=environ, input=REQUEST, capture_output=True)
        for verb in ("get", "capability")
    )
    return (said.returncode, said.stdout, said.stderr), more.stdout


HOWS = (
    *("pip wheel", "uv wheel", "pip sdist", "uv sdist", "pip sdist without", "uv sdist without"),
)


@pytest.mark.sampled(len(HOWS))
@pytest.mark.parametrize("how", HOWS)
@pytest.mark.waits
def test_it_is_installed_linked_moved_and_removed(
    how: str,
    tree: Path,
    wheel: Path,
    places: Places,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    tool, kind, *without = how.split()
    folder = tmp_path / "a place's $HOME"
    place = _place(tool, folder, tmp_path, request)
    what = wheel if kind == "wheel" else built(tree, tmp_path / "sdist", "build_sdist")
    wanted = {} if without or kind == "wheel" else {"CREDHELPER_NATIVE": "1"}
    words = ("--no-deps", "--no-index", "--no-build-isolation", what)
    done = place.run("install", *words, **wanted)
    assert done.returncode == 0, done
    for name in backend.PROGRAMS:
        assert (folder / "bin" / name).read_bytes().startswith(ELF) == (not without)
        assert os.access(folder / "bin" / name, os.X_OK)
    said = _ask(folder / "bin/git-credential-credhelper", places.environ)
    assert (said[0][0], said[0][2]) == (0, b"")
    assert b"password=" in said[0][1]
    assert b"authtype" in said[1]
    link = tmp_path / "a link's folder/git-credential-mine"
    link.parent.mkdir()
    link.symlink_to(folder / "bin/git-credential-credhelper")
    assert _ask(link, places.environ) == said
    moved = tmp_path / "moved"
    folder.rename(moved)
    assert _ask(moved / "bin/git-credential-credhelper", places.environ) == said
    moved.rename(folder)
    done = place.run("uninstall", *(["-y"] if tool == "pip" else []), "credhelper")
    assert done.returncode == 0, done
    assert place.new() == []


@pytest.mark.sampled(2)
@pytest.mark.parametrize("tool", ["pip", "uv"])
@pytest.mark.waits
def test_without_a_compiler_an_installation_says_why_it_fails(
    tool: str, tree: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    place = _place(tool, tmp_path / "venv", tmp_path, request)
    archive = built(tree, tmp_path / "sdist", "build_sdist")
    words = ("--no-deps", "--no-index", "--no-build-isolation", archive)
    done = place.run("install", *words, CREDHELPER_NATIVE="1", PATH="/nonexistent")
    assert done.returncode != 0
    assert "there is no C compiler: install gcc, or set CC" in done.stdout + done.stderr
    assert place.new() == []


def _elf(program: bytes) -> tuple[int, bool]:
    """Return for which machine a program is, and whether it is static: it names no loader."""
    assert program[:6] == ELF + b"\2\1"  # 64 bits, little endian
    (machine,) = struct.unpack_from("<H", program, 18)
    (start,) = struct.unpack_from("<Q", program, 32)
    size, count = struct.unpack_from("<HH", program, 54)
    kinds = [struct.unpack_from("<I", program, start + size * number)[0] for number in range(count)]
    return machine, 3 not in kinds


@pytest.mark.waits
def test_the_wheels_of_a_release_are_static(
    tree: Path, pure: Path, places: Places, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if not request.config.getoption("--thorough"):
        pytest.skip("this compiles libc for two processors: with --thorough")
    python = clients.require("ziglang", request)
    environ = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    folder = tmp_path / "wheels"
    words = [python, "-m", "native.release", str(folder)]
    done = subprocess.run(words, cwd=tree, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    made = {path.name for path in folder.iterdir()}
    assert made <= set(done.stdout.split("\n"))
    assert pure.name in made
    assert len(made) == 1 + len(release.PROCESSORS)
    stem = pure.name.removesuffix("-any.whl")
    for processor in release.PROCESSORS:
        tags = [f"manylinux2014_{processor}", f"musllinux_1_1_{processor}"]
        wheel = folder / f"{stem}-{'.'.join(tags)}.whl"
        held = {name.rpartition("/")[2]: data for name, _, data in contents(wheel)}
        for program in backend.PROGRAMS:
            assert _elf(held[program]) == (MACHINES[processor], True)
        assert [line for line in held["WHEEL"].decode().split("\n") if line.startswith("Tag")] == [
            f"Tag: py3-none-{tag}" for tag in tags
        ]
        if platform.machine() == processor:
            place = _place("pip", tmp_path / "venv", tmp_path, request)
            done = place.run("install", "--no-deps", "--no-index", wheel)
            assert done.returncode == 0, done
            path = place.folder / "bin/git-credential-credhelper"
            shutil.move(place.folder / "bin/python3", tmp_path / "python3")
            said = _ask(path, places.environ)  # with no Python: it answers itself
            assert (said[0][0], said[0][2]) == (0, b"")
            assert b"password=" in said[0][1]
