"""The states that `status` tells: each is true of the next get, and names what helps."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Person
from tests.support.programs import command

ESCAPE = "\x1b["


def entries(person: Person, environ: dict[str, str | None]) -> dict[str, dict[str, Any]]:
    outcome = person.types("status", "--json", environ=environ)
    assert outcome.status == 0, outcome
    return {one["profile"]: one for one in json.loads(outcome.stdout)["profiles"]}


def state(person: Person, **environ: str | None) -> tuple[str, str | None]:
    one = entries(person, environ)["default"]
    return one["state"], one["fix"]


def helps(person: Person, fix: str | None, stdin: str = "", **environ: str | None) -> None:
    """Assert that a fix, typed as it stands, makes the next get work."""
    assert fix
    outcome = person.types(*shlex.split(fix)[1:], stdin=stdin, environ=environ)
    assert outcome.status == 0, outcome
    assert person.world.run("get", environ=environ).status == 0
    assert state(person, **environ)[0] == "fresh"


def test_a_token_is_fresh_then_stale_then_expired(person: Person) -> None:
    person.logs_in()
    person.token()
    assert state(person) == ("fresh", None)
    person.world.age(86400 - 45)
    assert state(person) == ("stale", None)
    person.world.age(60)
    told, fix = state(person)
    assert (told, fix) == ("expired", "credhelper get --profile default")
    helps(person, fix)


def test_without_a_token_the_next_get_makes_one(person: Person) -> None:
    person.types("profile", "add", "default", "--url", person.api.url, "--grant-env", "KEY")
    key = {"KEY": person.api.api_key}
    told, fix = state(person, **key)
    assert (told, fix) == ("none", "credhelper get --profile default")
    helps(person, fix, **key)


def test_a_token_with_less_life_than_the_profile_insists_on_is_expired(person: Person) -> None:
    person.logs_in("--min-ttl", "2h")
    person.token()
    person.world.age(86400 - 3600)
    assert state(person)[0] == "expired"


def test_a_key_that_is_not_in_its_variable_is_missing(person: Person) -> None:
    person.types("profile", "add", "default", "--url", person.api.url, "--grant-env", "MY_KEY")
    for empty in (None, "", " "):
        told, fix = state(person, MY_KEY=empty)
        assert (told, fix) == ("key-missing", "export MY_KEY=KEY")
        assert person.world.run("get", environ={"MY_KEY": empty}).status != 0
    assert state(person, MY_KEY=person.api.api_key)[0] == "none"


@pytest.mark.parametrize("how", ["gone", "empty"])
def test_a_key_that_is_not_in_its_file_is_missing_and_a_login_brings_it(
    person: Person, how: str
) -> None:
    person.logs_in()
    (key,) = (person.world.state / "grants").glob("*.key")
    person.world.age(25 * 3600)
    if how == "gone":
        key.unlink()
    else:
        key.write_text("")
    told, fix = state(person)
    assert (told, fix) == ("key-missing", "credhelper login --profile default")
    assert person.world.run("get").status != 0
    helps(person, fix, stdin=person.api.api_key)


@pytest.mark.parametrize("how", ["never", "logged out", "ended"])
def test_a_session_that_is_not_there_needs_a_login(person: Person, how: str) -> None:
    if how == "never":
        words = ("--url", person.api.url, "--auth", "session", "--user", person.api.username)
        person.types("profile", "add", "default", *words)
    else:
        person.logs_in("--user", person.api.username, stdin=person.api.password)
        if how == "logged out":
            person.types("logout")
        else:
            person.world.age(25 * 3600)
            kept = (person.world.state / "sessions").iterdir()
            (session,) = (path for path in kept if "." not in path.name)
            person.api.revoke_all()
            person.world.rewrite(session, expires=str(int(time.time()) - 5))
    told, fix = state(person)
    assert (told, fix) == ("login-needed", "credhelper login --profile default")
    assert person.world.run("get").status == 4
    helps(person, fix, stdin=person.api.password)


def test_a_session_that_lives_makes_the_next_token(person: Person) -> None:
    person.logs_in("--user", person.api.username, stdin=person.api.password)
    for path in person.world.records():
        path.unlink()
    told, fix = state(person)
    assert told == "none"
    helps(person, fix)


@pytest.mark.parametrize("option", ["--grant-command", "--keyring"])
def test_a_program_that_has_the_key_is_not_asked(person: Person, option: str) -> None:
    asked = person.world.root / "asked"
    script = person.world.root / "key"
    script.write_text(f"#!/bin/sh\ntouch {asked}\ncat {person.world.root}/kept\n")
    script.chmod(0o700)
    person.world.secret_file("kept", person.api.api_key)
    person.types("profile", "add", "default", "--url", person.api.url, option, str(script))
    told, fix = state(person)
    assert (told, fix) == ("unknown", "credhelper get --profile default")
    assert not asked.exists()
    if option == "--grant-command":
        helps(person, fix)


def test_the_exit_status_tells_whether_a_person_is_needed(person: Person) -> None:
    assert person.types("status").status == 0
    assert person.types("status", "--exit-status").status == 4
    assert person.types("status", "--exit-status", "--json").status == 4
    person.logs_in("-p", "good")
    words = ("--url", person.api.url, "--grant-env", "NOT_SET")
    person.types("profile", "add", "bad", *words)
    assert person.types("status").status == 0
    assert person.types("status", "--exit-status").status == 4
    assert person.types("status", "--exit-status", "-p", "good").status == 0
    person.world.age(25 * 3600)
    assert person.types("status", "--exit-status", "-p", "good").status == 0


# --- the table ------------------------------------------------------------------------------------


def three(person: Person) -> None:
    person.logs_in("-p", "work", "--cid", "project-alpha")
    words = ("--url", person.api.url, "--grant-env", "NOT_SET")
    person.types("profile", "add", "a-name-that-is-rather-long-but-allowed", *words)
    person.types("profile", "add", "ci", *words)


@pytest.mark.parametrize("columns", [40, 41, 50, 60, 80, 120])
def test_the_table_fits_and_breaks_no_word(person: Person, columns: int) -> None:
    three(person)
    shown = person.types("status", environ={"COLUMNS": str(columns)}).stdout.decode()
    table, _, fixes = shown.partition("\n\n")
    assert max(map(len, table.splitlines())) <= columns
    for word in ("work*", "a-name-that-is-rather-long-but-allowed", "ci", "24 h", "fresh"):
        assert word in table
    assert table.count("key-missing") == 2
    assert ("project-alpha" in table) is (columns >= 120)
    assert max(map(len, fixes.splitlines())) <= columns
    assert fixes.splitlines().count("  export NOT_SET=KEY") == 2
    assert " ".join(fixes.split()).endswith(
        "ci: environment variable NOT_SET, the grant of profile ci, is not set export NOT_SET=KEY"
    )


@pytest.mark.parametrize("columns", [40, 50, 80])
def test_details_fit_and_break_no_word(person: Person, columns: int) -> None:
    person.logs_in("--scopes", "A,B", "--aws", "folder=fol.1", "--service", "https://git.example")
    (key,) = (person.world.state / "grants").glob("*.key")
    on = {"COLUMNS": str(columns)}
    shown = person.types("status", environ=on).stdout.decode()
    wide = person.types("status").stdout.decode()
    key.unlink()
    person.world.age(25 * 3600)
    shown += person.types("status", environ=on).stdout.decode()
    wide += person.types("status").stdout.decode()
    assert shown.split() == wide.split()
    assert "\n    " in shown
    for line in shown.splitlines():
        assert len(line) <= columns or len(line.split()) == 1 or "  credhelper login" in line, line
    assert "credhelper login --profile default\n" in shown
    assert max(map(len, wide.splitlines())) > 80  # a pipe gets a line a row


def test_a_command_that_helps_stands_on_one_line(person: Person) -> None:
    key = person.world.root / ("k" * 60)
    words = ("--url", person.api.url, "--grant-file", str(key))
    person.types("profile", "add", "one", *words)
    person.types("profile", "add", "two", *words)
    for more in ((), ("-p", "one")):
        shown = person.types("status", *more, environ={"COLUMNS": "40"}).stdout.decode()
        assert f"  install -D -m 600 /dev/stdin {key}\n" in shown


def test_wide_characters_shift_no_column(person: Person) -> None:
    for name, user in (("one", "\u5c71\u7530\u592a\u90ce"), ("two", "e\u0301va"), ("three", "me")):
        words = ("--url", person.api.url, "--auth", "session", "--user", user)
        person.types("profile", "add", name, *words)
    shown = person.types("status", environ={"COLUMNS": "80"}).stdout.decode()
    lines = shown.partition("\n\n")[0].splitlines()
    found = ("state", *["login-needed"] * 3)
    head, one, two, three = (line.index(word) for line, word in zip(lines, found, strict=True))
    assert one + 4 == two - 1 == three == head


def test_a_line_a_profile_and_details_on_demand(person: Person) -> None:
    three(person)
    wide = {"COLUMNS": "120"}
    lines = person.types("status", environ=wide).stdout.decode().splitlines()
    assert re.fullmatch(r"profile +who +project +left +state", lines[0])
    assert re.fullmatch(r"work\* +sandbox@example\.com +project-alpha +24 h +fresh", lines[1])
    for words in (("-v",), ("-p", "work")):
        shown = person.types("status", *words).stdout.decode()
        assert "fingerprint" in shown
        assert "state     fresh" in shown
    assert person.types("status", "-v").stdout.decode().count("services") == 3


def test_times_are_local_and_say_so(person: Person) -> None:
    person.logs_in()
    shown = person.world.run("status", environ={"TZ": "Asia/Kolkata"}).stdout.decode()
    assert re.search(r"until 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d \+05:30\n", shown)


def on_a_terminal(person: Person, **environ: str | None) -> str:
    """Return what a terminal gets of `status`."""
    ours, theirs = pty.openpty()
    where = person.world.environment({"TERM": "xterm", "COLUMNS": "80", **environ})
    with subprocess.Popen([*command(), "status"], env=where, stdin=theirs, stdout=theirs) as shown:
        os.close(theirs)
        data = b""
        try:
            while chunk := os.read(ours, 65536):
                data += chunk
        except OSError:
            pass  # Linux's way to say that nobody writes any more
        os.close(ours)
        assert shown.wait(60) == 0
    return data.decode()


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({"CLICOLOR_FORCE": "1", "TERM": "dumb"}, True),
        ({"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_a_terminal_gets_colours_and_bars_unless_it_says_otherwise(
    person: Person, environ: dict[str, str | None], coloured: bool
) -> None:
    person.logs_in()
    details = on_a_terminal(person, **environ)
    assert ("[####" in details) is coloured
    assert (f"{ESCAPE}32mfresh" in details) is coloured
    person.types("profile", "add", "ci", "--url", person.api.url, "--grant-env", "NOT_SET")
    table = on_a_terminal(person, **environ)
    assert (f"{ESCAPE}32mfresh" in table) is coloured
    assert (f"{ESCAPE}31mkey-missing" in table) is coloured
    assert (ESCAPE in table) is coloured


def test_a_pipe_gets_plain_text(person: Person) -> None:
    three(person)
    for words in ((), ("-v",)):
        shown = person.world.run("status", *words).stdout
        assert b"\x1b" not in shown
        assert b"[#" not in shown


def test_what_a_name_holds_cannot_move_the_cursor(person: Person, tmp_path: Path) -> None:
    words = ("--url", person.api.url, "--grant-env", "A", "--user", "x\u202ey")
    person.types("profile", "add", "one", *words)
    person.types("profile", "add", "two", *words)
    shown = person.types("status", environ={"COLUMNS": "120"}).stdout.decode()
    assert "\u202e" not in shown
