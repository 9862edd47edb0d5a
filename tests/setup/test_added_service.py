"""A service that `setup --add-service` added to a profile is taken back with the setup."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Person
from tests.setup.conftest import gitconfig

NEW = "https://new.example"
GIT = ("setup", "git", "--service", NEW)


def config(person: Person) -> Path:
    return Path(person.world.environ["CREDHELPER_CONFIG"])


def set_up(person: Person, *words: str) -> None:
    outcome = person.types(*words)
    assert outcome.status == 0, outcome.told


@pytest.mark.parametrize("comment", ["", "# first\n", "\n\n# by hand, with care\n\n"])
def test_undoing_leaves_the_config_as_it_was(person: Person, comment: str) -> None:
    config(person).write_text(comment + person.config() + comment)
    before = config(person).read_bytes()
    set_up(person, *GIT, "--add-service")
    assert NEW in person.config()
    outcome = person.types("setup", "git", "--undo")
    assert outcome.status == 0
    assert f"main no longer serves {NEW}" in outcome.stdout.decode()
    assert config(person).read_bytes() == before
    assert not gitconfig(person).exists()


def test_a_service_that_was_there_before_stays(person: Person) -> None:
    set_up(person, "profile", "service", "add", "main", NEW)
    before = config(person).read_bytes()
    set_up(person, *GIT, "--add-service")
    set_up(person, "setup", "git", "--undo")
    assert config(person).read_bytes() == before


def test_setting_up_again_forgets_nothing(person: Person) -> None:
    before = config(person).read_bytes()
    set_up(person, *GIT, "--add-service")
    set_up(person, *GIT)
    set_up(person, *GIT, "--profile", "main")
    set_up(person, "setup", "git", "--undo")
    assert config(person).read_bytes() == before


@pytest.mark.parametrize("first", ["git", "docker"])
def test_the_last_setup_for_a_service_takes_it_back(person: Person, first: str) -> None:
    before = config(person).read_bytes()
    set_up(person, *GIT, "--add-service")
    set_up(person, "setup", "docker", "--service", "new.example")
    set_up(person, "setup", first, "--undo")
    assert NEW in person.config()
    set_up(person, "setup", "docker" if first == "git" else "git", "--undo")
    assert config(person).read_bytes() == before


@pytest.mark.parametrize("theirs", ["new.example", "https://NEW.example/"])
def test_an_entry_that_the_user_changed_stays(person: Person, theirs: str) -> None:
    set_up(person, *GIT, "--add-service")
    config(person).write_text(person.config().replace(NEW, theirs))
    set_up(person, "setup", "git", "--undo")
    assert theirs in person.config()


def test_a_profile_that_was_removed_stays_away(person: Person) -> None:
    set_up(person, *GIT, "--add-service")
    set_up(person, "profile", "remove", "main", "--yes")
    before = config(person).read_bytes()
    set_up(person, "setup", "git", "--undo")
    assert config(person).read_bytes() == before


def test_a_broken_config_does_not_keep_a_tool_from_being_undone(person: Person) -> None:
    set_up(person, *GIT, "--add-service")
    config(person).write_text(person.config() + "\nnonsense = \n")
    outcome = person.types("setup", "git", "--undo")
    assert outcome.status == 0
    assert f"warning: {NEW} stays in profile main: " in outcome.told
    assert not gitconfig(person).exists()


def test_a_journal_of_before_is_undone(person: Person) -> None:
    set_up(person, *GIT, "--add-service")
    path = Path(person.world.environ["CREDHELPER_STATE_DIR"], "setup.json")
    journal = json.loads(path.read_text())
    for one in journal["setups"]:
        del one["added"]
    path.write_text(json.dumps(journal))
    set_up(person, "setup", "git", "--undo")
    assert NEW in person.config()
    assert not gitconfig(person).exists()
