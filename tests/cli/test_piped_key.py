"""A key that is piped into `login`: it is read, or the person is told that it was not."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.cli.conftest import Person
from tests.cli.hints import hints
from tests.cli.test_keep_key import keyring_of, logs_in
from tests.support.programs import command

WRONG = "not-the-key"
NOT_READ = "stdin was not read: the API key of profile default comes from"


def test_a_key_in_the_keyring_is_replaced_by_the_next_login(person: Person) -> None:
    status, told, kept = logs_in(person, "kept_backend.Kept")
    assert status == 0, told
    kept.write_text(kept.read_text().replace(person.api.api_key, "the-old-key"))
    key = person.api.api_key.encode()
    outcome = person.world.run("login", stdin=key, environ=keyring_of(person))
    assert outcome.status == 0, outcome.told
    assert person.api.api_key in kept.read_text()
    assert 'keyring = ["credhelper", "default"]' in person.config()
    assert person.world.run("get", environ=keyring_of(person)).status == 0


def test_a_wrong_key_does_not_replace_the_one_in_the_keyring(person: Person) -> None:
    status, told, kept = logs_in(person, "kept_backend.Kept")
    assert status == 0, told
    outcome = person.world.run("login", stdin=WRONG.encode(), environ=keyring_of(person))
    assert outcome.status == 5, outcome
    assert person.api.api_key in kept.read_text()
    assert WRONG not in kept.read_text()


def test_a_login_after_a_logout_puts_a_key_into_the_keyring_again(person: Person) -> None:
    status, told, kept = logs_in(person, "kept_backend.Kept")
    assert status == 0, told
    environ = keyring_of(person)
    assert person.world.run("logout", environ=environ).status == 0
    outcome = person.world.run("login", stdin=person.api.api_key.encode(), environ=environ)
    assert outcome.status == 0, outcome.told
    assert person.api.api_key in kept.read_text()


def test_the_key_in_the_keyring_is_used_for_another_project(person: Person) -> None:
    status, told, kept = logs_in(person, "kept_backend.Kept")
    assert status == 0, told
    environ = keyring_of(person)
    before = kept.read_text()
    nobody = person.world.run("login", "--project", "Alpha", environ=environ)
    assert nobody.status == 4
    assert hints(nobody.told) == [
        "use the API key that it has: credhelper login --project Alpha --reuse"
    ]
    outcome = person.world.run("login", "--project", "Alpha", "--reuse", environ=environ)
    assert outcome.status == 0, outcome.told
    assert kept.read_text() == before


@pytest.mark.parametrize("how", ["file", "env", "command"])
def test_a_key_that_is_piped_in_beside_another_one_is_told_to_be_unread(
    person: Person, how: str
) -> None:
    path = person.world.secret_file("it", person.api.api_key)
    grants = {"file": str(path), "env": "MY_KEY", "command": f"cat {path}"}
    environ = {"MY_KEY": person.api.api_key}
    words = ("--url", person.api.url, f"--grant-{how}", grants[how])
    given = person.types("login", *words, stdin=WRONG, environ=environ)
    assert (given.status, given.told) == (0, "")  # the grant was named in this very call
    outcome = person.types("login", stdin=WRONG, environ=environ)
    assert outcome.status == 0, outcome
    assert f"credhelper: warning: {NOT_READ} the" in outcome.told
    assert hints(outcome.told) == [
        "to save a key that you pipe in: credhelper login --profile default --keep-key file"
    ]
    assert WRONG not in outcome.told
    fix = hints(outcome.told)[0].partition(": ")[2].split()[1:]
    assert person.types(*fix, stdin=person.api.api_key, environ=environ).status == 0
    assert person.types("login", stdin=person.api.api_key, environ=environ).told == ""


@pytest.mark.parametrize("stdin", ["empty", "null", "open"])
def test_stdin_that_holds_nothing_is_not_waited_for(person: Person, stdin: str) -> None:
    path = person.world.secret_file("it", person.api.api_key)
    words = ("--url", person.api.url, "--grant-file", str(path))
    assert person.types("profile", "add", "default", *words).status == 0
    ours, theirs = os.pipe()
    if stdin == "null":
        os.close(ours)
        ours = os.open(os.devnull, os.O_RDONLY)
    if stdin == "empty":
        os.close(theirs)
    done = subprocess.run(
        [*command(), "login"],
        stdin=ours,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=person.world.environ,
        timeout=60,
        check=False,
    )
    os.close(ours)
    if stdin != "empty":
        os.close(theirs)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_password_that_is_piped_in_beside_another_one_is_told_to_be_unread(
    person: Person,
) -> None:
    path = person.world.secret_file("it", person.api.password)
    words = ("--auth", "password", "--user", person.api.username, "--grant-file", str(path))
    person.types("profile", "add", "default", "--url", person.api.url, *words)
    outcome = person.types("login", stdin=WRONG)
    assert outcome.status == 0, outcome
    assert "stdin was not read: the password of profile default comes from the file" in outcome.told
