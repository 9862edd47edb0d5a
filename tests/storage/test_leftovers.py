"""Temporary files of killed writers: swept by the next one, and never a living one's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from credhelper.storage import files, leftovers

KILLED = """
import os, signal, sys
from unittest.mock import patch
from credhelper.storage import files
with patch("os.replace", lambda *_, **more: os.kill(os.getpid(), signal.SIGKILL)):
    files.replace(sys.argv[1], b"secret")
"""
WAITS = """
import os, sys
from unittest.mock import patch
from credhelper.storage import files
def wait(*_, **more):
    print("writing", flush=True)
    sys.stdin.read()
with patch("os.replace", wait):
    files.replace(sys.argv[1], b"secret")
"""
NOBODY = 2**22 + 1  # no process has such a number
RECORD = "a" * 32


def halves(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.endswith(".tmp")]


def test_what_a_killed_writer_left_is_swept_at_once(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / RECORD)], check=False)
    assert halves(tmp_path)
    leftovers.sweep(str(tmp_path))
    assert halves(tmp_path) == []


def test_the_file_of_a_living_writer_stays_whatever_process_sees_it(tmp_path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WAITS, str(tmp_path / RECORD)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"writing\n"
    (name,) = halves(tmp_path)
    # In another container the writer's number is nobody's, or its clock is another one.
    elsewhere = tmp_path / name.replace(f".{writer.pid}.", f".{NOBODY}.")
    (tmp_path / name).rename(elsewhere)
    os.utime(elsewhere, (0, 0))
    leftovers.sweep(str(tmp_path))
    assert halves(tmp_path) == [elsewhere.name]
    writer.communicate()


@pytest.mark.parametrize("name", ["record", "a.b", "x y", "ü", "line\nfeed"])
def test_only_halves_of_the_named_file_are_swept_in_a_folder_of_others(
    tmp_path: Path, name: str
) -> None:
    ours = tmp_path / f".{name}.{NOBODY}.0123abcd.tmp"
    theirs = [
        tmp_path / f".{name}2.{NOBODY}.0123abcd.tmp",
        tmp_path / f".{name}.tmp",
        tmp_path / f".{name}.1x.0123abcd.tmp",
        tmp_path / name,
    ]
    for path in (ours, *theirs):
        path.touch(0o600)
    leftovers.sweep(str(tmp_path), name)
    assert not ours.exists()
    assert all(path.exists() for path in theirs)


@pytest.mark.parametrize(
    "name",
    [
        f".report.{NOBODY}.0123abcd.tmp",
        f".{RECORD}.txt.{NOBODY}.0123abcd.tmp",
        f".{RECORD}.{NOBODY}.ab.tmp",
        f".{RECORD}.{NOBODY}.0123abcd.tmp.{NOBODY}.0123.tmp",
        f".work.key.{NOBODY}.0123abcd.tmp",
        f"..report.{NOBODY}.0123abcd.tmp.{NOBODY}.0123abcd.tmp",
    ],
)
def test_in_a_folder_of_ours_a_temporary_file_of_somebody_stays(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch(0o600)
    os.utime(tmp_path / name, (0, 0))
    leftovers.sweep(str(tmp_path))
    assert not leftovers.is_dead(str(tmp_path), name, 1e10)
    assert (tmp_path / name).exists()


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("state", "setup.json"),
        ("state", f".room.{NOBODY}.0123abcd.tmp"),
        ("sessions", f"{RECORD}-0123456789abcdef"),
        ("grants", "work.key"),
        ("grants", "work.2.key.routes-1f"),
        ("backups", "gitconfig-0123456789ab"),
        ("given", f"{RECORD}.given"),
    ],
)
def test_each_kind_of_file_that_we_write_is_swept(tmp_path: Path, folder: str, name: str) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / folder / f".{name}.{NOBODY}.0123abcd.tmp").touch(0o600)
    leftovers.sweep(str(tmp_path / folder))
    assert halves(tmp_path / folder) == []


def test_a_link_or_a_folder_that_bears_such_a_name_stays(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.touch()
    link = tmp_path / f".{RECORD}.{NOBODY}.0123abcd.tmp"
    link.symlink_to(target)
    folder = tmp_path / f".{RECORD}.{NOBODY}.0123abce.tmp"
    folder.mkdir()
    leftovers.sweep(str(tmp_path))
    assert link.is_symlink()
    assert folder.is_dir()


def test_without_locks_its_age_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(95, "not supported")

    monkeypatch.setattr("fcntl.flock", refused)
    young = tmp_path / f".{RECORD}.{NOBODY}.0123abcd.tmp"
    old = tmp_path / f".{RECORD}.{NOBODY}.0123abce.tmp"
    for path in (young, old):
        path.touch(0o600)
    os.utime(old, (0, 0))
    leftovers.sweep(str(tmp_path))
    assert halves(tmp_path) == [young.name]
    files.replace(str(tmp_path / RECORD), b"whole")
    assert (tmp_path / RECORD).read_bytes() == b"whole"
