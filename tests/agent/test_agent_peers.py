"""Who asks an agent in a hostile or unlucky way: each gets its line, and the others are served."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from credhelper.agent import children
from credhelper.agent.children import MOST as MOST_CHILDREN
from credhelper.agent.dialogues import LONGEST, MOST, MOST_LINE
from tests.agent.agents import Agent, Elsewhere, Start, hear, say
from tests.support.processes import children_of
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import SERVICE, World
from tests.tokenfile.jobs import until

NOBODY = 65534
GET = json.dumps({"version": 2, "action": "get", "service": SERVICE})
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user takes root")
# Asks as `NOBODY`, over a socket that was connected after becoming it.
STRANGER = """
import os, socket, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
connection = socket.socket(socket.AF_UNIX)
connection.settimeout(30)
try:
    connection.connect(sys.argv[1])
    try:
        connection.sendall(sys.argv[2].encode() + b"\\n")
    except BrokenPipeError:
        pass  # refused before it asked
    print(connection.recv(65536).decode(), end="")
except OSError as error:
    print(type(error).__name__)
"""


def code_of(answer: dict[str, object]) -> object:
    error = answer["error"]
    assert isinstance(error, dict)
    assert answer["version"] == 2
    assert set(answer) == {"version", "error"}
    return error["code"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"", None),
        (b"GET / HTTP/1.1\r", "bad_request"),
        (b"\x16\x03\x01\x02\x00\x01", "bad_request"),
        (b"\0" * 1000, "bad_request"),
        (b"{}", "unsupported_version"),
        (GET.encode().replace(b"2", b"1"), "unsupported_version"),
        (GET.encode().replace(b"2", b"3"), "unsupported_version"),
        (GET.encode().replace(b"2", b'"2"'), "unsupported_version"),
        (GET.encode().replace(b"2", b"2.0"), "unsupported_version"),
        (b'{"version":2}', "bad_request"),
        (b'{"version":2,"action":"list"}', "unsupported_action"),
        (b'{"version":2,"action":"get"}', "not_found"),
        (b'{"version":2,"action":"get","profile":"main"}', "not_found"),
        (b'{"version":2,"action":"reject","service":"https://ica.example"}', "bad_request"),
        (b'{"version":2,"action":"reject","token":"x"}', "not_found"),
        (b'{"version":2,"action":"get","service":"https://ica.example.evil"}', "unknown_service"),
        (b'{"version":2,"action":"get","service":"https://ica.example:444"}', "unknown_service"),
        (b'{"version":2,"action":"get","service":"http://ica.example"}', "bad_request"),
        (b'{"version":2,"action":"get","service":"https://x@ica.example"}', "bad_request"),
        (GET.encode()[:-1] + b',"wants":"session"}', "bad_request"),
        (GET.encode()[:-1] + b',"margin":-1}', "bad_request"),
        (GET.encode()[:-1] + b',"any_scheme":1}', "bad_request"),
        (GET.encode()[:-1] + b',"profile":"other"}', "not_found"),
    ],
)
def test_garbage_gets_a_line_and_the_next_line_is_served(
    agent: Agent, line: bytes, code: str | None
) -> None:
    with agent.connect() as connection:
        answer = say(connection, line)
        if code is None:
            assert code_of(answer) == "bad_request"
        else:
            assert code_of(answer) == code
        assert say(connection, GET)["token"]
    assert agent.stop().told.count("\n") == 2


def test_no_error_lists_the_profiles_that_there_are(agent: Agent) -> None:
    error = agent.ask(service=SERVICE, profile="nobody")["error"]
    assert error["message"] == "this agent does not serve profile nobody"
    assert "main" not in str(error)


def test_a_line_that_is_too_long_ends_the_connection_and_no_other(agent: Agent) -> None:
    with agent.connect() as long, agent.connect() as other:
        with suppress(BrokenPipeError, ConnectionResetError):
            long.sendall(b"x" * (4 * MOST_LINE))
        assert code_of(hear(long)) == "bad_request"
        with suppress(ConnectionResetError):
            assert long.recv(1) == b""
        assert say(other, GET)["token"]


def test_the_longest_line_is_served_in_pieces_and_without_its_end(agent: Agent) -> None:
    line = GET.encode()[:-1] + b',"unknown":"'
    line += b"x" * (MOST_LINE - len(line) - 2) + b'"}'
    assert len(line) == MOST_LINE
    with agent.connect() as connection:
        for at in range(0, len(line), 8192):
            connection.sendall(line[at : at + 8192])
        connection.shutdown(socket.SHUT_WR)  # the last line may end with the input
        assert hear(connection)["token"]


def test_many_lines_at_once_get_their_answers_in_order(agent: Agent) -> None:
    with agent.connect() as connection:
        other = GET.replace("ica.", "other.")
        connection.sendall("\n".join([GET, other] * 50).encode() + b"\n")
        data = b""
        while data.count(b"\n") < 100:
            data += connection.recv(65536)
    kinds = ["token" in json.loads(line) for line in data.splitlines()]
    assert kinds == [True, False] * 50


@pytest.mark.parametrize("line", [b"", b"{}", GET.encode()])
def test_more_lines_at_once_than_calls_may_nest_are_served(agent: Agent, line: bytes) -> None:
    assert agent.ask(service=SERVICE)["token"]
    count = 3000
    with agent.connect() as connection, agent.connect() as other:
        sender = threading.Thread(target=connection.sendall, args=((line + b"\n") * count,))
        sender.start()
        told = 0
        while told < count:
            chunk = connection.recv(65536)
            assert chunk, told
            told += chunk.count(b"\n")
            if told < count // 2:
                assert say(other, GET)["token"]  # in between
        sender.join()


def test_who_sends_slowly_or_nothing_is_told_so_and_holds_up_nobody(agent: Agent) -> None:
    with agent.connect() as silent, agent.connect() as slow:
        began = time.monotonic()
        while time.monotonic() < began + LONGEST + 1:
            with suppress(BrokenPipeError, ConnectionResetError):
                slow.sendall(b"{")
            assert agent.ask(service=SERVICE)["token"]
            time.sleep(0.1)
        assert code_of(hear(slow)) == "bad_request"
        # A line that was not asked for would be taken for an answer.
        assert silent.recv(1) == b""


def test_who_does_not_read_is_left_behind(agent: Agent) -> None:
    with agent.connect() as deaf:
        deaf.setblocking(False)
        sent = 0
        with suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            while sent < 64 * 1024 * 1024:
                sent += deaf.send(GET.encode() + b"\n")
        assert agent.ask(service=SERVICE)["token"]
        gone: list[bool] = []
        deaf.setblocking(True)
        time.sleep(LONGEST + 1)
        with suppress(BrokenPipeError, ConnectionResetError):
            deaf.sendall(b"{}\n")
            gone.append(False)
        assert not gone


def test_in_a_full_house_who_asks_gets_the_place_of_who_does_not(agent: Agent) -> None:
    with ExitStack() as stack:
        idle = [stack.enter_context(agent.connect()) for _ in range(MOST)]
        assert agent.ask(service=SERVICE)["token"]
        assert code_of(hear(idle[0])) == "busy"
        # Those who stay are not harmed.
        assert say(idle[-1], GET)["token"]


@AS_ROOT
@pytest.mark.parametrize("allowed", [False, True])
def test_another_user_gets_nothing_unless_allowed(
    scratch_world: World, agents: Start, tmp_path: Path, allowed: bool
) -> None:
    options = ("--allow-uid", str(NOBODY)) if allowed else ()
    agent = agents(scratch_world, "--service", SERVICE, *options)
    # As a mount would show it: in a folder that the stranger may enter.
    base = "/dev/shm" if tmp_path.is_relative_to("/dev/shm") else "/tmp"  # a link crosses no device
    reachable = Path(base) / f"credhelper-test-{os.getpid()}-{allowed}"
    os.link(agent.path, reachable)
    try:
        if not allowed:
            mode = os.lstat(reachable).st_mode & 0o777
            assert mode == 0o600
            os.chmod(reachable, 0o666)  # even so
        words = [sys.executable, "-I", "-c", STRANGER, str(reachable), GET]
        told = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout
    finally:
        reachable.unlink()
    answer = json.loads(told)
    if allowed:
        assert answer["token"] == scratch_world.get()
    else:
        assert code_of(answer) == "rejected"
        assert f"refused a connection of user {NOBODY}" in agent.told()
    # The folder alone keeps strangers away.
    words[-2] = str(agent.path)
    assert subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout in (
        "PermissionError\n",
    )


def test_two_hundred_at_once_make_one_token(
    scratch_world: World, agent: Agent, elsewhere: Elsewhere, running_sandbox: RunningSandbox
) -> None:
    started = [elsewhere.start("get", SERVICE, prefix=apart()) for _ in range(200)]
    outcomes = [elsewhere.finish(one) for one in started]
    assert {one.token for one in outcomes} == {scratch_world.get()}
    assert running_sandbox.stats()["created"] == 1


def apart() -> list[str]:
    """Return the words that start a program in other user, mount and network namespaces."""
    unshare = shutil.which("unshare")
    words = [unshare or "", "--user", "--map-root-user", "--mount", "--net"]
    if not unshare or subprocess.run([*words, "true"], capture_output=True).returncode:
        pytest.skip("no namespaces are to be had here")
    return words


def test_the_agent_is_killed_while_it_renews(
    scratch_world: World, agent: Agent, elsewhere: Elsewhere, running_sandbox: RunningSandbox
) -> None:
    running_sandbox.fault({"path": "/v1/tokens", "delay": 2})
    asking = elsewhere.start("get", SERVICE)
    until(lambda: children_of(agent.process.pid), "no child renews")
    agent.stop(signal.SIGKILL)
    outcome = elsewhere.finish(asking)
    assert (outcome.status, outcome.told.count("\n")) == (5, 1)
    assert str(agent.path) in outcome.told
    # The child brought it to its end: the token is not lost.
    assert scratch_world.get()
    assert running_sandbox.stats()["created"] == 1


def test_a_child_is_killed_and_the_next_one_makes_the_token(
    scratch_world: World, agent: Agent, running_sandbox: RunningSandbox
) -> None:
    running_sandbox.fault({"path": "/v1/tokens", "delay": 5})
    with agent.connect() as connection:
        connection.sendall(GET.encode() + b"\n")
        until(lambda: children_of(agent.process.pid), "no child renews")
        for child in children_of(agent.process.pid):
            os.kill(child, signal.SIGKILL)
        answer = hear(connection)
        assert code_of(answer) == "error"
        assert answer["error"]["retryable"] is True
        assert say(connection, GET)["token"]
    assert scratch_world.get()


def seconds_of(process: int) -> float:
    """Return the processor time that a process has used, in seconds."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_children_that_are_told_to_end_at_once_leave_the_agent_at_rest(agent: Agent) -> None:
    stopped = threading.Event()

    def end_all() -> None:
        while not stopped.is_set():
            for child in children_of(agent.process.pid):
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGTERM)

    thread = threading.Thread(target=end_all)
    thread.start()
    try:
        for number in range(40):
            agent.ask(service=SERVICE, min_ttl=number)
    finally:
        stopped.set()
        thread.join()
    # A signal that a child took with its parent's handlers would keep the parent awake.
    before = seconds_of(agent.process.pid)
    time.sleep(2)
    assert seconds_of(agent.process.pid) - before < 0.1
    assert agent.ask(service=SERVICE)["token"]


def test_an_api_that_hangs_for_one_profile_holds_up_no_other(
    scratch_world: World, agents: Start, running_sandbox: RunningSandbox
) -> None:
    other = "https://other.example"
    scratch_world.secret_file("again", running_sandbox.api_key)
    scratch_world.configure(
        running_sandbox.url,
        running_sandbox.api_key,
        main={},
        second={"services": [other], "grant": {"file": str(scratch_world.root / "again")}},
    )
    agent = agents(scratch_world, "--service", SERVICE, "--service", other)
    token = agent.ask(service=other)["token"]
    until(lambda: not children_of(agent.process.pid), "the child that made a token did not end")
    running_sandbox.fault({"path": "/v1/tokens", "delay": 15})
    with agent.connect() as waiting:
        waiting.sendall(GET.encode() + b"\n")
        until(lambda: children_of(agent.process.pid), "no child renews")
        assert agent.ask(service=other)["token"] == token
        assert children_of(agent.process.pid)
        assert hear(waiting)["token"]


def test_children_are_bounded_and_each_different_request_is_served(
    scratch_world: World, agent: Agent, running_sandbox: RunningSandbox
) -> None:
    running_sandbox.fault({"path": "/v1/tokens", "delay": 2})
    most = 0
    with ExitStack() as stack:
        asking = [stack.enter_context(agent.connect()) for _ in range(MOST)]
        for number, one in enumerate(asking):
            one.sendall(GET[:-1].encode() + b',"min_ttl":%d}\n' % number)
        deadline = time.monotonic() + 1.5
        while time.monotonic() < deadline:
            most = max(most, len(children_of(agent.process.pid)))
            time.sleep(0.02)
        tokens = {hear(one)["token"] for one in asking}
    assert 1 <= most <= MOST_CHILDREN
    assert tokens == {scratch_world.get()}
    assert running_sandbox.stats()["created"] == 1


def test_a_warning_is_told_where_the_agent_runs_and_once(
    scratch_world: World, agent: Agent, elsewhere: Elsewhere, running_sandbox: RunningSandbox
) -> None:
    token = scratch_world.get()
    scratch_world.age(86400 - 30)
    running_sandbox.fault({"path": "/v1/tokens", "status": 503, "times": "always"})
    for _ in range(3):
        assert elsewhere.get(SERVICE) == token
        scratch_world.age(1)  # the warning tells how long the token still lives
    assert agent.told().count("warning: ") == 1
    assert "could not renew" in agent.told()


def test_a_reject_through_the_agent_makes_another_token(
    scratch_world: World, agent: Agent, elsewhere: Elsewhere, running_sandbox: RunningSandbox
) -> None:
    token = elsewhere.get(SERVICE)
    scratch_world.age(100)
    refused = f"protocol=https\nhost=ica.example\nusername=oauth2\npassword={token}\n\n"
    assert elsewhere.run("git", "erase", stdin=refused.encode()).status == 0
    assert elsewhere.get(SERVICE) != token
    assert running_sandbox.stats()["created"] == 2
    # Only the very token that was refused goes.
    assert elsewhere.run("git", "erase", stdin=refused.encode()).status == 0
    assert elsewhere.get(SERVICE) == scratch_world.get()


def test_a_child_that_is_stopped_holds_its_line_for_a_bounded_time(
    scratch_world: World, running_sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "LONGEST", 0.5)
    held = children.Children(lambda: None)

    def hang() -> bytes:
        os.kill(os.getpid(), signal.SIGSTOP)
        return b"never"

    handle = held.start(hang, lambda: None)
    assert 0 < held.soonest() <= 0.5

    def looked(happened: Callable[[], object]) -> bool:
        held.look_after()
        return bool(happened())

    until(lambda: looked(lambda: select.select([handle], [], [], 0)[0]), "it is not ended")
    assert held.collect(handle) == b""
    until(lambda: looked(lambda: not held._ended), "it is not buried")
    assert len(held) == 0
