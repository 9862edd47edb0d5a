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


@pytest.mark.parametrize("noted", ["missing", None, "main"])
def test_a_journal_of_before_is_undone(person: Person, noted: str | None) -> None:
    before = config(person).read_bytes()
    set_up(person, *GIT, "--add-service")
    path = Path(person.world.environ["CREDHELPER_STATE_DIR"], "setup.json")
    journal = json.loads(path.read_text())
    for one in journal["setups"]:
        one["added"] = noted
        if noted == "missing":
            del one["added"]
    path.write_text(json.dumps(journal))
    set_up(person, "setup", "git", "--undo")
    assert (config(person).read_bytes() == before) == (noted == "main")
    assert not gitconfig(person).exists()


@pytest.mark.parametrize("first", ["git", "uv"])
def test_a_service_stays_as_long_as_another_setup_lives_on_it(person: Person, first: str) -> None:
    before = config(person).read_bytes()
    set_up(person, *GIT, "--add-service")
    set_up(person, "setup", "uv", "--service", f"{NEW}/simple")
    last = "uv" if first == "git" else "git"
    outcome = person.types("setup", first, "--undo")
    assert "no longer serves" not in outcome.told + outcome.stdout.decode()
    assert NEW in person.config()
    if last == "uv":
        set_up(person, "get", "--service", f"{NEW}/simple")
    outcome = person.types("setup", last, "--undo")
    assert f"main no longer serves {NEW}" in outcome.stdout.decode()
    assert config(person).read_bytes() == before


@pytest.mark.parametrize("profile", ["main", "alpha"])
def test_a_setup_with_a_service_of_its_own_does_not_live_on_the_added_one(
    person: Person, profile: str
) -> None:
    set_up(person, *GIT, "--add-service")
    set_up(person, "profile", "service", "add", profile, f"{NEW}/simple")
    set_up(person, "setup", "uv", "--service", f"{NEW}/simple", "--profile", profile)
    outcome = person.types("setup", "git", "--undo")
    assert f"main no longer serves {NEW}\n" in outcome.stdout.decode()
    assert f'{NEW}/simple"' in person.config()
    assert f'{NEW}"' not in person.config()
    set_up(person, "get", "--service", f"{NEW}/simple")


STYLES = {
    "one line": '["https://git.example"]',
    "lines": '[\n    "https://git.example",  # git\n    "https://registry.example"\n]',
    "none": "[]",
}


def _write_main(person: Person, services: str) -> None:
    text = f"""
[profiles.main]
url = "{person.api.url}"
grant = {{ env = "CREDHELPER_API_KEY" }}
services = {services}
"""
    config(person).write_text(text)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    ("old", "new"),
    [('"NEW"', '"NEW" '), ('"NEW"', "'NEW'"), ('"NEW"', '"NEW" # for Ada\n')],
    ids=["a blank", "other quotes", "a comment"],
)
def test_a_line_that_the_user_changed_stays(person: Person, style: str, old: str, new: str) -> None:
    _write_main(person, STYLES[style])
    set_up(person, *GIT, "--add-service")
    old, new = old.replace("NEW", NEW), new.replace("NEW", NEW)
    assert old in person.config()
    if "#" in new and f"{old}," in person.config():
        old, new = f"{old},", f"{old},{new[len(old) :]}"
    config(person).write_text(person.config().replace(old, new))
    changed = config(person).read_bytes()
    outcome = person.types("setup", "git", "--undo")
    assert outcome.status == 0
    assert f"warning: {NEW} stays in profile main: its line was changed" in outcome.told
    assert config(person).read_bytes() == changed
    assert not gitconfig(person).exists()
    set_up(person, "profile", "service", "remove", "main", NEW)
    assert NEW not in person.config()


@pytest.mark.parametrize("style", STYLES)
def test_other_services_on_the_line_may_come_and_go(person: Person, style: str) -> None:
    _write_main(person, STYLES[style])
    set_up(person, *GIT, "--add-service")
    set_up(person, "profile", "service", "add", "main", "https://later.example")
    if style != "none":
        set_up(person, "profile", "service", "remove", "main", "https://git.example")
    outcome = person.types("setup", "git", "--undo")
    assert f"main no longer serves {NEW}" in outcome.stdout.decode()
    assert NEW not in person.config()
    assert "later.example" in person.config()


@pytest.mark.parametrize("to", ["uv", "docker"])
def test_a_dry_run_says_that_the_config_would_change(person: Person, to: str) -> None:
    before = config(person).read_bytes()
    words = ("setup", to, "--service", NEW, "--add-service")
    outcome = person.types(*words, "--dry-run")
    assert outcome.status == 0
    told = f"{config(person)} would change: main would serve {NEW}\n"
    assert told in outcome.stdout.decode()
    assert config(person).read_bytes() == before
    set_up(person, *words)
    assert NEW in person.config()
    assert "would serve" not in person.types(*words, "--dry-run").stdout.decode()
