"""`-q` and `-v`, before and behind each command: what stderr has with them, and what it keeps."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from credhelper.cli.main import commands
from tests.cli.conftest import Person
from tests.cli.hints import hints
from tests.cli.test_waiting import LINE, SLOW, on_screen
from tests.support.commands import leaves
from tests.support.programs import command
from tests.support.worlds import Outcome, World

Place = Callable[..., tuple[str, ...]]
# Of an option, before and behind a command.
PLACES: list[Place] = [
    lambda option, *words: (option, *words),
    lambda option, *words: (*words, option),
]
SHADOWED = {"ICA_ACCESS_TOKEN": "strange"}


def traced(outcome: Outcome) -> list[str]:
    return [line for line in outcome.told.splitlines() if " s: " in line]


def own(name: str) -> bool:
    """Tell whether a command has a -v of its own."""
    return name == "credhelper status"


def test_every_command_has_both_once_and_only_status_a_v_of_its_own() -> None:
    found = dict(leaves())
    assert len(found) > 25
    for path, context in found.items():
        words = [word for one in context.command.params for word in one.opts]
        assert len(words) == len(set(words)), path
        assert {"-q", "--quiet", "-v", "--verbose"} <= set(words), path
        verbose = next(one for one in context.command.params if "-v" in one.opts)
        assert isinstance(verbose, click.Option)
        assert (verbose.help == "Print each decision on stderr.") != own(path), path
    assert {"-q", "-v"} < {word for one in commands.params for word in one.opts}


@pytest.mark.parametrize("option", ["-v", "--verbose"])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("words", "event"),
    [(("get",), "cache: "), (("env",), "cache: "), (("profile", "list"), "routes: ")],
)
def test_verbose_tells_each_decision_without_a_secret(
    scratch_world: World, words: tuple[str, ...], event: str, option: str, place: Place
) -> None:
    outcome = scratch_world.run(*place(option, *words))
    assert outcome.status == 0, outcome
    lines = traced(outcome)
    if words[0] != "profile":
        assert any(event in line for line in lines), outcome
        assert "credhelper: trace: " not in outcome.told
        assert any("state none" in line or "state expired" in line for line in lines), outcome
        assert any(line.partition("expires ")[2].count(":") >= 3 for line in lines), outcome
    assert outcome.told.splitlines() == lines


def test_verbose_beside_the_variable_tells_once_on_stderr_and_in_the_file(
    scratch_world: World, tmp_path: Path
) -> None:
    both = scratch_world.run("-v", "get", environ={"CREDHELPER_TRACE": "1"})
    assert "credhelper: trace: " not in both.told
    assert traced(both)
    path = tmp_path / "trace"
    filed = scratch_world.run("get", "-v", environ={"CREDHELPER_TRACE": str(path)})
    assert traced(filed)
    assert path.read_text().count("credhelper: trace: ") == len(traced(filed))


def test_the_v_of_status_stays_its_own_and_the_one_before_it_is_the_trace(
    scratch_world: World,
) -> None:
    scratch_world.get()
    details = scratch_world.run("status", "-v")
    assert details.told == ""
    assert b"fingerprint" in details.stdout
    assert scratch_world.run("-v", "status").stdout != b""


@pytest.mark.parametrize("option", ["-q", "--quiet"])
@pytest.mark.parametrize("place", PLACES)
def test_quiet_silences_warnings_and_hints(scratch_world: World, option: str, place: Place) -> None:
    loud = scratch_world.run("status", environ=SHADOWED)
    assert "warning" in loud.told
    quiet = scratch_world.run(*place(option, "status"), environ=SHADOWED)
    assert (quiet.status, quiet.told, quiet.stdout) == (0, "", loud.stdout)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "words",
    [("get",), ("env",), ("write", "--to", "file"), ("token", "create"), ("exec", "true")],
)
def test_quiet_keeps_the_error_but_not_its_hint(
    tmp_path: Path, words: tuple[str, ...], place: Place
) -> None:
    world = World(tmp_path)
    loud = world.run(*words, cwd=tmp_path)
    assert (loud.status, len(hints(loud.told))) == (3, 1), loud
    before = ("-q", *words) if words[0] == "exec" else place("-q", *words)
    quiet = world.run(*before, cwd=tmp_path)
    assert quiet.status == loud.status
    assert quiet.told == loud.told.splitlines(keepends=True)[0]


def test_quiet_silences_a_warning_on_the_way(scratch_world: World) -> None:
    scratch_world.cache.mkdir(exist_ok=True)
    scratch_world.cache.chmod(0o755)
    assert "continuing without a cache" in scratch_world.run("get").told
    quiet = scratch_world.run("get", "-q")
    assert (quiet.status, quiet.told) == (0, "")
    assert quiet.stdout.startswith(b"ey")


def test_quiet_shows_no_progress(person: Person) -> None:
    person.world.configure(person.api.url, person.api.api_key)
    for words in (("get", "-q"), ("-q", "token", "create")):
        person.api.fault(SLOW)
        status, _, told = on_screen(person, *words)
        assert (status, told) == (0, "")
    person.api.fault(SLOW)
    assert LINE in on_screen(person, "-v", "token", "create")[2]


@pytest.mark.parametrize("option", ["-q", "-v"])
def test_quiet_silences_the_keeper_and_not_its_command(person: Person, option: str) -> None:
    person.world.configure(person.api.url, person.api.api_key)
    person.world.prepare()
    words = ["exec", option, "--refresh", "--", "sh", "-c", "echo said >&2; read -r line"]
    with subprocess.Popen(
        [*command(), *words],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=person.world.environ,
    ) as process:
        assert process.stderr
        while process.stderr.readline() != b"said\n":
            assert option == "-v"
        own = os.readlink(f"/proc/{process.pid}/fd/2")
        assert (own == os.devnull) == (option == "-q")
        process.communicate(b"\n", timeout=60)
    assert process.returncode == 0


def test_quiet_silences_the_keeper_of_a_watched_file(person: Person, tmp_path: Path) -> None:
    person.world.configure(person.api.url, person.api.api_key)
    path = tmp_path / "token"
    process = person.world.start("watch", "-q", "--to", str(path))
    while not path.exists() or os.readlink(f"/proc/{process.pid}/fd/2") != os.devnull:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=60)[1] == b""


@pytest.mark.parametrize("words", [("-q", "-v", "get"), ("get", "-q", "-v"), ("-v", "get", "-q")])
def test_quiet_and_verbose_exclude_each_other(tmp_path: Path, words: tuple[str, ...]) -> None:
    outcome = World(tmp_path).run(*words)
    assert (outcome.status, "exclude each other" in outcome.told) == (2, True), outcome


@pytest.mark.parametrize("words", [("-v", "git", "get"), ("-v", "docker"), ("--verbose", "json")])
def test_before_a_protocol_they_are_refused_with_what_traces_it(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    outcome = World(tmp_path).run(*words)
    assert outcome.status == 2
    assert f"{words[1]} is for tools, and takes no -q or -v" in outcome.told
    assert hints(outcome.told) == ["export CREDHELPER_TRACE=1"]


def test_what_follows_the_command_of_exec_is_the_commands_own(scratch_world: World) -> None:
    outcome = scratch_world.run("exec", "sh", "-c", 'echo "$@"', "sh", "-v", "-q")
    assert (outcome.status, outcome.stdout, outcome.told) == (0, b"-v -q\n", "")
