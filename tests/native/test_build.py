"""The build: as it was without CREDHELPER_NATIVE=1, and with it the front among the programs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from native import backend
from tests.native.builds import ELF, build, built, contents

pytest.importorskip("setuptools", "70.1", reason="the build backend needs setuptools 70.1")


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
    archive = built(tree, tmp_path / "sdist", "build_sdist")
    shutil.unpack_archive(archive, tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    again = built(unpacked, tmp_path / "again", CREDHELPER_NATIVE="1")
    assert again.name == wheel.name
    names = [name for name, _, _ in contents(again)]
    assert sorted(names) == sorted(name for name, _, _ in contents(wheel))
