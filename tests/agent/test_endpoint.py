"""The endpoint beside a command, as processes: what it serves, to whom, and until when."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest

from credhelper.agent import http
from credhelper.agent.connections import MOST
from credhelper.agent.keys import renew
from credhelper.agent.serving import Serving, unpack
from credhelper.core.model import Secret
from credhelper.core.record import decode
from tests.agent.conftest import FOR
from tests.agent.endpoints import WAIT, Running, answer, asking, everything, lives, processes_of
from tests.agent.test_http import GOOD, HOST, REFUSED, TOKEN
from tests.support.processes import children_of
from tests.support.sandboxes import AWS_LIFE, RunningSandbox
from tests.support.worlds import World
from tests.tokenfile.jobs import run_folders, until

Begin = Callable[..., Running]


def ends(keys: dict[str, str]) -> float:
    return datetime.fromisoformat(keys["Expiration"]).timestamp()


def test_a_command_is_told_where_its_keys_are_and_gets_those_of_credhelper_aws(
    aws_world: World, begun: Begin, running_sandbox: RunningSandbox
) -> None:
    running = begun(aws_world)
    assert running.file.read_text() == running.token
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (running.file, running.file.parent)]
    assert modes == [0o600, 0o700]
    status, keys = running.keys()
    known = json.loads(aws_world.run("aws").stdout)
    assert status == 200
    assert keys == {
        "AccessKeyId": known["AccessKeyId"],
        "SecretAccessKey": known["SecretAccessKey"],
        "Token": known["SessionToken"],
        "Expiration": known["Expiration"],
    }
    region = json.loads(aws_world.run("aws", "--format", "details").stdout)["Region"]
    assert running.environ["AWS_REGION"] == running.environ["AWS_DEFAULT_REGION"] == region
    outcome = running.finish()
    assert (outcome.status, outcome.told) == (9, "")
    assert not running.listens()
    assert run_folders(aws_world) == []
    assert running_sandbox.stats()["exchanged"] == 1


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", REFUSED)
def test_whoever_asks_otherwise_gets_the_one_refusal(
    aws_world: World, served: Running, name: str
) -> None:
    request = REFUSED[name].replace(HOST.encode(), f"127.0.0.1:{served.port}".encode())
    request = request.replace(b":40001", f":{served.port}".encode())
    request = request.replace(TOKEN.encode(), served.token.encode())
    with served.connect() as connection:
        try:
            connection.sendall(request)
            if name == "TLS":
                connection.shutdown(1)
            assert everything(connection) == http.REFUSAL
        except (BrokenPipeError, ConnectionResetError):
            assert len(request) > 100_000  # refused long before it was sent
    assert served.keys()[0] == 200


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, sandboxes: object) -> Iterator[Running]:
    """Give the tests of this module one endpoint to which many may come."""
    api = RunningSandbox()
    world = World(tmp_path_factory.mktemp("served"))
    world.configure(api.url, api.api_key, main=FOR)
    running = Running(world)
    yield running
    assert running.finish().status == 9
    api.stop()


def test_who_sends_slowly_or_nothing_holds_up_nobody(served: Running) -> None:
    good = served.good()
    with ExitStack() as stack:
        slow = [stack.enter_context(served.connect()) for _ in range(3 * MOST)]
        for number, connection in enumerate(slow):
            connection.sendall(good[: number % 40])
        for _ in range(3):
            assert served.keys()[0] == 200
        for connection in slow:
            data = everything(connection)
            assert data in (b"", http.REFUSAL)
    assert served.keys()[0] == 200


def test_a_request_may_come_byte_by_byte(served: Running) -> None:
    with served.connect() as connection:
        for at in range(len(served.good())):
            connection.sendall(served.good()[at : at + 1])
        assert answer(everything(connection))[0] == 200


def test_who_does_not_read_or_breaks_off_holds_up_nobody(served: Running) -> None:
    with ExitStack() as stack:
        for number in range(MOST - 1):
            connection = served.connect()
            connection.sendall(served.good())
            if number % 2:
                connection.close()
            else:
                stack.enter_context(connection)
        assert served.keys()[0] == 200


def test_a_hundred_who_ask_at_once_are_all_served(served: Running) -> None:
    with ExitStack() as stack:
        many = [stack.enter_context(served.connect()) for _ in range(100)]
        for connection in many:
            connection.sendall(served.good())
        assert {answer(everything(connection))[0] for connection in many} == {200}


def test_the_process_is_small_and_shows_no_secret_in_its_words(
    aws_world: World, begun: Begin
) -> None:
    running = begun(aws_world)
    _, keys = running.keys()
    process = running.endpoint()
    assert process != running.process.pid
    for each in (process, running.process.pid):
        words = Path(f"/proc/{each}/cmdline").read_text()
        environ = Path(f"/proc/{each}/environ").read_text()
        for secret in (running.token, keys["SecretAccessKey"], keys["Token"]):
            assert secret not in words + environ
    assert memory(process) <= 12 * 1024
    limits = Path(f"/proc/{process}/limits").read_text()
    assert limits.partition("Max core file size")[2].split()[:2] == ["0", "0"]
    # It holds neither streams of the command nor files of ours.
    handles = [os.readlink(path) for path in Path(f"/proc/{process}/fd").iterdir()]
    assert sum("/dev/null" in each for each in handles) >= 2
    assert not any("credhelper" in each for each in handles)
    assert running.finish().status == 9


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run something as another user")
def test_another_user_of_the_machine_gets_nothing(aws_world: World, begun: Begin) -> None:
    running = begun(aws_world)
    aws_world.root.chmod(0o755)
    for place in (
        running.file,
        running.file.parent,
        *(f"/proc/{process}/environ" for process in (running.endpoint(), running.process.pid)),
    ):
        done = subprocess.run(["cat", str(place)], capture_output=True, user=12345, group=12345)
        assert (done.returncode, done.stdout) == (1, b"")
    guess = running.good().replace(running.token.encode(), b"guess")
    ask = f"exec 3<>/dev/tcp/127.0.0.1/{running.port}; cat >&3; cat <&3"
    words = ["bash", "-c", ask]
    done = subprocess.run(words, input=guess, capture_output=True, user=12345, group=12345)
    assert done.stdout == http.REFUSAL, done.stderr


def test_the_process_loads_nothing_of_what_a_renewal_takes() -> None:
    root = str(Path(http.__file__).parent.parent.parent)
    program = (
        f"import sys; sys.path.append({root!r}); before = set(sys.modules)\n"
        "import credhelper.agent.endpoint; print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True
    )
    ours = ("", ".agent", ".agent.connections", ".agent.endpoint", ".agent.http", ".agent.serving")
    assert set(done.stdout.split()) <= {
        *(f"credhelper{name}" for name in ours),
        *(f"credhelper.core{name}" for name in ("", ".ending", ".model", ".text")),
        *("_socket", "_operator", "select"),
    }


# --- until when -----------------------------------------------------------------------------------


@pytest.mark.sampled(2)
@pytest.mark.parametrize("options", [[], ["--refresh"]])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_it_ends_with_a_command_that_is_killed(
    aws_world: World, begun: Begin, options: list[str], number: int
) -> None:
    running = begun(aws_world, *options)
    endpoint = running.endpoint()
    (command,) = set(children_of(running.process.pid)) - {endpoint}
    os.kill(command, number)
    outcome = running.finish()
    assert outcome.status == -number
    assert not running.listens()
    assert not lives(endpoint)
    assert run_folders(aws_world) == []


def memory(process: int) -> int:
    """Return what a process has in memory, in KiB."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def test_it_ends_when_exec_is_killed(aws_world: World, begun: Begin) -> None:
    running = begun(aws_world)
    endpoint = running.endpoint()
    running.process.kill()
    until(lambda: not lives(endpoint), "it goes on without exec")
    assert not running.listens()


def test_one_that_is_stopped_does_not_outlive_its_command(aws_world: World, begun: Begin) -> None:
    running = begun(aws_world)
    endpoint = running.endpoint()
    os.kill(endpoint, signal.SIGSTOP)
    assert running.finish().status == 9
    assert not lives(endpoint)


def test_one_that_is_killed_is_told_of_and_the_command_goes_on(
    aws_world: World, begun: Begin
) -> None:
    running = begun(aws_world)
    endpoint = running.endpoint()
    os.kill(endpoint, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{endpoint}").exists(), "nobody saw it end")
    assert not running.listens()
    outcome = running.finish()
    assert outcome.status == 9
    assert outcome.told.count("the endpoint for AWS keys was killed") == 1
    assert run_folders(aws_world) == []


def test_it_answers_until_the_command_has_tidied_up(aws_world: World, begun: Begin) -> None:
    """As when a job is asked to end: its whole group, or all of its processes."""
    script = f'{asking(aws_world)} "$0.tidied"'
    trap = f"trap '{script}; exit 5' TERM; " + WAIT.replace("read line", "sleep 60 & wait")
    running = begun(aws_world, script=trap, start_new_session=True)
    endpoint = running.endpoint()
    os.kill(endpoint, signal.SIGINT)
    os.kill(endpoint, signal.SIGHUP)
    os.killpg(running.process.pid, signal.SIGTERM)
    outcome = running.finish()
    assert outcome.status == 5
    tidied = json.loads((aws_world.root / "told.tidied").read_text())
    assert set(tidied) == {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"}
    assert not lives(endpoint)


@pytest.mark.parametrize("status", [0, 3, 255])
def test_the_exit_status_is_the_commands_own(aws_world: World, status: int) -> None:
    words = ["exec", "--aws-endpoint", "--", "sh", "-c", f"exit {status}"]
    outcome = aws_world.run(*words)
    assert (outcome.status, outcome.told) == (status, "")
    assert run_folders(aws_world) == []


def test_a_command_that_is_not_there_leaves_nothing_that_listens(aws_world: World) -> None:
    outcome = aws_world.run("exec", "--aws-endpoint", "--", "no-such-command")
    assert outcome.status == 127
    assert run_folders(aws_world) == []


def test_streams_that_are_closed_hinder_nobody(aws_world: World) -> None:
    prefix = ("sh", "-c", 'exec "$@" <&- >&-', "sh")
    ask = f"{asking(aws_world)} /dev/null"
    outcome = aws_world.run("exec", "--aws-endpoint", "--", "sh", "-c", ask, prefix=prefix)
    assert (outcome.status, outcome.told) == (0, "200")


# --- from the first key to the last ---------------------------------------------------------------


def test_keys_are_renewed_ahead_of_their_end_and_every_answer_lives(
    short_lived: World, begun: Begin
) -> None:
    running = begun(short_lived)
    seen: set[str] = set()
    while len(seen) < 4:
        status, keys = running.keys()
        assert status == 200
        assert ends(keys) > time.time() - 1  # it is told in whole seconds
        seen.add(keys["AccessKeyId"])
        time.sleep(0.2)
    assert memory(running.endpoint()) <= 12 * 1024
    outcome = running.finish()
    assert (outcome.status, outcome.told) == (9, "")
    assert short_lived.api.stats()["created"] == 1  # type: ignore[attr-defined]  # see the fixture


@pytest.mark.parametrize(
    ("profile", "fault", "status", "told"),
    [
        ({}, None, 6, "does not say what AWS credentials are for"),
        ({"aws": {"folder": "fol.missing"}}, None, 5, "answered 404"),
        (FOR, {"path": "/v1/folders", "status": 503}, 5, "503"),
    ],
)
def test_without_keys_the_command_does_not_begin(
    scratch_world: World,
    running_sandbox: RunningSandbox,
    profile: dict[str, object],
    fault: dict[str, object] | None,
    status: int,
    told: str,
) -> None:
    scratch_world.configure(running_sandbox.url, running_sandbox.api_key, main=profile)
    if fault:
        running_sandbox.fault({**fault, "times": "always"})
    outcome = scratch_world.run("exec", "--aws-endpoint", "--", "echo", "began")
    assert (outcome.status, outcome.stdout) == (status, b""), outcome
    assert told in outcome.told
    assert run_folders(scratch_world) == []


def test_keys_that_live_are_served_on_and_ended_ones_are_told_of(
    short_lived: World, begun: Begin
) -> None:
    running, api = begun(short_lived), short_lived.api  # type: ignore[attr-defined]
    before = running.keys()[1]
    api.fault({"path": "/v1/folders", "status": 503, "times": "always"})
    asked = api.stats()["requests"]
    until(lambda: api.stats()["requests"] > asked, "no renewal was tried")
    if time.time() < ends(before) - 1:
        assert running.keys()[0] == 200
    until(lambda: running.keys()[0] == 503, "keys that had ended were served")
    _, failure = running.keys()
    assert failure["Code"] == "CredentialsUnavailable"
    assert "the AWS keys of main have ended, and could not be renewed:" in failure["Message"]
    asked = api.stats()["requests"]
    until(lambda: api.stats()["requests"] > asked, "it was not tried again")
    api.reset()
    until(lambda: running.keys()[0] == 200, "it was not tried again")
    assert running.keys()[1]["AccessKeyId"] != before["AccessKeyId"]
    outcome = running.finish()
    assert outcome.status == 9
    # One of the keys that still lived, or of those that had ended; and no more, however long.
    assert outcome.told.count("credhelper: warning:") == 1


def test_a_renewal_that_hangs_keeps_nobody_waiting_and_ends_with_the_command(
    short_lived: World, begun: Begin
) -> None:
    running, api = begun(short_lived), short_lived.api  # type: ignore[attr-defined]
    api.fault({"path": "/v1/folders", "delay": 20, "times": "always"})
    endpoint = running.endpoint()
    until(lambda: children_of(endpoint), "no renewal began")
    (renewer,) = children_of(endpoint)
    until(lambda: running.keys()[0] == 503, "keys that had ended were served")
    running.keys()
    assert lives(renewer)  # no answer waited for it
    assert running.finish().status == 9
    assert not lives(renewer)
    assert not lives(endpoint)


def test_the_file_of_the_token_comes_back(aws_world: World, begun: Begin) -> None:
    running = begun(aws_world)
    running.file.unlink()
    until(running.file.exists, "it stayed away")
    assert running.file.read_text() == running.token
    assert stat.S_IMODE(running.file.stat().st_mode) == 0o600


def test_both_can_be_asked_for(aws_world: World, begun: Begin) -> None:
    running = begun(aws_world, "--refresh")
    token = Path(running.environ["BEARER_TOKEN_FILE"])
    assert token.read_text() == aws_world.get()
    assert token.parent == running.file.parent
    assert running.keys()[0] == 200
    assert running.finish().status == 9
    assert run_folders(aws_world) == []


def test_without_a_token_file_the_keeper_makes_no_tokens(
    aws_world: World, begun: Begin, running_sandbox: RunningSandbox
) -> None:
    running = begun(aws_world)
    assert sorted(path.name for path in running.file.parent.iterdir()) == [
        "aws-endpoint-token",
        "command",
    ]
    for record in aws_world.records():
        record.unlink()
    running.process.send_signal(signal.SIGCONT)  # wakes the keeper
    assert running.keys()[0] == 200
    assert running.finish().status == 9
    assert running_sandbox.stats()["created"] == 1


def test_where_no_cache_can_be_written_the_keys_are_served_all_the_same(
    aws_world: World, begun: Begin
) -> None:
    running = begun(
        aws_world, environ={"CREDHELPER_CACHE_DIR": "/proc/nowhere", "CREDHELPER_STATE_DIR": None}
    )
    assert running.keys()[0] == 200
    assert running.finish().status == 9
    assert run_folders(aws_world) == []


def test_the_command_gets_neither_the_key_nor_what_listens(
    aws_world: World, begun: Begin, running_sandbox: RunningSandbox
) -> None:
    grant = {**FOR, "grant": {"env": "MY_KEY"}}
    aws_world.configure(running_sandbox.url, running_sandbox.api_key, main=grant)
    running = begun(aws_world, environ={"MY_KEY": running_sandbox.api_key})
    assert "MY_KEY" not in running.environ
    assert processes_of(running.port) == [running.endpoint()]
    assert running.endpoint() not in (running.process.pid, *children_of(running.process.pid)[1:])


def test_exec_without_the_option_listens_nowhere_and_stays_nobodys_parent(
    aws_world: World,
) -> None:
    script = "echo $PPID; env; ls -l /proc/$$/fd /proc/$PPID/fd"
    outcome = aws_world.run("exec", "--", "sh", "-c", script)
    assert outcome.stdout.startswith(f"{os.getpid()}\n".encode())
    assert b"AWS_CONTAINER" not in outcome.stdout


# --- a clock that is set back ---------------------------------------------------------------------


@pytest.mark.parametrize("back", [7200, AWS_LIFE // 2])
def test_keys_that_only_the_clock_finds_good_are_renewed(
    aws_world: World, running_sandbox: RunningSandbox, back: int
) -> None:
    aws_world.run("aws")
    for record in aws_world.records():
        if decode(record.read_bytes())["kind"] == "aws":  # type: ignore[index]  # it is whole
            # As a clock tells that was set back: in truth they have five minutes.
            aws_world.age_record(record, AWS_LIFE - 300 - back)
    running_sandbox.fault({"date": back, "times": "always"})
    said: list[bytes] = []
    token_file = str(aws_world.root / "token")
    serving = Serving("main", 0, Secret("t"), token_file, Secret(""), 0, 0.0)
    first = unpack(renew(serving, aws_world.environ, said.append))
    assert first is not None
    before = first.keys
    assert before.reveal() == serving.keys.reveal()
    again = unpack(renew(first, aws_world.environ, said.append, back))
    assert again is not None
    assert (again.trouble, said) == ("", [])
    assert again.keys != before
    assert again.due > time.time() + 600
    assert running_sandbox.stats()["exchanged"] == 2


def test_a_request_of_the_units_is_one_of_the_process(served: Running) -> None:
    port, token = str(served.port).encode(), served.token.encode()
    request = GOOD.replace(b"40001", port).replace(TOKEN.encode(), token)
    assert answer(served.ask(request))[0] == 200
