"""What commands say to a person at a terminal alone: what they did, and how to go on."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Person
from tests.cli.hints import paste
from tests.cli.terminals import on_a_terminal
from tests.cli.test_waiting import on_screen
from tests.support.programs import command
from tests.support.worlds import TIMEOUT

GIT = "https://git.example"
FILES = "https://files.example"
MOMENT = r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d\d:\d\d"


@pytest.fixture
def served(person: Person) -> Person:
    """Give this test somebody with a token and two services, of two profiles."""
    person.world.configure(
        person.api.url,
        person.api.api_key,
        main={"services": [GIT], "aws": {"folder": "fol.alpha"}},
        other={"services": [FILES, GIT]},
    )
    person.world.prepare()
    return person


@pytest.mark.parametrize(
    "more",
    [
        (),
        ("--profile", "other"),
        ("--format", "dotenv"),
        ("--service", GIT, "--format", "netrc"),
        ("--format", "aws-credentials"),
    ],
    ids=" ".join,
)
def test_write_says_what_it_wrote_and_how_to_keep_it_fresh(
    served: Person, tmp_path: Path, more: tuple[str, ...]
) -> None:
    path = tmp_path / "the token $HOME"
    environ = {"CREDHELPER_PROFILE": "main"}
    status, out, told = on_screen(served, "write", "--to", str(path), *more, **environ)
    assert (status, out) == (0, ""), told
    what = "AWS keys" if "aws-credentials" in more else "token"
    owner = "other" if "other" in more else "main"
    first, second = told.splitlines()
    assert re.fullmatch(
        rf"wrote the {what} of profile {owner} to {re.escape(str(path))}:"
        rf" good for \d+ (days|h|min), until {MOMENT}",
        first,
    )
    then = second.partition("to keep it fresh: ")[2]
    assert shlex.split(then) == ["credhelper", "watch", "--to", str(path), *_sorted(more)]


def _sorted(more: tuple[str, ...]) -> list[str]:
    pairs = dict(zip(more[::2], more[1::2], strict=True))
    found: list[str] = []
    for option in ("--format", "--profile", "--service"):
        found += [option, pairs[option]] if option in pairs else []
    return found


def test_watch_says_when_it_renews_and_how_it_ends(served: Person, tmp_path: Path) -> None:
    path = tmp_path / "token"
    program = shlex.join([*command(), "watch", "--to", str(path)])
    told = on_screen(served, shell=f"timeout -s INT 2 {program}", CREDHELPER_PROFILE="main")[2]
    first, second, third = told.splitlines()[:3]
    assert first.startswith(f"wrote the token of profile main to {path}: good for ")
    assert re.fullmatch(
        rf"the next one comes at {MOMENT}, or earlier if this one is replaced", second
    )
    assert third == "Ctrl-C ends this, and the file stays"
    due, ends = (re.findall(MOMENT, line)[0] for line in (second, first))
    assert due < ends
    assert path.exists()


@pytest.mark.parametrize("more", [("-q",), ()])
def test_who_is_quiet_or_no_person_is_told_nothing(
    served: Person, tmp_path: Path, more: tuple[str, ...]
) -> None:
    words = ("write", "--to", str(tmp_path / "token"), "--profile", "main", *more)
    if more:
        assert on_screen(served, *words)[1:] == ("", "")
    else:
        outcome = served.world.run(*words)
        assert (outcome.status, outcome.stdout, outcome.told) == (0, b"", "")


@pytest.fixture
def told(person: Person) -> Iterator[str]:
    """Give this test what a sandbox says on a terminal, as long as it runs."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*command(), "sandbox"], stdout=theirs, stderr=theirs, env=person.world.environ
    )
    os.close(theirs)
    found = ""
    try:
        while "one line of JSON" not in found:
            assert select.select([ours], [], [], TIMEOUT)[0], found
            found += os.read(ours, 65536).decode()
        yield found.replace("\r", "")
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)


@pytest.mark.parametrize("more", ["", "--api ica", "--user"])
def test_the_sandbox_says_in_words_how_to_use_it(person: Person, told: str, more: str) -> None:
    assert "{" not in told
    key, name, password = re.findall(r"^  (?:API key|user name|password) +(.*)$", told, re.M)
    login, get, remove = re.findall(r"^  (credhelper .*)$", told, re.M)
    typed = password if more == "--user" else key
    login += f" {more} {name}" if more == "--user" else f" {more}"
    done = paste(person.world, login, get, typed, {}, person.world.root)
    assert done.status == 0, done
    assert done.stdout.splitlines()[-1].startswith(b"ey")
    if "ica" in more:
        remove += " || test $? -eq 5"  # v2 cannot revoke, and that is said
    done = paste(person.world, remove, "credhelper status", "", {}, person.world.root)
    assert b"no profile is configured" in done.stdout


@pytest.mark.parametrize(
    ("words", "typed", "service"),
    [
        ((), "", GIT),
        ((), FILES, FILES),
        (("--profile", "other"), "", FILES),
        (("--dry-run",), "", GIT),
        (("--print",), "", GIT),
    ],
    ids=repr,
)
def test_setup_asks_for_which_service_and_offers_those_in_the_config(
    served: Person, words: tuple[str, ...], typed: str, service: str
) -> None:
    environ = {**served.world.environ, "CREDHELPER_PROFILE": "main"}
    served.world.environ.update(environ)
    status, told = on_a_terminal(served, "setup", "docker", *words, types={"Which service": typed})
    if "other" in words:
        assert f"Services: {FILES}, https://git.example\n" in told
    assert f"Which service [{FILES if 'other' in words else GIT}]: " in told
    assert (status, service.partition("://")[2] in told) == (0, True), told


def test_setup_asks_nobody_where_there_is_no_terminal_or_nothing_to_offer(
    served: Person, tmp_path: Path
) -> None:
    outcome = served.types("setup", "docker")
    assert outcome.status == 2
    assert "which service? add --service URL" in outcome.told
    served.world.configure(served.api.url, served.api.api_key, main={"services": []})
    status, told = on_a_terminal(served, "setup", "docker", types={})
    assert status == 2
    assert "which service? add --service URL" in told
