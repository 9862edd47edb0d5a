"""Long jobs: `exec --refresh`, `write` and `watch`, as processes, against a living sandbox."""

from __future__ import annotations

import base64
import errno
import json
import os
import pty
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from credhelper.tokenfile import folder as runtime
from credhelper.tokenfile import keeper
from tests.support.programs import command
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World, tokens_in

SHOW = ("sh", "-c", 'env -0; echo; cat "$BEARER_TOKEN_FILE"')
TIMEOUT = 60.0
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


@pytest.fixture
def short_lived(tmp_path: Path, start_sandbox: Callable[..., RunningSandbox]) -> World:
    """Give this test a world whose tokens live six seconds; `api` is its sandbox."""
    api = start_sandbox("--token-lifetime", "6")
    world = World(tmp_path)
    world.configure(api.url, api.api_key)
    world.api = api  # type: ignore[attr-defined]  # for this file's tests alone
    return world


def expiry_of(token: str) -> int:
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return int(claims["exp"])


def run_folders(world: World) -> list[Path]:
    return sorted((world.root / "run" / "credhelper").glob("run-*"))


def until(happened: Callable[[], object], what: str) -> None:
    end = time.monotonic() + TIMEOUT
    while not happened():
        assert time.monotonic() < end, what
        time.sleep(0.05)


# --- exec --refresh -------------------------------------------------------------------------------


def test_a_command_finds_a_token_file_of_its_own(scratch_world: World) -> None:
    token = scratch_world.get()
    words = ["exec", "--refresh", "--file-var", "MY_TOKEN_FILE", "--", "sh", "-c"]
    script = 'stat -c "%a %n" "$BEARER_TOKEN_FILE" "${BEARER_TOKEN_FILE%/*}"; cat "$MY_TOKEN_FILE"'
    outcome = scratch_world.run(*words, script)
    assert (outcome.status, outcome.told) == (0, "")
    file, folder, found = outcome.stdout.decode().split("\n")
    assert file.startswith("600 ")
    assert folder.startswith("700 ")
    assert found == token
    assert run_folders(scratch_world) == []


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
    old = scratch_world.get()
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


def test_the_folder_is_private_and_ours_under_any_umask(scratch_world: World) -> None:
    script = 'stat -c "%a" "$BEARER_TOKEN_FILE" "${BEARER_TOKEN_FILE%/*}"'
    prefix = ("sh", "-c", 'umask 0777; exec "$@"', "sh")
    outcome = scratch_world.run("exec", "--refresh", "--", "sh", "-c", script, prefix=prefix)
    assert outcome.stdout.split() == [b"600", b"700"]


def test_nothing_is_left_of_a_command_that_could_not_be_started(
    scratch_world: World,
) -> None:
    scratch_world.get()
    words = ["exec", "--refresh", "--", "true"]
    # No file may be larger than nothing: as on a full disk.
    prefix = ("sh", "-c", 'ulimit -f 0; exec "$@"', "sh")
    outcome = scratch_world.run(*words, prefix=prefix)
    assert outcome.status not in (0, 126), outcome
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


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (
            ImportError("canary"),
            ["could not keep '/t\\x1b' fresh: ImportError", "upgraded or removed"],
        ),
        (keeper.Told(), []),
    ],
)
def test_a_renewal_that_ends_as_nobody_expected_says_so(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    trouble: Exception,
    told: list[str],
) -> None:
    """As after an upgrade in the middle of a job of days."""

    def renew(order: keeper.Order, *, tell: bool) -> tuple[float, str, str]:
        raise trouble

    monkeypatch.setattr(keeper, "_renew", renew)
    order = keeper.Order("/t\x1b", "token", "main", "", 0, 0.0, "", "")
    child, pipe = keeper._renew_apart(order, tell=True)
    os.waitpid(child, 0)
    assert os.read(pipe, 9) == b""
    os.close(pipe)
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == len(told)
    assert all(part in line for part, line in zip(told, lines, strict=True))
    assert "canary" not in "".join(lines)


@pytest.fixture
def blocked() -> Iterator[None]:
    """Let signals wait, as a keeper does."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, keeper.watched())
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


@pytest.mark.usefixtures("blocked")
def test_a_renewal_that_is_going_on_when_the_command_ends_is_finished(tmp_path: Path) -> None:
    renewer = subprocess.Popen(["sh", "-c", f"sleep 0.7; echo > {tmp_path}/kept"])
    keeper._stop(renewer.pid)  # the moment cannot be met from outside
    assert (tmp_path / "kept").exists()
    renewer.wait()


@pytest.mark.usefixtures("blocked")
def test_a_renewal_is_not_finished_for_somebody_who_cannot_wait() -> None:
    renewer = subprocess.Popen(["sleep", "60"])
    # To this thread alone: others, of the runner of tests, do not block it, and would end us.
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    keeper._stop(renewer.pid)  # as above
    with pytest.raises(ProcessLookupError):
        os.kill(renewer.pid, 0)
    renewer.wait()


def test_a_file_that_cannot_be_put_back_is_tried_for_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, tries = 1000.0, 0
    ended: list[tuple[int, int]] = []

    def renew_apart(order: keeper.Order, *, tell: bool) -> tuple[int, int]:
        nonlocal tries
        tries += 1
        ended.append((7, 1))
        reader, writer = os.pipe()
        os.close(writer)  # nothing is told: it came to nothing
        return 7, reader

    def next_signal(seconds: float) -> tuple[int, bool]:
        nonlocal now
        if now > 1600:
            return signal.SIGTERM, False
        if ended:
            now += 0.1
            return signal.SIGCHLD, True
        now += max(seconds, 0.001)
        return 0, False

    monkeypatch.setattr(keeper, "_renew_apart", renew_apart)
    monkeypatch.setattr(keeper, "_next_signal", next_signal)
    monkeypatch.setattr(keeper, "_ended", lambda: [ended.pop()])
    order = keeper.Order(str(tmp_path / "gone" / "token"), "token", "main", "", 0, 1e12, "", "")
    assert keeper.keep(order, lambda: now) == (0, signal.SIGTERM)
    assert 5 < tries < 20  # in ten minutes


def test_a_keeper_that_gets_no_process_for_a_renewal_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """As beside a command that has taken all the processes its user may have."""
    now, asked = 1000.0, 0

    def fork() -> int:
        nonlocal asked
        asked += 1
        raise BlockingIOError(errno.EAGAIN, "no")

    def next_signal(seconds: float) -> tuple[int, bool]:
        nonlocal now
        now += max(seconds, 0.001)
        return (signal.SIGTERM, False) if now > 1600 else (0, False)

    monkeypatch.setattr("credhelper.tokenfile.keeper.os.fork", fork)
    monkeypatch.setattr(keeper, "_next_signal", next_signal)
    files = len(os.listdir("/dev/fd"))
    order = keeper.Order(str(tmp_path / "token"), "token", "main", "", 0, 1100.0, "", "")
    assert keeper.keep(order, lambda: now) == (0, signal.SIGTERM)
    assert 5 < asked < 20  # in ten minutes
    assert len(os.listdir("/dev/fd")) == files
    assert capfd.readouterr().err.count("resource temporarily unavailable") == 1


@pytest.mark.parametrize("prefix", [(), ("sh", "-c", 'exec "$@" 2>&-', "sh")])
def test_what_does_not_change_is_warned_of_once(
    short_lived: World, prefix: tuple[str, ...]
) -> None:
    """Nothing can be kept, and a terminal that is gone is no reason to end."""
    (short_lived.root / "occupied").touch(0o600)
    path = short_lived.root / "token"
    environ = {"CREDHELPER_CACHE_DIR": str(short_lived.root / "occupied")}
    process = short_lived.start("watch", "--to", str(path), environ=environ)
    seen: set[str] = set()

    def three_tokens() -> bool:
        if path.exists():
            seen.add(path.read_text())
        return len(seen) >= 3

    until(three_tokens, "the file was not replaced")
    process.terminate()
    outcome = short_lived.finish(process)
    assert outcome.status == -signal.SIGTERM
    assert outcome.told.count("going on without a cache") == 1, outcome


def test_a_terminal_that_is_gone_is_no_reason_to_keep_no_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[bytes] = []

    def write(handle: int, data: bytes) -> int:
        written.append(data)
        raise OSError(errno.EIO, "no terminal")

    monkeypatch.setattr("credhelper.tokenfile.keeper.os.write", write)
    keeper._say(b"a warning\n")
    assert written == [b"a warning\n"]


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
    script = "echo said; exec >&-; timeout 50 cat; exit 9"
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


def test_the_keeper_is_small_and_shows_no_secret(scratch_world: World) -> None:
    token = scratch_world.get()
    script = "tr '\\0' ' ' < /proc/$PPID/cmdline; echo; ls -l /proc/$$/fd; exit 0"
    outcome = scratch_world.run("exec", "--refresh", "--", "sh", "-c", script)
    line, *files = outcome.stdout.decode().split("\n")
    assert "credhelper.tokenfile.keeper" in line
    assert token not in line
    # The command holds neither the folder's lock nor anything else of ours.
    assert not any("credhelper" in each for each in files)


def test_the_keeper_loads_nothing_of_what_a_renewal_takes() -> None:
    root = str(Path(runtime.__file__).parent.parent.parent)
    program = (
        f"import sys; sys.path.append({root!r}); before = set(sys.modules)\n"
        "import credhelper.tokenfile.keeper; print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()) <= {
        "credhelper",
        "credhelper.tokenfile",
        "credhelper.tokenfile.keeper",
    }


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
    old = scratch_world.get()
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
        assert "let it read the file in BEARER_TOKEN_FILE" in outcome.told


@pytest.mark.parametrize(
    "text", ["", "soon", "-5", "1.5h", "1:", "1-", "1h30m", "\u0661h", "1-2-3"]
)
def test_a_walltime_is_a_time(scratch_world: World, text: str) -> None:
    outcome = scratch_world.run("exec", "--walltime", text, "--", "true")
    assert (outcome.status, outcome.stdout) == (2, b"")


# --- write and watch ------------------------------------------------------------------------------


def test_write_puts_a_token_into_a_private_file(scratch_world: World) -> None:
    token = scratch_world.get()
    path = scratch_world.root / "token"
    outcome = scratch_world.run("write", "--to", str(path))
    assert (outcome.status, outcome.stdout, outcome.told) == (0, b"", "")
    assert path.read_text() == token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_relative_path_is_taken_from_where_the_person_stands(scratch_world: World) -> None:
    outcome = scratch_world.run("write", "--to", "token", cwd=scratch_world.root)
    assert outcome.status == 0
    assert (scratch_world.root / "token").exists()


def test_a_login_that_stands_before_ours_is_warned_of(scratch_world: World, tmp_path: Path) -> None:
    path = tmp_path / "netrc"
    path.write_text("machine ica.example login ann password x\n")
    words = ["write", "--to", str(path), "--format", "netrc", "--service", "https://ica.example"]
    outcome = scratch_world.run(*words)
    assert outcome.status == 0
    assert "has another login for ica.example above this one" in outcome.told


@pytest.mark.parametrize("path", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", ""])
def test_a_stream_is_no_file_to_replace(scratch_world: World, tmp_path: Path, path: str) -> None:
    """With stdout in a log, as `>> job.log` does it: the log stays."""
    log = tmp_path / "log"
    log.write_text("before\n")
    prefix = ("sh", "-c", f'exec "$@" >> {log}', "sh")
    outcome = scratch_world.run("write", "--to", path, prefix=prefix)
    assert (outcome.status, log.read_text()) == (2, "before\n")
    assert "credhelper get" in outcome.told


def test_a_folder_that_is_gone_is_told_of(scratch_world: World, tmp_path: Path) -> None:
    prefix = ("sh", "-c", 'cd "$0" && rmdir "$0" && exec "$@"', str(tmp_path / "gone"))
    (tmp_path / "gone").mkdir()
    outcome = scratch_world.run("write", "--to", "token", prefix=prefix)
    assert outcome.status == 7
    assert "the current folder is gone" in outcome.told


def test_a_netrc_that_write_made_is_read_by_curl_alike(scratch_world: World) -> None:
    path = scratch_world.root / "netrc"
    path.write_text("machine other.example login a password b\n")
    words = ["--to", str(path), "--format", "netrc", "--service", "https://ica.example/x"]
    assert scratch_world.run("write", *words).status == 0
    lines = path.read_text().split("\n")
    assert lines[0] == "machine other.example login a password b"
    assert lines[1:3] == ["machine ica.example", "login oauth2"]


def test_what_others_write_while_a_token_is_fetched_is_kept(
    scratch_world: World, start_sandbox: Callable[..., RunningSandbox]
) -> None:
    path = scratch_world.root / "netrc"
    path.write_text("machine other.example login a password b\n")
    # Asked for a token, the grant's command writes into the file: there is no better moment.
    line, key = "machine mine.example login c password d", scratch_world.root / "api-key"
    add = f"echo {line} >> {path}; cat {key}"
    api = start_sandbox()
    scratch_world.configure(api.url, api.api_key, main={"grant": {"command": ["sh", "-c", add]}})
    words = ["--to", str(path), "--format", "netrc", "--service", "https://ica.example"]
    outcome = scratch_world.run("write", *words)
    assert (outcome.status, outcome.told) == (0, "")
    machines = [line.split()[1] for line in path.read_text().split("\n") if "machine" in line]
    assert machines == ["other.example", "mine.example", "ica.example"]


def test_no_file_is_made_for_a_service_that_no_profile_names(scratch_world: World) -> None:
    path = scratch_world.root / "token"
    outcome = scratch_world.run("write", "--to", str(path), "--service", "https://evil.test")
    assert outcome.status == 3
    assert not path.exists()


def test_a_foreign_file_is_left_alone_and_no_token_is_made(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    fifo = scratch_world.root / "fifo"
    os.mkfifo(fifo)
    assert scratch_world.run("write", "--to", str(fifo)).status == 7
    assert scratch_world.run("watch", "--to", str(fifo)).status == 7
    assert running_sandbox.stats()["created"] == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_watch_keeps_a_file_fresh_until_it_is_told_to_end(short_lived: World, number: int) -> None:
    path = short_lived.root / ".session.ica.yaml"
    path.write_text("project-id: p-1\n")
    words = ["watch", "--to", str(path), "--format", "ica-config"]
    process = short_lived.start(*words)
    seen: set[str] = set()

    def three_tokens() -> bool:
        for token in tokens_in(path.read_bytes()):
            seen.add(token.decode())
            assert expiry_of(token.decode()) > time.time()
        return len(seen) >= 3

    until(three_tokens, "the file was not replaced")
    process.send_signal(number)
    outcome = short_lived.finish(process)
    assert (outcome.status, outcome.stdout, outcome.told) == (-number, b"", "")
    assert path.read_text().startswith("project-id: p-1\naccess-token: ")


def test_two_who_watch_one_profile_make_no_more_tokens_than_one(short_lived: World) -> None:
    api: RunningSandbox = short_lived.api  # type: ignore[attr-defined]  # see the fixture
    paths = [short_lived.root / name for name in ("one", "two")]
    watchers = [short_lived.start("watch", "--to", str(path)) for path in paths]
    until(lambda: all(path.exists() for path in paths), "no file was made")
    first = {path.read_text() for path in paths}
    until(
        lambda: (
            {path.read_text() for path in paths}.isdisjoint(first)
            and len({path.read_text() for path in paths}) == 1
        ),
        "they do not agree",
    )
    made = api.stats()["created"]
    for process in watchers:
        process.terminate()
        short_lived.finish(process)
    assert made <= 3
