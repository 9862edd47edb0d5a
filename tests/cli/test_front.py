"""`status -v` and the doctor say which front is installed."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from credhelper.cli import front
from tests.support.worlds import World


def test_a_compiled_program_is_told_from_a_script_and_from_none(tmp_path: Path) -> None:
    (tmp_path / "credhelper").write_bytes(b"#!/bin/sh\n")
    assert front.of(str(tmp_path / "credhelper")) == front.PYTHON
    assert front.of(os.path.realpath(sys.executable)) == front.NATIVE
    assert front.of(str(tmp_path / "none")) is None
    assert front.of(str(tmp_path)) is None


def test_it_is_found_beside_the_program_behind_a_link_and_beside_python(tmp_path: Path) -> None:
    for name in ("real", "links", "bin"):
        (tmp_path / name).mkdir()
    (tmp_path / "real/credhelper").write_bytes(b"\x7fELF")
    (tmp_path / "real/git-credential-credhelper").write_bytes(b"\x7fELF")
    (tmp_path / "links/git-credential-x").symlink_to(tmp_path / "real/git-credential-credhelper")
    python = str(tmp_path / "bin/python3")
    found = (front.NATIVE, str(tmp_path / "real/credhelper"))
    assert front.installed(str(tmp_path / "real/credhelper"), python) == found
    assert front.installed(str(tmp_path / "links/git-credential-x"), python) == found
    assert front.installed("-c", python) is None
    (tmp_path / "bin/credhelper").write_bytes(b"#!/bin/sh\n")
    assert front.installed("-c", python) == (front.PYTHON, str(tmp_path / "bin/credhelper"))


def test_status_and_doctor_name_the_front(scratch_world: World) -> None:
    scratch_world.prepare()
    told = scratch_world.run("status", "-v")
    assert told.status == 0
    lines = [line for line in told.stdout.decode().split("\n") if "front" in line]
    assert len(lines) == 1, told
    assert lines[0].startswith(
        ("warm answers come from the native front: /", "warm answers come from the Python front: /")
    )
    kind, _, path = lines[0].removeprefix("warm answers come from the ").partition(" front: ")
    document = json.loads(scratch_world.run("status", "--json").stdout)
    assert document["front"] == {"kind": kind.lower(), "path": path}
    assert b"front" not in scratch_world.run("status").stdout
    doctor = scratch_world.run("doctor", "--offline")
    assert any(line.endswith(" front") for line in doctor.stdout.decode().split("\n")), doctor
