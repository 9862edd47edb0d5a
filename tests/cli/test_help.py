"""The first screen: what `--help` shows, how commands are found, and what a mistyped word gets."""

from __future__ import annotations

import re

import pytest

from credhelper import __version__, protocols, setup
from credhelper.cli.main import commands
from tests.support.worlds import World

NARROW = {"COLUMNS": "80"}
# What a person may have meant: the word, and what it is near to.
MISTYPED = [
    (("lgoin",), "login"),
    (("statsu",), "status"),
    (("gti",), "git"),
    (("gte",), "get"),
    (("profile", "remvoe", "main"), "remove"),
    (("help", "wacth"), "watch"),
    (("setup", "dokcer"), "docker"),
    (("get", "--profile", "mian"), "main"),
    (("profile", "show", "mian"), "main"),
]


def test_the_help_fits_a_small_terminal_and_names_every_command(scratch_world: World) -> None:
    shown = scratch_world.run("--help", environ=NARROW).stdout.decode()
    lines = shown.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    for name in set(commands.commands) - set(protocols.PROTOCOLS) - {"version"}:
        assert re.search(rf"^.{{11}}{name} +[A-Z]", shown, re.MULTILINE), name
    groups = [line.split()[0] for line in lines if re.match("[A-Z][a-z]+  ", line)]
    assert groups == ["Start", "Use", "Configure", "Tools"]
    assert shown == scratch_world.run("help", environ=NARROW).stdout.decode()
    assert shown == scratch_world.run("-h", environ=NARROW).stdout.decode()


def test_help_shows_what_the_option_shows(scratch_world: World) -> None:
    for words in (["login"], ["profile"], ["profile", "add"], ["git"], ["token"], ["help"]):
        asked = scratch_world.run("help", *words, environ=NARROW)
        assert asked.status == 0
        assert asked.stdout == scratch_world.run(*words, "--help", environ=NARROW).stdout
    beyond = scratch_world.run("help", "login", "more")
    assert (beyond.status, "credhelper login has no commands" in beyond.told) == (2, True)


def test_help_lists_every_protocol(scratch_world: World) -> None:
    shown = scratch_world.run("help", "protocols", environ=NARROW).stdout.decode()
    assert max(map(len, shown.splitlines())) <= 80
    for name in protocols.PROTOCOLS:
        assert re.search(rf"^  {name} +\S", shown, re.MULTILINE), name


def test_the_version_is_told_in_three_ways(scratch_world: World) -> None:
    for word in ("version", "-V", "--version"):
        assert scratch_world.run(word).stdout == f"credhelper {__version__}\n".encode()


@pytest.mark.parametrize("name", [*protocols.PROTOCOLS])
def test_the_help_of_a_protocol_leads_to_the_setup_of_its_tools(
    scratch_world: World, name: str
) -> None:
    if name in ("get", "token"):
        pytest.skip("these are commands for people as well, with a help of their own")
    shown = " ".join(scratch_world.run(name, "--help").stdout.decode().split())
    tools = re.findall(r"credhelper setup ([a-z]+)", shown)
    if name == "json":
        assert "nothing to configure" in shown
    else:
        assert tools
    assert set(tools) <= set(setup.TOOLS)


@pytest.mark.parametrize(("words", "near"), MISTYPED, ids=str)
def test_a_mistyped_word_gets_the_nearest_as_an_answer(
    scratch_world: World, words: tuple[str, ...], near: str
) -> None:
    outcome = scratch_world.run(*words)
    assert outcome.status in (2, 3)
    assert f"did you mean '{near}'?" in outcome.told
    assert outcome.told.count("\n") == 2


def test_a_mistyped_profile_is_not_made_by_the_hint(scratch_world: World) -> None:
    outcome = scratch_world.run("get", "--profile", "mian")
    assert "known profiles" not in outcome.told
    assert outcome.told.endswith("credhelper: hint: credhelper profile list\n")


@pytest.mark.parametrize(
    "words", [("zzzzzz",), ("setup", "zzzzzz"), ("get", "--profile", "zzzzzz")]
)
def test_a_word_that_is_near_to_nothing_gets_no_guess(
    scratch_world: World, words: tuple[str, ...]
) -> None:
    outcome = scratch_world.run(*words)
    assert outcome.status in (2, 3)
    assert "did you mean" not in outcome.told


def test_a_mistyped_key_of_the_config_gets_the_nearest(scratch_world: World) -> None:
    text = scratch_world.config.read_text()
    scratch_world.config.write_text(text.replace("services", "servics"))
    outcome = scratch_world.run("get")
    assert outcome.status == 6
    assert "did you mean 'services'?" in outcome.told
