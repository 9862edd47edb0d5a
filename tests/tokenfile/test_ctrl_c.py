"""Ctrl-C: SIGINT for all of the foreground, as a terminal sends it, and what is left of it."""

from __future__ import annotations

import os
import pty
import signal
from pathlib import Path

import pytest

from tests.support.programs import command
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World, tokens_in
from tests.tokenfile.jobs import run_folders, until

CTRL_C = b"\x03"
# What commands make of it.
DIE = 'echo "ready $$"; exec sleep 60'
DEFY = "trap '' INT; echo \"ready $$\"; sleep 1; exit 5"
TIDY = "trap 'echo tidy; exit 9' INT; echo \"ready $$\"; while :; do sleep 0.1; done"
COMMANDS = [
    (("sh", "-c", DIE), -signal.SIGINT),
    (("sh", "-c", DEFY), 5),
    (("sh", "-c", TIDY), 9),
]


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def group_of(leader: int) -> list[int]:
    """Return the processes of a group that are no zombies."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(words[2]) == leader and words[0] != "Z":
                found.append(int(entry.name))
    return found


@pytest.mark.parametrize("options", [[], ["--refresh"]])
@pytest.mark.parametrize(("script", "status"), COMMANDS)
def test_an_interrupt_for_the_whole_group_is_the_commands_to_answer(
    scratch_world: World, options: list[str], script: tuple[str, ...], status: int
) -> None:
    process = scratch_world.start("exec", *options, "--", *script, start_new_session=True)
    assert process.stdout is not None
    told = process.stdout.readline().split()
    assert told[:1] == [b"ready"], told
    assert len(run_folders(scratch_world)) == len(options)
    os.killpg(process.pid, signal.SIGINT)
    outcome = scratch_world.finish(process)
    assert outcome.status == status, outcome
    # Python's own traceback is the command's; of ours there is nothing.
    assert "credhelper" not in outcome.told
    assert run_folders(scratch_world) == []
    until(lambda: not group_of(process.pid), "a process was left")
    assert not alive(int(told[1]))


@pytest.mark.parametrize("options", [["exec", "--refresh"], ["exec"]])
def test_ctrl_c_in_a_terminal_ends_the_command_and_what_waits_beside_it(
    scratch_world: World, options: list[str]
) -> None:
    words = [*command("credhelper"), *options, "--", "sh", "-c", TIDY]
    screen, status = at_a_terminal(scratch_world, words, b"ready")
    assert os.WEXITSTATUS(status) == 9
    assert b"tidy" in screen
    assert b"Traceback" not in screen
    assert b"credhelper" not in screen
    assert not tokens_in(screen)
    assert run_folders(scratch_world) == []


def at_a_terminal(
    world: World, words: list[str], ready: bytes, *, job: bool = False
) -> tuple[bytes, int]:
    """Start `words` at a terminal, type Ctrl-C there once they say `ready`, and see them end.

    Parameters: `job`, whether they are a shell that has a job in the foreground by then.
    """
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(words[0], words, world.environment())
    screen = b""
    while ready not in screen:
        screen += os.read(terminal, 4096)
    if job:
        until(lambda: os.tcgetpgrp(terminal) not in (0, pid), "no job came to the foreground")
    os.write(terminal, CTRL_C)
    try:
        while more := os.read(terminal, 4096):
            screen += more
    except OSError:
        pass  # so Linux tells that nobody holds the other end any more
    os.close(terminal)
    status = os.waitpid(pid, 0)[1]
    until(lambda: not group_of(pid), "a process was left")
    return screen, status


def test_an_interrupt_in_the_middle_of_a_renewal_ends_the_command_with_its_own_status(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    process = scratch_world.start(
        "exec", "--refresh", "--", "sh", "-c", DIE, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"ready")
    until(lambda: len(group_of(process.pid)) == 2, "the keeper and its command")
    running_sandbox.fault({"delay": 20, "times": "always"})
    for record in scratch_world.records():
        record.unlink()
    process.send_signal(signal.SIGCONT)  # wakes the keeper
    until(lambda: len(group_of(process.pid)) == 3, "no renewal began")
    os.killpg(process.pid, signal.SIGINT)
    outcome = scratch_world.finish(process)
    assert (outcome.status, outcome.told) == (-signal.SIGINT, "")
    assert run_folders(scratch_world) == []
    until(lambda: not group_of(process.pid), "a process was left")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_watch_leaves_its_file_with_a_token_that_lives(scratch_world: World, number: int) -> None:
    token = scratch_world.prepare()
    path = scratch_world.root / "token"
    process = scratch_world.start("watch", "--to", str(path), start_new_session=True)
    assert process.stdout is not None
    process.stdout.read()  # it lets go of stdout when it waits
    os.killpg(process.pid, number)
    outcome = scratch_world.finish(process)
    assert (outcome.status, outcome.told) == (-number, "")
    assert path.read_text() == token
    assert not group_of(process.pid)
    assert [each.name for each in path.parent.iterdir() if each.name.startswith(".token")] == []


def test_watch_is_ended_by_ctrl_c_in_a_terminal(scratch_world: World) -> None:
    token = scratch_world.prepare()
    path = scratch_world.root / "token"
    words = [*command("credhelper"), "watch", "--to", str(path)]
    script = f"{' '.join(words)} & until [ -e {path} ]; do sleep 0.1; done; echo ready; fg"
    screen, status = at_a_terminal(scratch_world, ["bash", "-m", "-c", script], b"ready", job=True)
    assert b"Traceback" not in screen
    assert not tokens_in(screen)
    assert os.WEXITSTATUS(status) == 128 + signal.SIGINT
    assert path.read_text() == token


def test_an_interrupt_before_the_command_has_begun_leaves_nothing(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    running_sandbox.fault({"delay": 20, "times": "always"})
    process = scratch_world.start("exec", "--refresh", "--", "echo", "ran", start_new_session=True)
    until(lambda: running_sandbox.stats()["requests"], "it did not ask")
    os.killpg(process.pid, signal.SIGINT)
    outcome = scratch_world.finish(process)
    assert (outcome.status, outcome.stdout, outcome.told) == (128 + signal.SIGINT, b"", "")
    assert run_folders(scratch_world) == []
    assert not group_of(process.pid)
