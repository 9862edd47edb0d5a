"""The first screen: what `--help` shows, how commands are found, and what a mistyped word gets."""

from __future__ import annotations

import re

import pytest

from credhelper import __version__, protocols, setup
from credhelper.cli.main import commands as group
from tests.cli.conftest import Person
from tests.cli.hints import commands, hints
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
    for name in set(group.commands) - set(protocols.PROTOCOLS) - {"version"}:
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
    ("words", "near"),
    [
        (("auth",), "login"),
        (("signin",), "login"),
        (("ls",), "status"),
        (("help", "auth"), "login"),
        (("profile", "unset"), "set"),
        (("profile", "rm"), "remove"),
        (("profile", "delete"), "remove"),
        (("profile", "create"), "add"),
        (("profile", "ls"), "list"),
        (("profile", "default"), "use"),
        (("profile", "service", "delete"), "remove"),
        (("token", "auth"), ""),
    ],
    ids=str,
)
def test_what_other_programs_call_a_command_gets_ours_as_an_answer(
    person: Person, words: tuple[str, ...], near: str
) -> None:
    outcome = person.types(*words)
    assert outcome.status == 2
    assert (f"; did you mean '{near}'?\n" in outcome.told) is bool(near)
    assert ("did you mean" in outcome.told) is bool(near)


_SECRET = "Zk3xQ9vR2mT7wB5nL8pC"  # one that nobody has


@pytest.mark.parametrize("service", [f"{_SECRET} {_SECRET}", f"{_SECRET}!", _SECRET * 4])
def test_a_word_that_is_no_service_and_may_be_a_secret_is_not_repeated(
    scratch_world: World, service: str
) -> None:
    scratch_world.canaries += [_SECRET, _SECRET.lower()]
    for words in (("get", service), ("setup", "git", "--service", service)):
        assert scratch_world.run(*words).status == 2


@pytest.mark.parametrize("secret", [f"{_SECRET}1", f"eyJ{_SECRET}.{_SECRET}.{_SECRET}"])
@pytest.mark.parametrize(
    "words",
    [
        ("{}",),
        ("help", "{}"),
        ("setup", "{}"),
        ("profile", "{}"),
        ("profile", "use", "{}"),
        ("profile", "set", "{}", "--domain", "x"),
        ("profile", "set", "main", "--unset", "{}"),
        ("profile", "service", "add", "{}", "https://a.example"),
        ("profile", "add", "new", "--like", "{}"),
        ("profile", "add", "new", "--api", "{}"),
        ("status", "--profile", "{}"),
        ("login", "--profile", "{}", "--project", "x", "--reuse"),
        ("login", "{}"),
        ("completion", "{}"),
        ("get", "{}"),
        ("get", "--profile", "{}"),
        ("token", "{}"),
        ("logout", "{}"),
        ("env", "{}"),
        ("write", "{}"),
    ],
    ids=str,
)
def test_a_word_that_may_be_a_secret_is_not_repeated(
    scratch_world: World, words: tuple[str, ...], secret: str
) -> None:
    scratch_world.canaries += [secret, secret.lower()]
    outcome = scratch_world.run(*(word.format(secret) for word in words))
    assert outcome.status in (2, 3), outcome


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("get", "--profile", "mian"), "credhelper profile list"),
        (("status", "--profile", "mian"), "credhelper profile list"),
        (("profile", "set", "my profile", "--domain", "x"), "credhelper profile list"),
        (("get", "mian"), "credhelper get --profile main"),
        (("token", "detials"), "credhelper token --help"),
    ],
    ids=str,
)
def test_a_typing_mistake_is_made_into_no_profile_and_no_service(
    scratch_world: World, words: tuple[str, ...], hint: str
) -> None:
    outcome = scratch_world.run(*words)
    assert outcome.status == 3, outcome
    assert commands(outcome.told) == [hint]
    assert scratch_world.run(*hint.split()[1:]).status == 0


def test_a_word_that_is_near_to_nothing_is_made_into_no_service(scratch_world: World) -> None:
    outcome = scratch_world.run("get", "zzzzzz")
    assert outcome.status == 3
    assert hints(outcome.told) == ["write a host as https://HOST, and a profile as --profile NAME"]
    assert commands(scratch_world.run("get", "b.example").told)[0].startswith("credhelper profile")
    scratch_world.config.unlink()
    outcome = scratch_world.run("get", "zzzzzz")
    assert hints(outcome.told) == ["credhelper login"]


def test_a_terminals_profile_with_a_typing_mistake_leads_to_the_one_meant(
    scratch_world: World,
) -> None:
    outcome = scratch_world.run("get", environ={"CREDHELPER_PROFILE": "mian"})
    assert commands(outcome.told) == ["export CREDHELPER_PROFILE=main"]


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
