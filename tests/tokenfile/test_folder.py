"""Folders for the life of one command: private, and swept when their owner died."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from credhelper.tokenfile import folder as runtime
from tests.support.worlds import World
from tests.tokenfile.jobs import TIMEOUT, run_folders, until


def test_the_folder_is_private_and_ours_under_any_umask(scratch_world: World) -> None:
    script = 'stat -c "%a" "$BEARER_TOKEN_FILE" "${BEARER_TOKEN_FILE%/*}"'
    prefix = ("sh", "-c", 'umask 0777; exec "$@"', "sh")
    outcome = scratch_world.run("exec", "--refresh", "--", "sh", "-c", script, prefix=prefix)
    assert outcome.stdout.split() == [b"600", b"700"]


def test_nothing_is_left_of_a_command_that_could_not_be_started(
    scratch_world: World,
) -> None:
    scratch_world.prepare()
    words = ["exec", "--refresh", "--", "true"]
    # No file may be larger than nothing: as on a full disk.
    prefix = ("sh", "-c", 'ulimit -f 0; exec "$@"', "sh")
    outcome = scratch_world.run(*words, prefix=prefix)
    assert outcome.status not in (0, 126), outcome
    assert run_folders(scratch_world) == []


def test_what_a_killed_keeper_left_is_swept_when_its_command_is_over(scratch_world: World) -> None:
    process = scratch_world.start("exec", "--refresh", "--", "sh", "-c", "echo $$; exec sleep 600")
    assert process.stdout is not None
    command = int(process.stdout.readline())
    (left,) = run_folders(scratch_world)
    until((left / "command").exists, "the keeper did not begin")
    process.kill()
    process.wait(TIMEOUT)
    scratch_world.run("exec", "--refresh", "--", "true")
    assert run_folders(scratch_world) == [left]  # its token may still be read
    os.kill(command, signal.SIGKILL)
    # Whose child it is now may take its time with it: so another one that is surely over.
    over = subprocess.Popen(["true"])
    over.wait(TIMEOUT)
    (left / "command").write_text(str(over.pid))
    scratch_world.run("exec", "--refresh", "--", "true")
    assert run_folders(scratch_world) == []
    scratch_world.finish(process)


@pytest.mark.parametrize("told", [None, "", "x", "0", "-1", "9" * 30])
def test_a_folder_is_left_alone_for_a_while_when_nobody_knows_of_its_command(
    tmp_path: Path, told: str | None
) -> None:
    place = str(tmp_path / "run")
    folder, handle = runtime.begin([place])
    if told is not None:
        (Path(folder) / "command").write_text(told)
    os.close(handle)
    runtime.begin([place])
    assert Path(folder).is_dir()  # too young to be told from one that begins
    os.utime(folder, (1, 1))
    runtime.begin([place])
    assert not Path(folder).is_dir()


def test_a_folder_whose_command_lives_is_not_swept(tmp_path: Path) -> None:
    """Its keeper was killed: what it has may be good for hours yet."""
    place = str(tmp_path / "run")
    folder, handle = runtime.begin([place])
    runtime.serve(folder, os.getpid())
    os.close(handle)
    os.utime(folder, (1, 1))
    runtime.begin([place])
    assert Path(folder).is_dir()


def test_a_folder_that_was_taken_away_comes_back(scratch_world: World) -> None:
    """As the system does it with XDG_RUNTIME_DIR when its user logs out."""
    script = (
        f'rm -r {scratch_world.root}/run; until [ -s "$BEARER_TOKEN_FILE" ]; do sleep 0.1; done'
    )
    outcome = scratch_world.run("exec", "--refresh", "--", "timeout", "50", "sh", "-c", script)
    assert (outcome.status, outcome.told) == (0, "")
    assert run_folders(scratch_world) == []


def test_a_folder_of_another_host_is_not_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a shared file system whose locks hold for one host each."""
    place = str(tmp_path / "run")
    monkeypatch.setattr("credhelper.core.lookup.host", lambda: "node/1")
    folder, handle = runtime.begin([place])
    os.close(handle)
    os.utime(folder, (1, 1))
    monkeypatch.setattr("credhelper.core.lookup.host", lambda: "node/12")
    runtime.begin([place])
    assert Path(folder).is_dir()


def test_a_place_that_was_chosen_and_will_not_do_is_told_of(scratch_world: World) -> None:
    loose = scratch_world.root / "loose"
    loose.mkdir()
    loose.chmod(0o755)
    environ = {"CREDHELPER_RUNTIME_DIR": str(loose)}
    outcome = scratch_world.run("exec", "--refresh", "--", "true", environ=environ)
    assert outcome.status == 0
    assert "warning: CREDHELPER_RUNTIME_DIR will not do" in outcome.told
    assert f"chmod 700 {loose}" in outcome.told


def test_a_folder_in_use_is_not_swept(scratch_world: World) -> None:
    process = scratch_world.start("exec", "--refresh", "--", "sh", "-c", "echo ready; read line")
    assert process.stdout is not None
    process.stdout.readline()
    (used,) = run_folders(scratch_world)
    os.utime(used, (1, 1))
    scratch_world.run("exec", "--refresh", "--", "true")
    assert run_folders(scratch_world) == [used]
    scratch_world.finish(process, b"\n")
    assert run_folders(scratch_world) == []
