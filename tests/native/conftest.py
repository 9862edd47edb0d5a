"""The front as it is compiled here, beside the Python program: once for all tests of a process."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integrations.clients import missing
from native import backend
from tests.native import builds, fronts
from tests.support import programs

STUB = "#!/bin/sh\nprintf PYTHON\nexit 99\n"


@pytest.fixture(scope="session")
def compiler() -> list[str]:
    """Return the words that start the C compiler; without one skip, or fail if it was promised."""
    try:
        return backend.compiler(os.environ)
    except SystemExit as why:
        missing("faults", str(why))  # which need a compiler as well


@pytest.fixture(scope="session")
def sanitized(tmp_path_factory: pytest.TempPathFactory, compiler: list[str]) -> Path:
    """Return the driver, which ends at the first thing that C does not define."""
    folder = tmp_path_factory.mktemp("sanitized")
    try:
        return fronts.build(folder, fronts.SANITIZED)
    except SystemExit as missing:
        if "cannot find" not in str(missing):
            raise
        pytest.skip(f"the compiler has no sanitizers: {missing}")


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Give a folder for the files of one case after another."""
    folder = tmp_path / "world"
    folder.mkdir()
    return folder


@pytest.fixture
def start(world: Path) -> Iterator[Callable[[Path], fronts.Front]]:
    """Give a way to start drivers, which end with the test."""
    running: list[fronts.Front] = []

    def one(program: Path) -> fronts.Front:
        running.append(fronts.Front(program, world))
        return running[-1]

    yield one
    for each in running:
        each.stop()


@pytest.fixture(scope="session")
def front(tmp_path_factory: pytest.TempPathFactory, compiler: list[str]) -> Path:
    """Return the front as a program, as a build makes it."""
    path = tmp_path_factory.mktemp("front") / "front"
    backend.compile_front(path, compiler)
    return path


@pytest.fixture(scope="session")
def native(tmp_path_factory: pytest.TempPathFactory, front: Path) -> Path:
    """Return the `bin` of an installation with the front, and with the package that is tested."""
    if not programs.INSTALLED:
        pytest.skip("the package is not installed")
    folder = tmp_path_factory.mktemp("native")
    own = Path(sys.executable).parent
    (folder / "lib").symlink_to(own.parent / "lib")
    if (own.parent / "pyvenv.cfg").exists():
        shutil.copy(own.parent / "pyvenv.cfg", folder)
    place(front, folder / "bin")
    (folder / "bin/python3").symlink_to(Path(sys.executable).resolve())
    return folder / "bin"


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of what a build needs of the tree."""
    return builds.copied(tmp_path_factory.mktemp("tree") / "a tree's")


@pytest.fixture(scope="session")
def pure(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel as it is without the variable."""
    return builds.built(tree, tmp_path_factory.mktemp("pure"))


@pytest.fixture(scope="session")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory, compiler: list[str]) -> Path:
    """Return the wheel with the front."""
    return builds.built(tree, tmp_path_factory.mktemp("wheel"), CREDHELPER_NATIVE="1")


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory, front: Path) -> Path:
    """Return a `bin` with the front, and in Python's place a program that says so: status 99."""
    folder = tmp_path_factory.mktemp("alone") / "bin"
    place(front, folder)
    (folder / "python3").write_text(STUB)
    (folder / "python3").chmod(0o755)
    return folder


def place(front: Path, folder: Path) -> None:
    """Put the front into `folder` under each of its names."""
    folder.mkdir()
    for name in backend.PROGRAMS:
        shutil.copy(front, folder / name)
