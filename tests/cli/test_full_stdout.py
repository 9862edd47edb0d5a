"""A full disk behind stdout is told as what it is."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.programs import command
from tests.support.worlds import World

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["--version"],
        ["status"],
        ["status", "--json"],
        ["profile", "list"],
        ["profile", "show", "main"],
        ["env"],
        ["completion", "bash"],
        ["login", "--help"],
    ],
    ids=" ".join,
)
def test_a_full_stdout_is_no_bug(words: list[str], scratch_world: World) -> None:
    with FULL.open("wb") as full:
        done = subprocess.run(
            [*command("credhelper"), *words],
            stdout=full,
            stderr=subprocess.PIPE,
            env=scratch_world.environ,
            cwd="/",
            timeout=60,
            check=False,
        )
    told = done.stderr.decode()
    assert "error: cannot write to stdout: no space left on device" in told.lower()
    assert "bug" not in told
    assert "Traceback" not in told
    assert done.returncode == 7


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_a_machine_is_told_by_its_status(scratch_world: World) -> None:
    for _ in "cold", "warm":
        with FULL.open("wb") as full:
            done = subprocess.run(
                [*command("credhelper"), "get"],
                stdout=full,
                stderr=subprocess.PIPE,
                env=scratch_world.environ,
                cwd="/",
                timeout=60,
                check=False,
            )
        assert done.returncode == 1
        assert b"bug" not in done.stderr
