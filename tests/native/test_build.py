"""The build: as it was without CREDHELPER_NATIVE=1, and with it the front among the programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from native import backend
from tests.native.cases import BASES, write
from tests.support import programs

pytest.importorskip("setuptools", "70.1", reason="the build backend needs setuptools 70.1")

ELF = b"\x7fELF"
Build = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of what a build needs of the tree."""
    folder = tmp_path_factory.mktemp("tree") / "a tree's"
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


def built(tree: Path, into: Path, **environ: str) -> Path:
    done = build(tree, into, **environ)
    assert done.returncode == 0, done.stderr[-3000:]
    return into / done.stdout.rstrip("\n").rpartition("\n")[2]


def contents(wheel: Path) -> list[tuple[str, int, bytes]]:
    with zipfile.ZipFile(wheel) as members:
        return [
            (each.filename, each.external_attr, members.read(each)) for each in members.infolist()
        ]


@pytest.fixture(scope="session")
def pure(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tree, tmp_path_factory.mktemp("pure"))


@pytest.fixture(scope="session")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory, compiler: list[str]) -> Path:
    return built(tree, tmp_path_factory.mktemp("wheel"), CREDHELPER_NATIVE="1")


@pytest.mark.parametrize("told", ["", "0"])
def test_without_the_variable_the_wheel_is_what_setuptools_makes(
    told: str, tree: Path, pure: Path, tmp_path: Path
) -> None:
    code = f"from setuptools import build_meta; build_meta.build_wheel({str(tmp_path)!r})"
    subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tree,
        env={"PATH": "/usr/bin:/bin", "SOURCE_DATE_EPOCH": "1700000000"},
        capture_output=True,
        check=True,
    )
    (theirs,) = tmp_path.glob("*.whl")
    ours = pure if not told else built(tree, tmp_path / "zero", CREDHELPER_NATIVE=told)
    assert ours.name == theirs.name
    assert contents(ours) == contents(theirs)
    assert ours.read_bytes() == theirs.read_bytes()


def test_with_it_three_programs_are_the_front_and_nothing_else_changes(
    pure: Path, wheel: Path
) -> None:
    assert "-py3-none-linux_" in wheel.name
    before, after = contents(pure), contents(wheel)
    assert [(name, mode) for name, mode, _ in before] == [(name, mode) for name, mode, _ in after]
    changed = [
        (name, new) for (name, _, old), (_, _, new) in zip(before, after, strict=True) if old != new
    ]
    scripts = [name.rpartition("/")[2] for name, new in changed if new.startswith(ELF)]
    assert sorted(scripts) == sorted(backend.PROGRAMS)
    assert sorted(name.rpartition("/")[2] for name, new in changed if not new.startswith(ELF)) == [
        "RECORD",
        "WHEEL",
    ]
    told = next(new for name, new in changed if name.endswith("WHEEL")).decode()
    assert "\nRoot-Is-Purelib: true\n" in told
    assert f"\nTag: {wheel.stem.partition('-')[2].partition('-')[2]}\n" in told


def test_the_same_wheel_comes_out_twice(tree: Path, wheel: Path, tmp_path: Path) -> None:
    assert built(tree, tmp_path, CREDHELPER_NATIVE="1").read_bytes() == wheel.read_bytes()


@pytest.mark.parametrize(
    ("environ", "why"),
    [
        ({"CREDHELPER_NATIVE": "yes"}, "CREDHELPER_NATIVE is 'yes': set it to 1"),
        (
            {"CREDHELPER_NATIVE": "1", "CC": "/nonexistent/cc"},
            "cannot be built: /nonexistent/cc: No such file",
        ),
        (
            {"CREDHELPER_NATIVE": "1", "CC": "false"},
            "the native front cannot be built: false -std=c11",
        ),
        (
            {"CREDHELPER_NATIVE": "1", "PATH": "/nonexistent"},
            "there is no C compiler: install gcc, or set CC",
        ),
    ],
)
def test_it_fails_with_the_reason(
    environ: dict[str, str], why: str, tree: Path, tmp_path: Path
) -> None:
    done = build(tree, tmp_path / "none", **environ)
    assert done.returncode == 1
    assert why in done.stderr
    assert "Traceback" not in done.stderr
    assert not [*(tmp_path / "none").glob("*-linux_*")]


def test_a_source_archive_builds_it_too(tree: Path, wheel: Path, tmp_path: Path) -> None:
    done = build(tree, tmp_path / "sdist", "build_sdist")
    assert done.returncode == 0, done.stderr[-3000:]
    archive = tmp_path / "sdist" / done.stdout.rstrip("\n").rpartition("\n")[2]
    shutil.unpack_archive(archive, tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    again = built(unpacked, tmp_path / "again", CREDHELPER_NATIVE="1")
    assert again.name == wheel.name
    names = [name for name, _, _ in contents(again)]
    assert sorted(names) == sorted(name for name, _, _ in contents(wheel))


@pytest.mark.waits
def test_it_is_installed_moved_and_removed(wheel: Path, tmp_path: Path) -> None:
    if not programs.INSTALLED:
        pytest.skip("the package is not installed")
    home = tmp_path / "a place's $HOME"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    pip: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "-q",
        "--disable-pip-version-check",
        "--python",
        home / "bin/python3",
    ]
    before = sorted(path for path in home.rglob("*"))
    subprocess.run([*pip, "install", "--no-deps", "--no-index", wheel], check=True)
    world = tmp_path / "world"
    world.mkdir()
    case = BASES["git"]()
    import time

    case.fields.update(issued=str(int(time.time()) - 60), expires=str(int(time.time()) + 3600))
    places = write(case, world)

    def ask(folder: Path) -> tuple[int, bytes, bytes]:
        words = [folder / "bin/git-credential-credhelper"]
        done = [
            subprocess.run(
                [*words, verb], env=places.environ, input=case.stdin, capture_output=True
            )
            for verb in ("get", "capability")
        ]
        return done[0].returncode, done[0].stdout, done[1].stdout

    for name in backend.PROGRAMS:
        assert (home / "bin" / name).read_bytes().startswith(ELF)
        assert os.access(home / "bin" / name, os.X_OK)
    said = ask(home)
    assert said[0] == 0
    assert b"password=" in said[1]
    moved = tmp_path / "moved"
    home.rename(moved)
    assert ask(moved) == said
    moved.rename(home)
    assert (home / "share/man/man1/credhelper.1").is_file()
    subprocess.run([*pip, "uninstall", "-y", "credhelper"], check=True)
    left = sorted(
        path for path in home.rglob("*") if path not in before and "__pycache__" not in path.parts
    )
    # Of folders, pip removes the innermost alone.
    assert left == [home / "share", home / "share/man"]
