"""What surrounds the front does not change what it says: ids, limits, names of variables."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from native import backend
from tests.support.worlds import World

PYTHON = Path(sys.executable).parent
AS_A_GROUP = (
    "import os,sys; os.setresgid(65534, *[os.getegid()] * 2); os.execv(sys.argv[1], sys.argv[1:])"
)
# In Python's place: what it is given.
WITNESS = """#!/bin/sh
env | grep -v '^_=\\|^PWD=' | sort | head -c 2000
"""


@pytest.fixture
def environ(scratch_world: World) -> dict[str, str]:
    """Give the environment of a world with a fresh token."""
    scratch_world.prepare()
    return scratch_world.environment()


def _says(words: list[str | Path], environ: dict[str, str]) -> tuple[int, bytes, bytes]:
    done = subprocess.run(
        words, env=environ, stdin=subprocess.DEVNULL, capture_output=True, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("words", [["get"], ["--version"], ["get", "--profile", "nobody"]])
def test_a_caller_with_a_group_of_its_own_gets_what_python_says(
    words: list[str], native: Path, environ: dict[str, str]
) -> None:
    # As a setgid program that starts git, or as a service that SELinux gives a domain: the kernel
    # calls the start secure, though nobody has marked the front.
    if os.geteuid() != 0:
        pytest.skip("only root has a group that is not its own")
    python, front = (
        _says([sys.executable, "-c", AS_A_GROUP, folder / "credhelper", *words], environ)
        for folder in (PYTHON, native)
    )
    assert front == python


@pytest.mark.parametrize("name", ["CREDHELPER_NATIVE", "XDG_RUNTIME_DIR", "boot"])
def test_a_variable_without_a_meaning_does_not_turn_it_off(
    name: str, alone: Path, environ: dict[str, str]
) -> None:
    assert _says([alone / "credhelper", "get"], {**environ, name: "1"})[1].startswith(b"eyJ")


def test_python_finds_the_variables_that_the_program_file_leaves_it(
    front: Path, tmp_path: Path
) -> None:
    environ = dict.fromkeys(("boot", "self", "link", "python", "found", "PACKAGES"), "mine")
    said = []
    for name, program in (
        ("front", front),
        ("file", Path(backend.ROOT, "credhelper/bin/credhelper")),
    ):
        folder = tmp_path / name / "bin"
        folder.mkdir(parents=True)
        (folder / "credhelper").write_bytes(program.read_bytes())
        (folder / "python3").write_text(WITNESS)
        for each in folder.iterdir():
            each.chmod(0o755)
        code, out, err = _says(
            [folder / "credhelper", "status"], {"PATH": "/usr/bin:/bin", **environ}
        )
        said.append((code, out.replace(bytes(folder), b"BIN"), err))
    assert said[0] == said[1]
    assert b"boot=mine\n" in said[0][1]


def test_it_needs_little_memory(alone: Path, environ: dict[str, str]) -> None:
    limited = 'ulimit -d 3000 && exec "$@"'
    code, out, err = _says(["sh", "-c", limited, "sh", alone / "credhelper", "get"], environ)
    assert (code, err) == (0, b"")
    assert out.startswith(b"eyJ")


@pytest.mark.parametrize(
    "words", [[], ["-h"], ["--"], [""], ["git"], ["docker"], ["token", "create"]]
)
def test_few_words_are_served_by_python(
    words: list[str], alone: Path, environ: dict[str, str]
) -> None:
    # The first word is looked at: without one, what follows in memory is the environment.
    assert _says([alone / "credhelper", *words], {"get": "1", **environ}) == (99, b"PYTHON", b"")
