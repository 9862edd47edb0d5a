"""The people's door: usage, help, exit statuses, and errors without tracebacks."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from credhelper import __version__, errors, protocols
from credhelper.cli import output
from credhelper.cli.main import commands
from credhelper.errors import CredhelperError
from tests.cli.conftest import Person
from tests.support.programs import python_environment
from tests.support.worlds import World

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "exit-statuses.md"


def all_commands(
    command: click.Command = commands, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from all_commands(inner, (*path, name))


EVERY = dict(all_commands())


def test_no_argument_is_wrong_use_and_tells_what_there_is(person: Person) -> None:
    outcome = person.types()
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert "Usage: credhelper" in outcome.told
    assert "login" in outcome.told


@pytest.mark.parametrize("words", [["token"], ["profile"], ["frobnicate"], ["token", "steal"]])
def test_an_unknown_or_missing_verb_is_wrong_use(person: Person, words: list[str]) -> None:
    outcome = person.types(*words)
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert outcome.told.startswith("credhelper: error: ")
    assert "credhelper: hint: credhelper" in outcome.told


def test_the_version_is_the_packages_own(person: Person) -> None:
    outcome = person.types("--version")
    assert (outcome.status, outcome.stdout) == (0, f"credhelper {__version__}\n".encode())


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_every_command_explains_itself_with_an_example(
    person: Person, path: tuple[str, ...]
) -> None:
    outcome = person.types(*path, "--help")
    assert (outcome.status, outcome.told) == (0, "")
    text = outcome.stdout.decode()
    assert f"Usage: {' '.join(('credhelper', *path))}" in text
    assert "credhelper" in text.partition("\n")[2]


def test_the_list_of_commands_names_every_protocol(person: Person) -> None:
    shown = person.types("help", "protocols").stdout.decode()
    for name in protocols.PROTOCOLS:
        assert re.search(rf"^  {name} ", shown, re.MULTILINE), name


@pytest.mark.parametrize("option", [["--help"], ["-h"]])
def test_a_protocol_asked_for_help_explains_its_wiring(person: Person, option: list[str]) -> None:
    outcome = person.world.run("git", *option)
    assert (outcome.status, outcome.told) == (0, "")
    assert b"credhelper setup git --service https://git.example" in outcome.stdout


def test_a_verb_of_peoples_own_is_not_the_protocols() -> None:
    families = {
        name: tuple(command.commands)
        for name, command in commands.commands.items()
        if isinstance(command, click.Group) and name in protocols.PROTOCOLS
    }
    assert families == protocols.PEOPLES


@pytest.mark.parametrize(
    "words",
    [["token"], ["token", "--profile", "main"], ["token", "https://ica.example"]],
    ids=" ".join,
)
def test_a_protocol_that_shares_a_family_of_commands_answers_tools(
    scratch_world: World, words: list[str]
) -> None:
    held = scratch_world.prepare()
    outcome = scratch_world.run(*words)
    assert (outcome.status, outcome.told) == (0, "")
    assert outcome.stdout == f"{held}\n".encode()


def test_people_reach_the_family_of_commands_as_before(scratch_world: World) -> None:
    held = scratch_world.prepare()
    made = scratch_world.run("token", "create")
    assert json.loads(made.stdout)["access_token"] != held
    for words in (["token", "--help"], ["token", "-h"], ["token", "create", "--help"]):
        outcome = scratch_world.run(*words)
        assert (outcome.status, outcome.told) == (0, "")
        assert outcome.stdout.startswith(b"Usage: credhelper token")
    lost = scratch_world.run("token", "details", "--no-input", stdin=b"nonsense")
    assert lost.status == 5
    assert len(scratch_world.held()) == 1


def test_every_exit_status_is_documented() -> None:
    told = DOCUMENT.read_text()
    found = {
        error.exit_status
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, CredhelperError)
    }
    documented = {int(number) for number in re.findall(r"^\| (\d+) \|", told, re.MULTILINE)}
    assert found | {0, 126, 127} == documented
    for error in vars(errors).values():
        if isinstance(error, type) and issubclass(error, CredhelperError):
            row = re.search(rf"^\| {error.exit_status} \|.*$", told, re.MULTILINE)
            assert row
            assert f"`{error.code}`" in row[0], error


# Comes in as a person does, and meets an error that nobody expected.
_CRASH = """
import sys
from credhelper.broker import routing
from credhelper.edge import main

def explode(context):
    raise ValueError(context.environ["CREDHELPER_API_KEY"])

routing.load_config = routing.load_routes = explode
sys.argv[1:] = ["status"]
main.main(None, "credhelper", sys.argv[1:], b"", "")
"""


def test_a_crash_tells_the_class_and_place_only(person: Person) -> None:
    environ = person.world.environment({"CREDHELPER_API_KEY": person.api.api_key})
    done = subprocess.run(
        [sys.executable, "-c", _CRASH], env=python_environment() | environ, capture_output=True
    )
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"credhelper: error: an unexpected ValueError at <string>:" in done.stderr
    assert person.api.api_key.encode() not in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_mistake_in_the_config_is_told_with_its_line(person: Person) -> None:
    person.world.config.write_text("default_profile = 1\n")
    for words in (["status"], ["profile", "list"], ["logout"], ["env"], ["token", "create"]):
        outcome = person.types(*words)
        assert (outcome.status, outcome.stdout) == (6, b""), words
        assert "config.toml, line 1" in outcome.told


def test_what_could_move_a_cursor_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    output.say("a\x1b[2J\u202eb\x07")
    output.warn("c\x1b]0;title\x07", "d\u2066")
    shown = capsys.readouterr()
    assert shown.out == "a\\x1b[2J\\u202eb\\x07\n"
    assert "\x1b" not in shown.err
    assert "\\u2066" in shown.err


@pytest.mark.parametrize("name", ["a\x1b[2Jb", "a\u202eb", "a\nb", "\x07"])
def test_a_profile_name_that_is_none_is_shown_escaped(person: Person, name: str) -> None:
    person.logs_in()
    for words in (["status", "-p"], ["logout", "-p"], ["profile", "show"], ["env", "-p"]):
        outcome = person.types(*words, name)
        assert outcome.status == 3
        assert outcome.told.count("\n") == 2
        assert "\x1b" not in outcome.told
        assert "\u202e" not in outcome.told


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (59, "59 s"),
        (119, "2 min"),
        (5400, "90 min"),
        (7199, "2 h"),
        (86389, "24 h"),
        (86400 * 90, "90 days"),
    ],
)
def test_a_length_of_time_is_told_as_a_person_would(seconds: int, words: str) -> None:
    assert output.span(seconds) == words


@pytest.mark.parametrize(
    ("left", "whole", "picture"),
    [
        (24, 24, "[################]"),
        (18, 24, "[############----]"),
        (0, 24, "[----------------]"),
        (-3, 24, "[----------------]"),
        (30, 24, "[################]"),
        (1, 0, "[----------------]"),
    ],
)
def test_a_bar_shows_the_part_that_is_left(left: int, whole: int, picture: str) -> None:
    assert output.bar(left, whole) == picture


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_while_waiting_for_a_secret_ends_us_with_its_number(
    person: Person, number: int
) -> None:
    process = person.world.start("login", "--url", person.api.url)
    _wait_until_it_listens(process)
    process.send_signal(number)
    assert process.wait(30) == 128 + number
    outcome = person.world.finish(process)
    assert outcome.told == ""
    assert not person.world.config.exists()


def _wait_until_it_listens(process: subprocess.Popen[bytes]) -> None:
    """Wait until the program catches SIGHUP, which Python by itself does not."""
    bit = 1 << (signal.SIGHUP - 1)
    for _ in range(600):
        status = Path(f"/proc/{process.pid}/status").read_text()
        caught = re.search(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE)
        if caught and int(caught[1], 16) & bit:
            return
        time.sleep(0.05)
    raise AssertionError("it never listened for signals")


def test_a_reader_that_goes_away_ends_us_quietly(person: Person) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = person.world.start("--help", stdout=writer)
    os.close(writer)
    outcome = person.world.finish(process)
    assert outcome.status == 1
    assert outcome.told == ""


def test_a_name_that_a_terminal_cannot_show_is_spelled_out(person: Person) -> None:
    person.types("profile", "add", "x", "--user", "Zo\u00eb \U0001f9ec", "--grant-env", "A")
    outcome = person.world.run("status", environ={"PYTHONIOENCODING": "ascii"})
    assert (outcome.status, outcome.told) == (0, "")
    told = outcome.stdout.decode()
    assert "Zo\u00eb" in told or "Zo\\xeb" in told


def completed(world: World, *words: str) -> list[str]:
    """Return what bash is told when the last of `words` is to be completed."""
    environ = {
        "_CREDHELPER_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(("credhelper", *words)),
        "COMP_CWORD": str(len(words)),
    }
    outcome = world.run(environ=environ)
    assert (outcome.status, outcome.told) == (0, "")
    return [line.partition(",")[2] for line in outcome.stdout.decode().splitlines()]


def test_names_of_commands_profiles_and_options_are_completed(scratch_world: World) -> None:
    assert completed(scratch_world, "st") == ["status"]
    assert completed(scratch_world, "") == sorted(commands.commands)
    assert completed(scratch_world, "profile", "s") == ["service", "set", "show"]
    assert completed(scratch_world, "profile", "show", "m") == ["main"]
    assert completed(scratch_world, "status", "--ch") == ["--check"]
    assert completed(scratch_world, "--vers") == ["--version"]
    assert completed(scratch_world, "frobnicate", "x") == [""]


def test_completion_shows_what_each_command_is_for(scratch_world: World) -> None:
    environ = {
        "_CREDHELPER_COMPLETE": "zsh_complete",
        "COMP_WORDS": "credhelper gi",
        "COMP_CWORD": "1",
    }
    told = scratch_world.run(environ=environ).stdout.decode()
    assert told == "plain\ngit\nFor tools: git credential helper: key=value lines.\n"


def test_a_command_that_is_misspelt_is_named(person: Person) -> None:
    outcome = person.types("stauts")
    assert outcome.status == 2
    assert "there is no command 'stauts'; did you mean 'status'?" in outcome.told
