"""The agent as a process: who may ask, what they get, and when it ends."""

from __future__ import annotations

import json
import os
import signal
import stat
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest

from tests.agent.agents import Agent, Elsewhere, Start, impostor
from tests.agent.conftest import FOR
from tests.support.processes import children_of
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import SERVICE, World
from tests.tokenfile.jobs import until


def test_it_listens_for_its_user_alone_and_says_how_to_ask_it(
    scratch_world: World, agent: Agent
) -> None:
    assert agent.told() == (
        f"credhelper: serves tokens for {SERVICE}\n"
        f"credhelper: hint: where they are needed: export CREDHELPER_SOCKET={agent.path}\n"
    )
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (agent.path, agent.path.parent)]
    assert modes == [0o600, 0o700]
    answer = agent.ask(service=f"{SERVICE}/some/where")
    assert answer["token"] == scratch_world.get()
    assert os.listdir(agent.path.parent) == ["socket"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_ends_by_the_signal_and_takes_its_socket_away(agent: Agent, number: int) -> None:
    assert agent.stop(number).status == -number
    assert os.listdir(agent.path.parent) == []


def test_its_socket_is_gone_before_it_waits_for_a_session_to_be_saved(
    scratch_world: World, agents: Start, running_sandbox: RunningSandbox
) -> None:
    # Whoever starts the next one meanwhile keeps that one's socket.
    scratch_world.configure(
        running_sandbox.url, running_sandbox.api_key, main={"keep_session": True}
    )
    running_sandbox.fault({"path": "/v1/tokens", "delay": 2, "times": "always"})
    agent = agents(scratch_world)
    with agent.connect() as waiting:
        waiting.sendall(json.dumps({"version": 2, "action": "get", "service": SERVICE}).encode())
        waiting.sendall(b"\n")
        until(lambda: children_of(agent.process.pid), "no child renews")
        child = children_of(agent.process.pid)[0]
        os.kill(child, signal.SIGSTOP)
        agent.process.terminate()
        try:
            until(lambda: not agent.path.exists(), "the socket is still there")
            assert agent.process.poll() is None
            second = agents(scratch_world)
        finally:
            os.kill(child, signal.SIGCONT)
        assert agent.process.wait(60) == -signal.SIGTERM
    assert second.ask(service=SERVICE)["token"]


def test_it_serves_though_who_started_it_ignores_the_end_of_children(scratch_world: World) -> None:
    path = scratch_world.root / "agent" / "socket"
    process = scratch_world.start(
        *("-m", "credhelper", "agent", "--socket", str(path), "--service", SERVICE),
        program="python",  # a shell in between would undo it
        preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN),
    )
    until(path.exists, "it does not listen")
    asked = scratch_world.run("get", SERVICE, environ={"CREDHELPER_SOCKET": str(path)})
    assert asked.token
    process.terminate()
    assert scratch_world.finish(process).status == -signal.SIGTERM


def test_it_serves_on_when_nobody_reads_its_warnings(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    token = scratch_world.get()
    scratch_world.age(86400 - 30)
    running_sandbox.fault({"path": "/v1/tokens", "status": 503, "times": "always"})
    path = scratch_world.root / "agent" / "socket"
    reader, writer = os.pipe()
    process = scratch_world.start(
        "agent", "--socket", str(path), "--service", SERVICE, stderr=writer
    )
    os.close(writer)
    told = b""
    while b"hint: " not in told:
        told += os.read(reader, 4096)
    os.close(reader)
    for _ in range(2):
        asked = scratch_world.run("get", SERVICE, environ={"CREDHELPER_SOCKET": str(path)})
        assert asked.token == token
    process.terminate()
    assert scratch_world.finish(process).status == -signal.SIGTERM


def test_a_socket_that_is_not_its_own_any_more_stays(agent: Agent) -> None:
    os.rename(agent.path, f"{agent.path}.old")
    agent.path.write_text("somebody else's")
    agent.stop()
    assert agent.path.read_text() == "somebody else's"


def test_a_living_socket_is_left_alone_and_a_dead_one_is_replaced(
    scratch_world: World, agent: Agent, agents: Start
) -> None:
    second = agents(scratch_world).stop()
    assert second.status == 1
    assert f"an agent listens at {agent.path} already" in second.told
    assert agent.ask(service=SERVICE)["token"]
    assert agent.stop(signal.SIGKILL).status == -signal.SIGKILL
    assert agent.path.is_socket()
    assert agents(scratch_world).ask(service=SERVICE)["token"]


def test_of_twenty_that_start_at_once_where_one_was_killed_one_serves(
    scratch_world: World, agent: Agent, agents: Start
) -> None:
    agent.stop(signal.SIGKILL)
    words = ("agent", "--socket", str(agent.path), "--service", SERVICE)
    started = [scratch_world.start(*words) for _ in range(20)]
    until(lambda: sum(one.poll() is None for one in started) == 1, "not one is left")
    assert agent.ask(service=SERVICE)["token"]
    for one in started:
        one.terminate()
    outcomes = [scratch_world.finish(one) for one in started]
    assert sorted(one.status for one in outcomes) == [-signal.SIGTERM, *[1] * 19]


@pytest.mark.parametrize("where", ["a file", "a folder", "a symlink", "open", "long"])
def test_a_place_that_will_not_do_is_refused_and_left_as_it_is(
    scratch_world: World, where: str, tmp_path: Path
) -> None:
    folder = tmp_path / "place"
    folder.mkdir(mode=0o700)
    path = folder / "socket"
    if where == "a file":
        path.write_text("keep me")
    elif where == "a folder":
        path.mkdir()
    elif where == "a symlink":
        path.symlink_to(tmp_path / "other")
    elif where == "open":
        folder.chmod(0o755)
    else:
        path = folder / ("x" * 100)
    before = sorted(folder.iterdir())
    outcome = scratch_world.run("agent", "--socket", str(path), "--service", SERVICE)
    assert outcome.status == (2 if where == "long" else 7)
    assert outcome.told.startswith("credhelper: error: ")
    assert "hint: " in outcome.told
    assert "chmod" not in outcome.told  # it may be a folder that others share
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("options", "status", "text"),
    [
        (("--service", "https://other.example"), 3, "https://other.example"),
        (("--service", SERVICE, "--profile", "nobody"), 3, "there is no profile nobody"),
        (("--service", "ftp://x"), 2, "scheme"),
        ((), 2, "--service"),
        (("--service", SERVICE, "--allow-uid", "-1"), 2, "--allow-uid"),
    ],
)
def test_what_could_never_be_served_is_told_at_the_start(
    scratch_world: World, options: tuple[str, ...], status: int, text: str
) -> None:
    path = scratch_world.root / "agent" / "socket"
    outcome = scratch_world.run("agent", "--socket", str(path), *options)
    assert outcome.status == status
    assert text in outcome.told
    assert not path.exists()


def test_a_session_is_never_served(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    scratch_world.configure(running_sandbox.url, running_sandbox.api_key, main={"token": "session"})
    path = str(scratch_world.root / "agent" / "socket")
    for options in (("--service", SERVICE), ("--service", SERVICE, "--profile", "main")):
        outcome = scratch_world.run("agent", "--socket", path, *options)
        assert (outcome.status, "hands out its session" in outcome.told) == (6, True)


def test_a_profile_that_becomes_a_session_later_is_not_served_any_more(
    scratch_world: World, agent: Agent, running_sandbox: RunningSandbox
) -> None:
    assert agent.ask(service=SERVICE)["token"]
    scratch_world.configure(running_sandbox.url, running_sandbox.api_key, main={"token": "session"})
    for _ in range(2):  # before and after the routes are compiled
        assert agent.ask(service=SERVICE)["error"]["code"] == "config"


def test_every_door_of_the_program_asks_the_agent_and_keeps_nothing(
    scratch_world: World,
    agents: Start,
    tmp_path: Path,
    running_sandbox: RunningSandbox,
) -> None:
    scratch_world.configure(running_sandbox.url, running_sandbox.api_key, main=FOR)
    agent = agents(scratch_world, "--service", SERVICE, "--profile", "main")
    there = Elsewhere(tmp_path / "elsewhere", agent)
    token = there.get(SERVICE)
    assert running_sandbox.admits(token)
    assert token == scratch_world.get() == there.get() == there.get("--profile", "main")
    asked = b"protocol=https\nhost=ica.example\n\n"
    assert there.run("git", "get", stdin=asked).token == token
    assert there.run("docker", "get", stdin=b"ica.example").token == token
    assert there.run("env").token == token
    assert there.run("exec", "--", "sh", "-c", "echo $ICA_ACCESS_TOKEN").token == token
    assert there.run("exec", "--refresh", "--", "sh", "-c", 'cat "$BEARER_TOKEN_FILE"').token
    target = there.root / "token"
    assert there.run("write", "--to", str(target)).status == 0
    assert target.read_text() == token
    line = json.dumps({"action": "get", "service": SERVICE}).encode()
    assert there.run("json", stdin=line).token == token
    keys = json.loads(there.run("aws").stdout)
    known = json.loads(scratch_world.run("aws").stdout)
    assert abs(ends(keys) - ends(known)) <= 2  # told in seconds from now
    assert {**keys, "Expiration": 0} == {**known, "Expiration": 0}
    again = there.run("exec", "--aws-endpoint", "--", "sh", "-c", FETCH)
    assert json.loads(again.stdout)["AccessKeyId"] == keys["AccessKeyId"]
    assert running_sandbox.stats()["created"] == 1
    assert running_sandbox.stats()["exchanged"] == 1
    assert not there.cache.exists()
    assert not (there.home / ".config").exists()


def ends(keys: dict[str, str]) -> float:
    return datetime.fromisoformat(keys["Expiration"]).timestamp()


FETCH = """python3 - <<'END'
import os, urllib.request
uri = os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
headers = {"Authorization": os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]}
print(urllib.request.urlopen(urllib.request.Request(uri, headers=headers)).read().decode())
END"""


def test_a_python_program_asks_the_agent(
    scratch_world: World, agent: Agent, elsewhere: Elsewhere
) -> None:
    program = (
        "import credhelper, sys\n"
        f"token = credhelper.get_token(service='{SERVICE}')\n"
        "found = credhelper.Credentials()\n"
        f"assert found.token_for('{SERVICE}/x') == token\n"
        "assert found.token_for('https://other.example') is None\n"
        f"assert credhelper.Credentials(service='{SERVICE}').api().startswith('http://127.0.0.1:')\n"
        "try: credhelper.get_token()\n"
        "except credhelper.errors.NotFoundError: pass\n"
        "found = credhelper.Credentials(service='https://ica.example')\n"
        "assert found.reject(token) and found.token() != token\n"  # as after a 401
        "print(found.token())\n"
    )
    outcome = elsewhere.run("-c", program, program="python")
    assert outcome.token == scratch_world.get()


@pytest.mark.parametrize(
    "words",
    [
        ("login",),
        ("logout",),
        ("logout", "--all"),
        ("profile", "list"),
        ("profile", "add", "new", "--url", "https://api.example"),
        ("profile", "use", "main"),
        ("profile", "remove", "main", "--yes"),
        ("setup", "git", "--service", SERVICE),
        ("status",),
        ("import",),
        ("token", "create"),
        ("agent", "--socket", "/nowhere/socket", "--service", SERVICE),
    ],
)
def test_what_needs_profiles_is_for_where_the_agent_runs(
    elsewhere: Elsewhere, agent: Agent, words: tuple[str, ...]
) -> None:
    outcome = elsewhere.run(*words)
    assert outcome.status == 2, outcome
    assert f"where the agent at {agent.path} runs" in outcome.told
    assert "credhelper: hint: unset CREDHELPER_SOCKET\n" in outcome.told
    assert sorted(elsewhere.home.rglob("*")) == []


def test_the_socket_wins_over_config_and_variables(
    scratch_world: World, elsewhere: Elsewhere
) -> None:
    there = {
        "CREDHELPER_CONFIG": str(scratch_world.root / "broken.toml"),
        "CREDHELPER_API_KEY": "unused",
        "CREDHELPER_SERVICES": "https://other.example",
        "CREDHELPER_CACHE_DIR": str(scratch_world.cache),
    }
    (scratch_world.root / "broken.toml").write_text("no toml")
    token = scratch_world.get()
    assert elsewhere.get(SERVICE, environ=there) == token
    outcome = elsewhere.run("get", "https://other.example", environ=there)
    assert outcome.status == 3
    assert "this agent does not serve https://other.example" in outcome.told


def test_the_profile_that_a_terminal_chose_counts_there_too(
    scratch_world: World, agents: Start, tmp_path: Path, running_sandbox: RunningSandbox
) -> None:
    other = "https://other.example"
    scratch_world.configure(
        running_sandbox.url,
        running_sandbox.api_key,
        alpha={"services": [SERVICE, other]},
        beta={"username": "b"},
    )
    there = Elsewhere(tmp_path / "elsewhere", agents(scratch_world, "--service", SERVICE))
    for world in (scratch_world, there):
        for chosen, service, profile in (
            ("beta", SERVICE, "beta"),
            ("alpha", SERVICE, "alpha"),
            (None, SERVICE, "alpha"),
            ("nobody", SERVICE, "alpha"),
        ):
            asked = ("get", service, "--format", "json")
            answer = world.run(*asked, environ={"CREDHELPER_PROFILE": chosen})
            assert json.loads(answer.stdout)["profile"] == profile, (world, chosen)


def test_an_empty_socket_counts_for_nothing_and_a_relative_one_is_a_mistake(
    scratch_world: World,
) -> None:
    assert scratch_world.get(environ={"CREDHELPER_SOCKET": ""})
    outcome = scratch_world.run("get", environ={"CREDHELPER_SOCKET": "agent/socket"})
    assert outcome.status == 6
    assert "CREDHELPER_SOCKET is not an absolute path" in outcome.told


@pytest.mark.parametrize(
    "how", ["never there", "killed", "a file", "too long", "closes", "babbles"]
)
@pytest.mark.waits
def test_a_socket_without_an_agent_is_status_5_and_one_line_that_names_it(
    elsewhere: Elsewhere, agent: Agent, tmp_path: Path, how: str
) -> None:
    path = agent.path
    if how == "never there":
        path = tmp_path / "nothing"
    elif how == "killed":
        agent.stop(signal.SIGKILL)
    elif how == "a file":
        path = tmp_path / "file"
        path.write_text("x")
    elif how == "too long":
        path = tmp_path / ("x" * 120)
    with ExitStack() as stack:
        if how in ("closes", "babbles"):
            path = stack.enter_context(impostor(tmp_path / "other", b"HTTP/1.1 200 OK\r\n\n"))
            if how == "closes":
                path = stack.enter_context(impostor(tmp_path / "third", b""))
        outcome = elsewhere.run("get", SERVICE, environ={"CREDHELPER_SOCKET": str(path)})
    assert outcome.status == 5
    assert outcome.told.count("\n") == 1
    assert str(path) in outcome.told
    assert "CREDHELPER_SOCKET" in outcome.told
