"""`credhelper get` under click: the same answers as the machine form, byte for byte."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Person


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--format", "json"],
        ["--format", "header"],
        ["--format", "curl"],
        ["--format", "env"],
        ["https://git.example"],
        ["--service", "https://git.example", "--format", "netrc"],
        ["-p", "default", "--min-ttl", "60"],
        ["--min-ttl", "999999"],
        ["--min-ttl", "\uff11"],
        ["--format", "netrc"],
        ["https://evil.example"],
        ["https://user:pw@git.example"],
        ["-p", "gone"],
        ["https://git.example", "--service", "https://git.example"],
    ],
)
def test_it_answers_as_the_machine_form_does(person: Person, words: list[str]) -> None:
    person.logs_in("--service", "https://git.example")
    machine = person.world.run("get", *words)
    human = person.types("get", *words)
    assert (human.status, human.stdout, human.stderr) == (
        machine.status,
        machine.stdout,
        machine.stderr,
    )
