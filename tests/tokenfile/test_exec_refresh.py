"""Long jobs: `exec --refresh`, as processes, against a living sandbox."""

from __future__ import annotations

import os
import pty
import signal
import sys
from pathlib import Path

import pytest

from tests.support.programs import command
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World
from tests.tokenfile.jobs import run_folders, until

SHOW = ("sh", "-c", 'env -0; echo; cat "$BEARER_TOKEN_FILE"')
# Reads the file five times a second for so long, as a job would: each must be whole, and living.
READER = """
import base64, json, os, sys, time
end, seen = time.time() + float(sys.argv[1]), []
while time.time() < end:
    token = open(os.environ["BEARER_TOKEN_FILE"]).read()
    head, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["exp"] > time.time(), "expired"
    seen += [token] if token not in seen else []
    time.sleep(0.2)
print(len(seen))
"""


def test_a_command_finds_a_token_file_of_its_own(scratch_world: World) -> None:
    token = scratch_world.prepare()
    words = ["exec", "--refresh", "--file-var", "MY_TOKEN_FILE", "--", "sh", "-c"]
    script = 'stat -c "%a %n" "$BEARER_TOKEN_FILE" "${BEARER_TOKEN_FILE%/*}"; cat "$MY_TOKEN_FILE"'
    outcome = scratch_world.run(*words, script)
    assert (outcome.status, outcome.told) == (0, "")
    file, folder, found = outcome.stdout.decode().split("\n")
    assert file.startswith("600 ")
    assert folder.startswith("700 ")
    assert found == token
    assert run_folders(scratch_world) == []


@pytest.mark.waits
def test_a_job_of_three_lifetimes_never_reads_an_expired_or_torn_token(short_lived: World) -> None:
    words = ["exec", "--refresh", "--", sys.executable, "-I", "-c", READER, "18"]
    outcome = short_lived.run(*words)
    assert (outcome.status, outcome.told) == (0, ""), outcome
    tokens = int(outcome.stdout)
    assert tokens >= 4
    created = short_lived.api.stats()["created"]  # type: ignore[attr-defined]  # see the fixture
    assert created - tokens in (0, 1)  # one may be made just as the reader ends
    assert run_folders(short_lived) == []


def test_a_server_in_trouble_is_told_of_once_and_asked_again(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    old = scratch_world.prepare()
    scratch_world.age(86400 - 300)
    running_sandbox.fault({"status": 503, "times": "always"})
    script = 'echo "$BEARER_TOKEN_FILE"; read line'
    process = scratch_world.start("exec", "--refresh", "--", "sh", "-c", script)
    assert process.stdout is not None
    path = Path(process.stdout.readline().decode().strip())
    assert path.read_text() == old
    asked = running_sandbox.stats()["requests"]
    until(lambda: running_sandbox.stats()["requests"] > asked, "it was not tried again")
    running_sandbox.reset()
    until(lambda: path.read_text() != old, "the file was not replaced")
    outcome = scratch_world.finish(process, b"\n")
    assert outcome.status == 0
    told = "credhelper: warning: could not renew profile main, its token still lives"
    assert outcome.told.count(told) == 1


@pytest.mark.parametrize("status", [0, 1, 77, 255])
def test_the_exit_status_is_the_commands_own(scratch_world: World, status: int) -> None:
    assert scratch_world.run("exec", "--refresh", "--", "sh", "-c", f"exit {status}").status == (
        status
    )


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGSEGV, signal.SIGUSR1]
)
def test_a_command_that_dies_by_a_signal_is_seen_to(scratch_world: World, number: int) -> None:
    outcome = scratch_world.run("exec", "--refresh", "--", "sh", "-c", f"kill -{number} $$")
    assert outcome.status == -number
    assert run_folders(scratch_world) == []


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "name", ["TERM", "HUP", "INT", "USR1", "USR2", "ALRM", "VTALRM", "IO", "XCPU", "RTMIN"]
)
def test_signals_reach_the_command_once(scratch_world: World, name: str) -> None:
    number = getattr(signal, f"SIG{name}", None)
    if number is None:
        pytest.skip(f"no SIG{name} here")
    script = f"trap 'echo got; exit 9' {int(number)}; echo ready; while :; do sleep 0.1; done"
    process = scratch_world.start("exec", "--refresh", "--", "bash", "-c", script)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    outcome = scratch_world.finish(process)
    assert (outcome.status, outcome.stdout, outcome.told) == (9, b"got\n", "")
    assert run_folders(scratch_world) == []


@pytest.mark.parametrize("options", [[], ["--refresh"]])
@pytest.mark.parametrize("closed", ["<&- >&-", ">&- 2>&-"])
def test_streams_that_are_closed_stay_closed_and_hinder_nobody(
    scratch_world: World, options: list[str], closed: str
) -> None:
    prefix = ("sh", "-c", f'exec "$@" {closed}', "sh")
    outcome = scratch_world.run("exec", *options, "--", "sh", "-c", "exit 9", prefix=prefix)
    assert (outcome.status, outcome.told) == (9, "")
    assert run_folders(scratch_world) == []


def test_a_terminal_that_is_hung_up_is_told_to_the_command(
    scratch_world: World, tmp_path: Path
) -> None:
    """As when the line drops of `ssh -t host credhelper exec ...`: the keeper leads the session."""
    told = tmp_path / "told"
    script = f"trap 'echo hung up > {told}; exit' HUP; echo ready; while :; do sleep 0.1; done"
    environ = scratch_world.environment(None)
    words = [*command("credhelper"), "exec", "--refresh", "--", "sh", "-c", script]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(words[0], words, environ)
    seen = b""
    while b"ready" not in seen:
        seen += os.read(terminal, 4096)
    os.close(terminal)
    until(told.exists, "the command was not told")
    os.waitpid(pid, 0)
    assert run_folders(scratch_world) == []


def test_a_command_is_stopped_and_goes_on_with_its_keeper(scratch_world: World) -> None:
    script = (
        "trap 'echo stopped' TSTP; trap 'echo goes on' CONT; echo $PPID;"
        " until read -t 1 line; do :; done; exit 9"
    )
    # A group of its own in this session: what has nobody who could let it go on is not stopped.
    process = scratch_world.start("exec", "--refresh", "--", "bash", "-c", script, process_group=0)
    assert process.stdout is not None
    assert int(process.stdout.readline()) == process.pid
    process.send_signal(signal.SIGTSTP)
    assert process.stdout.readline() == b"stopped\n"
    until(lambda: _state(process.pid) == "T", "the keeper did not stop")
    process.send_signal(signal.SIGCONT)
    assert process.stdout.readline() == b"goes on\n"
    outcome = scratch_world.finish(process, b"\n")
    assert (outcome.status, outcome.stdout, outcome.told) == (9, b"", "")


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_who_reads_what_a_command_prints_sees_its_end(scratch_world: World) -> None:
    script = "echo said; exec >&-; timeout 50 cat >/dev/null; exit 9"
    process = scratch_world.start("exec", "--refresh", "--", "sh", "-c", script)
    assert process.stdout is not None
    assert process.stdout.read() == b"said\n"
    assert process.poll() is None
    assert scratch_world.finish(process).status == 9


def test_who_writes_to_a_command_sees_that_it_does_not_read(scratch_world: World) -> None:
    script = "exec <&-; until [ -e $0 ]; do sleep 0.1; done; exit 9"
    end = scratch_world.root / "end"
    process = scratch_world.start("exec", "--refresh", "--", "sh", "-c", script, str(end))
    assert process.stdin is not None

    def refused() -> bool:
        assert process.stdin is not None
        try:
            process.stdin.write(b"x")
        except BrokenPipeError:
            return True
        return False

    until(refused, "it is still read")
    end.touch()
    process.stdin.close()
    process.stdin = None
    assert scratch_world.finish(process).status == 9


def test_a_signal_that_is_ignored_stays_ignored(scratch_world: World) -> None:
    script = "echo ready; read line; echo done"
    process = scratch_world.start("exec", "--refresh", "--", "sh", "-c", script, prefix=("nohup",))
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGHUP)
    outcome = scratch_world.finish(process, b"go on\n")
    assert (outcome.status, outcome.stdout) == (0, b"done\n")


def test_a_file_that_was_removed_comes_back(scratch_world: World) -> None:
    script = 'rm "$BEARER_TOKEN_FILE"; until [ -s "$BEARER_TOKEN_FILE" ]; do sleep 0.1; done'
    outcome = scratch_world.run("exec", "--refresh", "--", "timeout", "50", "sh", "-c", script)
    assert (outcome.status, outcome.told) == (0, "")


@pytest.mark.parametrize("others", [": >", "echo other >"])
def test_a_file_that_others_wrote_into_is_put_right(scratch_world: World, others: str) -> None:
    script = (
        f'token=$(cat "$BEARER_TOKEN_FILE"); {others} "$BEARER_TOKEN_FILE";'
        ' until [ "$(cat "$BEARER_TOKEN_FILE")" = "$token" ]; do sleep 0.1; done'
    )
    words = ["exec", "--refresh", "--", "timeout", "50", "sh", "-c", script]
    outcome = scratch_world.run(*words)
    assert (outcome.status, outcome.told) == (0, "")


def test_a_token_that_was_revoked_by_logout_is_made_again_for_the_file(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    old = scratch_world.prepare()
    process = scratch_world.start(
        "exec", "--refresh", "--", "sh", "-c", 'echo "$BEARER_TOKEN_FILE"; read line'
    )
    assert process.stdout is not None
    path = Path(process.stdout.readline().decode().strip())
    assert path.read_text() == old
    for record in scratch_world.records():
        record.unlink()
    until(lambda: path.read_text() != old, "the file was not replaced")
    scratch_world.finish(process, b"\n")
    assert running_sandbox.stats()["created"] == 2


def test_a_command_that_is_not_there_is_127(scratch_world: World) -> None:
    outcome = scratch_world.run("exec", "--refresh", "--", "no-such-command")
    assert (outcome.status, outcome.stdout) == (127, b"")
    assert "not found" in outcome.told
    assert run_folders(scratch_world) == []


def test_the_place_of_the_file_can_be_chosen(scratch_world: World) -> None:
    place = scratch_world.root / "mine"
    environ = {"CREDHELPER_RUNTIME_DIR": str(place), "XDG_RUNTIME_DIR": None}
    outcome = scratch_world.run("exec", "--refresh", "--", *SHOW, environ=environ)
    assert f"BEARER_TOKEN_FILE={place}/run-".encode() in outcome.stdout
    relative = {"CREDHELPER_RUNTIME_DIR": "here"}
    assert scratch_world.run("exec", "--refresh", "--", "true", environ=relative).status == 6


def test_a_file_variable_needs_a_file(scratch_world: World) -> None:
    assert scratch_world.run("exec", "--file-var", "X", "--", "true").status == 2


@pytest.mark.parametrize(
    ("words", "environ", "warned"),
    [
        (["--walltime", "23h"], {}, False),
        (["--walltime", "82800"], {}, False),
        (["--walltime", "23:00:00"], {}, False),
        (["--walltime", "36h"], {}, True),
        (["--walltime", "2d"], {}, True),
        (["--walltime", "1-12:00:00"], {}, True),
        (["--walltime", "1-12"], {}, True),
        (["--walltime", "1-00:30"], {}, True),
        (["--walltime", "0-23"], {}, False),
        (["--walltime", "0-23:30"], {}, False),
        (["--walltime", "infinite"], {}, False),
        (["--walltime", "72:00:00"], {}, True),
        (["--walltime", "2000:00"], {}, True),
        (["--walltime", "1000:00"], {}, False),
        (["--walltime", "UNLIMITED"], {}, False),
        ([], {"SLURM_JOB_END_TIME": "99999999999"}, True),
        ([], {"SLURM_JOB_END_TIME": "5"}, False),
        ([], {"SLURM_JOB_END_TIME": "soon"}, False),
        (["--walltime", "1h"], {"SLURM_JOB_END_TIME": "99999999999"}, False),
    ],
)
def test_a_token_that_cannot_last_as_long_as_the_job_is_warned_of(
    scratch_world: World, words: list[str], environ: dict[str, str], warned: bool
) -> None:
    outcome = scratch_world.run("exec", *words, "--", "true", environ=environ)
    assert outcome.status == 0
    assert ("the token in ICA_ACCESS_TOKEN lives another 24 h" in outcome.told) == warned
    assert ("--refresh" in outcome.told) == warned
    if warned:
        outcome = scratch_world.run("exec", "--refresh", *words, "--", "true", environ=environ)
        assert "let it read the token from the file in BEARER_TOKEN_FILE" in outcome.told
        own = ("--refresh", "--file-var", "MINE", *words)
        outcome = scratch_world.run("exec", *own, "--", "true", environ=environ)
        assert "let it read the token from the file in MINE" in outcome.told


@pytest.mark.parametrize(
    "text", ["", "soon", "-5", "1.5h", "1:", "1-", "1h30m", "\u0661h", "1-2-3"]
)
def test_a_walltime_is_a_time(scratch_world: World, text: str) -> None:
    outcome = scratch_world.run("exec", "--walltime", text, "--", "true")
    assert (outcome.status, outcome.stdout) == (2, b"")
