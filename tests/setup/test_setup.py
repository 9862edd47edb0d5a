"""`credhelper setup`: the command line, questions and profiles."""

from __future__ import annotations

import pytest

from credhelper import setup
from tests.cli.conftest import Person
from tests.cli.terminals import on_a_terminal
from tests.setup.cases import CANARY, CASES, LINKS
from tests.setup.conftest import GIT, gitconfig
from tests.support.worlds import snapshot


def test_without_a_tool_tools_and_setups_are_listed(person: Person) -> None:
    listed = person.types("setup").stdout.decode()
    assert all(f"{name} " in listed for name in setup.TOOLS)
    assert "set up on this machine" not in listed
    assert person.types(*GIT).status == 0
    listed = person.types("setup").stdout.decode()
    assert listed.index("set up on this machine") < listed.index("https://git.example")


@pytest.mark.parametrize(
    "words",
    [
        ["setup", "git"],
        ["setup", "git", "--print"],
        ["setup", "nonsense", "--service", "https://git.example"],
        ["setup", "--service", "https://git.example"],
        [*GIT, "--undo", "--check"],
        [*GIT, "--name", "two\nlines"],
        [*GIT, "--name", "[x]"],
        [*GIT, "--profile", "$(id)", "--print"],
        ["setup", "git", "--service", "https://me:pw@git.example"],
        ["setup", "git", "--service", "http://git.example"],
        ["setup", "docker", "--service", "https://registry.example/path", "--print"],
    ],
)
def test_what_makes_no_sense_is_refused(person: Person, words: list[str]) -> None:
    before = snapshot(person.world.home)
    outcome = person.types(*words)
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert snapshot(person.world.home) == before


def test_a_profile_that_is_not_there_is_refused(person: Person) -> None:
    assert person.types(*GIT, "--profile", "gone").status == 3
    assert person.types(*GIT, "--profile", "alpha").status == 3
    assert not gitconfig(person).exists()


def test_a_person_is_asked_whether_the_service_may_be_added(person: Person) -> None:
    words = ("setup", "git", "--service", "https://new.example")
    status, told = on_a_terminal(person, *words, types={"": "n"})
    assert (status, "Let main have tokens for it?" in told) == (3, True)
    assert not gitconfig(person).exists()
    assert "new.example" not in person.config()
    status, told = on_a_terminal(person, *words, types={"": "y"})
    assert status == 0, told
    assert "new.example" in gitconfig(person).read_text()
    assert "new.example" in person.config()


def test_nobody_is_added_for_a_file_that_cannot_be_written(person: Person) -> None:
    gitconfig(person).touch(0o400)
    words = ("setup", "git", "--service", "https://new.example", "--add-service")
    assert person.types(*words).status == 7
    assert "new.example" not in person.config()


def test_several_profiles_are_asked_about_or_named(person: Person) -> None:
    words = ("setup", "git", "--service", "https://both.example")
    outcome = person.types(*words)
    assert outcome.status == 3
    assert "choose one: --profile NAME" in outcome.told
    status, told = on_a_terminal(person, *words, types={"": "beta"})
    assert status == 0, told
    assert "git --profile beta" in gitconfig(person).read_text()
    assert person.types("setup", "git", "--check").status == 0


def test_a_tool_that_knows_no_profiles_is_not_given_one(person: Person) -> None:
    outcome = person.types("setup", "docker", "--service", "both.example", "--profile", "beta")
    assert outcome.status == 3
    assert "has no place for a profile's name" in outcome.told


def test_another_profile_takes_the_place_of_the_first(person: Person) -> None:
    gitconfig(person).write_text("[user]\n\tname = Ann\n")
    before = gitconfig(person).read_bytes()
    assert person.types(*GIT).status == 0
    assert person.types(*GIT, "--profile", "main").status == 0
    text = gitconfig(person).read_text()
    assert text.count("[credential") == 1
    assert "git --profile main" in text
    assert person.types(*GIT, "--check").status == 0
    assert person.types(*GIT, "--undo").status == 0
    assert gitconfig(person).read_bytes() == before


def test_terraform_has_one_helper_for_all_its_hosts(person: Person) -> None:
    words = ("setup", "terraform", "--service")
    path = person.world.home / ".terraformrc"
    assert person.types(*words, "https://git.example").status == 0
    assert person.types(*words, "https://registry.example").status == 0
    assert path.read_text().count("credentials_helper") == 1
    outcome = person.types(*words, "https://both.example", "--profile", "beta")
    assert outcome.status == 6
    assert "hint: it is for https://git.example: use the same profile" in outcome.told
    assert person.types("setup", "terraform", "--undo").status == 0
    assert not path.exists()


def test_a_check_tells_another_password_from_the_token(person: Person) -> None:
    gitconfig(person).write_text("[user]\n\tname = Ann\n")
    assert person.types(*GIT).status == 0
    helper = '[credential "https://git.example"]\n\thelper =\n\thelper = "!echo password={}; :"\n'
    with gitconfig(person).open("a") as file:
        file.write(helper.format(CANARY) + "\tusername = me\n")
    outcome = person.types(*GIT, "--check")
    assert outcome.status == 3
    assert "another password answers" in outcome.told


@pytest.mark.parametrize("tool", LINKS)
def test_a_link_is_placed_where_it_is_asked_for_and_taken_back(person: Person, tool: str) -> None:
    folder = person.world.home / "links here"
    words = ("setup", tool, "--service", "https://git.example", "--bin", str(folder))
    before = snapshot(person.world.home)
    shown = person.types(*words, "--dry-run")
    assert (shown.status, f"+link {folder}/{LINKS[tool]} -> " in shown.stdout.decode()) == (0, True)
    assert LINKS[tool] in person.types(*words, "--print").told
    assert snapshot(person.world.home) == before
    assert person.types(*words).status == 0
    once = snapshot(person.world.home)
    assert person.types(*words).status == 0
    assert snapshot(person.world.home) == once
    # Beside the tests' own Python lies a real keyring, with our backend; askpass needs no PATH.
    if tool == "nuget":
        assert person.types(*words, "--check").status == 3
    on_path = {"PATH": f"{folder}:{person.world.environ['PATH']}"}
    assert person.types(*words, "--check", environ=on_path).status == 0
    assert person.types("setup", tool, "--undo").status == 0
    assert {**snapshot(person.world.home), ".": ()} == {**before, ".": ()}


def test_a_service_that_is_named_below_a_path_only_is_told_which(person: Person) -> None:
    person.world.configure(
        person.api.url, person.api.api_key, main={"services": ["https://git.example/team"]}
    )
    outcome = person.types(*GIT)
    assert outcome.status == 3
    assert "--service https://git.example/team" in outcome.told


def test_where_a_profile_alone_will_do_no_service_is_needed(person: Person) -> None:
    path = person.world.home / "credential.json"
    words = ("setup", "google", "--file", str(path))
    for profile, owner in (((), "main"), (("--profile", "beta"), "beta")):
        assert person.types(*words, *profile).status == 0
        assert f"google --profile {owner}" in path.read_text()
        assert person.types("setup", "google", "--check").status == 0
        assert person.types(*words, "--undo").status == 0
        assert not path.exists()


def test_one_service_in_two_files_is_two_setups(person: Person) -> None:
    one, two = (person.world.home / name for name in ("one.cfg", "two.cfg"))
    words = ("setup", "reclient", "--service", "https://git.example", "--file")
    for path in (one, two):
        assert person.types(*words, str(path)).status == 0
    assert str(two.relative_to(person.world.home)) in person.types("setup").stdout.decode()
    checked = person.types("setup", "reclient", "--check")
    assert (checked.status, checked.stdout.count(b"works")) == (0, 2)
    assert person.types(*words, str(one), "--undo").status == 0
    assert (one.exists(), two.exists()) == (False, True)
    assert person.types("setup", "reclient", "--undo").status == 0
    assert not two.exists()


def test_a_file_is_named_to_those_alone_who_are_told_theirs(person: Person) -> None:
    assert person.types(*GIT, "--file", "/nowhere").status == 2
    outcome = person.types("setup", "reclient", "--service", "https://git.example")
    assert (outcome.status, "--file PATH" in outcome.told) == (2, True)


def test_a_section_of_the_databricks_sdks_is_called_as_the_profile(person: Person) -> None:
    words = ("setup", "databricks", "--service", "https://git.example")
    assert person.types(*words, "--name", "other").status == 2
    assert person.types(*words, "--name", "main").status == 0
    config = person.world.home / ".databrickscfg"
    assert config.read_text().startswith("[main]\n")
    assert "\nhost = https://git.example\n" in config.read_text()
    # Another workspace is not answered for in this name.
    words = ("setup", "databricks", "--service", "https://registry.example")
    outcome = person.types(*words)
    assert (outcome.status, "host is set already" in outcome.told) == (6, True)


@pytest.mark.parametrize("tool", ["cargo", "claude", "codex", "dvc", "rclone", "restish"])
def test_what_the_tool_calls_a_service_is_found_in_its_file(person: Person, tool: str) -> None:
    case = CASES[tool]
    person.world.configure(person.api.url, person.api.api_key, main={"services": [case.service]})
    path = person.world.home / case.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(case.foreign)
    words = ("setup", tool, "--service", case.service)
    assert person.types(*words).status == 0
    assert case.wired in path.read_text()
    assert person.types(*words, "--check").status == 0
    assert person.types(*words, "--undo").status == 0
    assert path.read_text() == case.foreign


@pytest.mark.parametrize("tool", ["cargo", "claude", "codex", "dvc", "restish"])
def test_what_the_tool_does_not_call_anything_needs_a_name(person: Person, tool: str) -> None:
    outcome = person.types("setup", tool, "--service", "https://git.example")
    assert outcome.status == 2
    assert "--name NAME" in outcome.told


def test_a_check_tells_how_to_set_the_same_thing_up_again(person: Person) -> None:
    words = ("setup", "git", "--service", "https://both.example", "--profile", "beta")
    assert person.types(*words).status == 0
    gitconfig(person).unlink()
    outcome = person.types("setup", "git", "--check")
    assert outcome.status == 6
    assert f"hint: credhelper {' '.join(words)}\n" in outcome.told


def test_a_check_tells_what_is_left_to_do(person: Person) -> None:
    words = ("setup", "google", "--file", str(person.world.home / "credential.json"))
    assert person.types(*words).status == 0
    allowed = {"GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES": "1"}
    for environ, told in (({}, True), (allowed, False)):
        outcome = person.types("setup", "google", "--check", environ=environ)
        assert (outcome.status, b"works" in outcome.stdout) == (0, True)
        assert ("export GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1" in outcome.told) == told
