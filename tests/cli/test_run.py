"""`credhelper exec` and `credhelper env`: a token in the environment, and nothing else changed."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Person
from tests.support.programs import command

SHOW = ("sh", "-c", "env -0")


def environment(stdout: bytes) -> dict[str, str]:
    pairs = [line.partition("=") for line in stdout.decode().split("\0") if line]
    return {name: value for name, _, value in pairs}


def test_a_command_gets_the_token_and_the_url(person: Person) -> None:
    person.logs_in()
    outcome = person.world.run("exec", "--", *SHOW)
    assert (outcome.status, outcome.told) == (0, "")
    found = environment(outcome.stdout)
    assert found["ICA_ACCESS_TOKEN"] == person.token()
    assert found["ICA_BASE_URL"] == person.api.url
    assert found["ICA_SERVER_URL"] == person.api.url.partition("://")[2]
    assert found["CREDHELPER_PROFILE"] == "default"
    assert found["CREDHELPER_RECORD"] == f"default:{person.world.records()[0].name}"


def test_the_token_goes_into_chosen_variables_too(person: Person) -> None:
    person.logs_in()
    words = ["exec", "--var", "IAP_ACCESS_TOKEN", "--var", "MINE", *SHOW]
    found = environment(person.world.run(*words).stdout)
    assert found["IAP_ACCESS_TOKEN"] == found["MINE"] == found["ICA_ACCESS_TOKEN"]


def test_the_grants_variable_is_taken_out_and_the_rest_stays(person: Person) -> None:
    environ = {
        "MY_KEY": person.api.api_key,
        "CREDHELPER_API_KEY": person.api.api_key,
        "OTHER_SECRET": "theirs",
        "ODD": "a\nb=c",
    }
    words = ["login", "--url", person.api.url, "--grant-env", "MY_KEY"]
    assert person.types(*words, environ=environ).status == 0
    found = environment(person.world.run("exec", "--", *SHOW, environ=environ).stdout)
    assert "MY_KEY" not in found
    assert "CREDHELPER_API_KEY" not in found
    assert (found["OTHER_SECRET"], found["ODD"]) == ("theirs", "a\nb=c")


def test_a_tool_inside_is_served_from_the_cache_without_the_grant(person: Person) -> None:
    environ = {"MY_KEY": person.api.api_key}
    words = ["login", "--url", person.api.url, "--grant-env", "MY_KEY"]
    assert person.types(*words, environ=environ).status == 0
    outcome = person.world.run("exec", "--", *command(), "get", environ=environ)
    assert (outcome.status, outcome.told) == (0, "")
    assert outcome.stdout.decode() == person.token(environ=environ) + "\n"
    assert person.api.stats()["created"] == 1


def test_a_tool_inside_is_served_when_the_environment_is_the_config(person: Person) -> None:
    environ = {"CREDHELPER_API_KEY": person.api.api_key, "CREDHELPER_URL": person.api.url}
    outcome = person.world.run("exec", "--", *command(), "get", environ=environ)
    assert (outcome.status, outcome.told) == (0, "")
    assert person.api.stats()["created"] == 1


@pytest.mark.parametrize("status", [0, 1, 3, 77, 255])
def test_the_exit_status_is_the_commands_own(person: Person, status: int) -> None:
    person.logs_in()
    assert person.world.run("exec", "--", "sh", "-c", f"exit {status}").status == status


def test_options_of_the_command_are_its_own(person: Person) -> None:
    person.logs_in()
    outcome = person.world.run("exec", "sh", "-c", 'echo "$@"', "sh", "--profile", "x", "-p")
    assert outcome.stdout == b"--profile x -p\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signals_reach_the_command_with_their_usual_effect(person: Person, number: int) -> None:
    person.logs_in()
    process = person.world.start("exec", "--", "sh", "-c", "echo ready; exec sleep 60")
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    assert process.wait(30) == -number
    person.world.finish(process)


def test_a_broken_pipe_ends_the_command_as_ever(person: Person) -> None:
    person.logs_in()
    words = " ".join(map(shlex.quote, [*command(), "exec", "--", "sh", "-c"]))
    script = f"{words} 'yes; echo $? >&2' | head -1"
    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, env=person.world.environment(), timeout=60
    )
    assert done.stdout == b"y\n"
    assert b"141" in done.stderr or done.stderr == b""


def test_stdin_is_the_commands_own(person: Person) -> None:
    person.logs_in()
    outcome = person.world.run("exec", "--", "cat", stdin=b"a\0b\r\n")
    assert outcome.stdout == b"a\0b\r\n"


@pytest.mark.parametrize("name", ["no-such-command", "/nowhere/at/all", "./here", ""])
def test_a_command_that_is_not_there_is_127(person: Person, name: str) -> None:
    person.logs_in()
    outcome = person.world.run("exec", "--", name)
    assert (outcome.status, outcome.stdout) == (127, b"")
    assert outcome.told.startswith("credhelper: error: command ")
    assert "not found" in outcome.told


@pytest.mark.parametrize("content", ["", "echo no hash-bang\n", None])
def test_a_command_that_cannot_be_run_is_126(
    person: Person, tmp_path: Path, content: str | None
) -> None:
    person.logs_in()
    program = tmp_path / "program"
    if content is None:
        program.mkdir()
    else:
        program.write_text(content)
        program.chmod(0o700 if content else 0o600)
    outcome = person.world.run("exec", "--", str(program))
    assert (outcome.status, outcome.stdout) == (126, b"")
    assert "cannot be run" in outcome.told


def test_no_command_runs_without_a_token(person: Person, tmp_path: Path) -> None:
    person.logs_in()
    assert person.types("logout").status == 0
    outcome = person.world.run("exec", "--", "touch", str(tmp_path / "ran"))
    assert (outcome.status, outcome.stdout) == (4, b"")
    assert not (tmp_path / "ran").exists()


def test_a_token_must_live_as_long_as_is_asked(person: Person) -> None:
    person.logs_in()
    assert person.world.run("exec", "--min-ttl", "3600", "--", "true").status == 0
    outcome = person.world.run("exec", "--min-ttl", "200000", "--", "true")
    assert (outcome.status, outcome.stdout) == (5, b"")
    assert "86400 s" in outcome.told


@pytest.mark.parametrize("verb", [["exec", "--"], ["env"]])
def test_a_service_must_be_named_by_a_profile(person: Person, verb: list[str]) -> None:
    person.logs_in("--service", "https://git.example")
    words = [verb[0], "--service", "https://git.example/x", *verb[1:], "true"]
    words = words if verb[0] == "exec" else words[:-1]
    assert person.world.run(*words).status == 0
    words[2] = "https://evil.example"
    assert person.world.run(*words).status == 3


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A=B", "A B", "\u00c4", "A\n"])
def test_a_variable_must_have_a_plain_name(person: Person, name: str) -> None:
    for words in (["env", "--var", name], ["exec", "--var", name, "true"]):
        outcome = person.types(*words)
        assert (outcome.status, outcome.stdout) == (2, b"")


def test_env_prints_what_get_prints_and_the_chosen_names(person: Person) -> None:
    person.logs_in()
    plain = person.types("env")
    assert plain.stdout == person.world.run("get", "--format", "env").stdout
    chosen = person.types("env", "--var", "IAP_ACCESS_TOKEN")
    token = person.token()
    assert chosen.stdout == plain.stdout + f"export IAP_ACCESS_TOKEN={token}\n".encode()


def test_env_is_read_back_by_a_shell(person: Person) -> None:
    person.logs_in()
    words = " ".join(map(shlex.quote, command()))
    script = f'eval "$({words} env)"; printf %s "$ICA_ACCESS_TOKEN"'
    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, env=person.world.environment(), timeout=60
    )
    assert done.stdout.decode() == person.token()


def test_env_speaks_json_and_fish(person: Person) -> None:
    person.logs_in()
    token = person.token()
    told = json.loads(person.types("env", "--format", "json").stdout)
    host = person.api.url.partition("://")[2]
    assert told == {
        "ICA_ACCESS_TOKEN": token,
        "ICA_SERVER_URL": host,
        "ICA_BASE_URL": person.api.url,
    }
    lines = person.types("env", "--format", "fish").stdout.decode().split("\n")
    assert lines[0] == f"set -gx ICA_ACCESS_TOKEN '{token}'"


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
def test_env_is_read_back_by_fish(person: Person) -> None:
    person.logs_in()
    words = " ".join(map(shlex.quote, command()))
    script = f"{words} env --shell fish | source; printf %s $ICA_ACCESS_TOKEN"
    done = subprocess.run(
        ["fish", "-c", script], capture_output=True, env=person.world.environment(), timeout=60
    )
    assert done.stdout.decode() == person.token()


def test_a_lock_is_not_handed_to_the_command(person: Person) -> None:
    person.logs_in()
    for record in person.world.records():
        record.unlink()
    outcome = person.world.run("exec", "--", "ls", "-l", "/proc/self/fd")
    if outcome.status == 0:
        assert b".lock" not in outcome.stdout
    assert os.path.isdir(person.world.cache)
