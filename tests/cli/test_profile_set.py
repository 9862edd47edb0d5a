"""Changing a profile, and taking the change back: the file ends as it began."""

from __future__ import annotations

import tomllib

import pytest

from tests.cli.conftest import Person

WRITTEN = [
    # as a person writes it, with comments at odd places
    """# mine
default_profile = "work"  # the usual one

[profiles.work]   # at work
url = "{url}"
grant = {{ env = "KEY" }}   # from CI
# who may have them
services = ["https://git.example"]  # git

[profiles.other]  # not touched
url = "{url}"
grant = {{ env = "OTHER" }}
""",
    """[profiles.work]
url = "{url}"
grant = {{ env = "KEY" }}
services = [
    "https://git.example",   # git
    "https://files.example",
]
""",
    """[profiles]
work = {{ url = "{url}", grant = {{ env = "KEY" }}, services = ["https://git.example"] }}
""",
    """[profiles.work]
url = "{url}"
grant = {{ env = "KEY" }}
services = ["https://git.example"]
# the end""",
    """[profiles]
work.url = "{url}"
work.grant.env = "KEY"
work.services = [ "https://git.example" , ]
""",
    """profiles.work.url = "{url}"
profiles.work.grant.env = "KEY"
profiles.work.services = ["https://git.example"]""",
    """[profiles.work]\r
url = "{url}"\r
services = [  # who\r
\t"https://git.example"\r
]\r
[profiles.work.grant]\r
env = "KEY"\r
""",
]


@pytest.fixture(params=range(len(WRITTEN)))
def written(person: Person, request: pytest.FixtureRequest) -> str:
    """Give this test a config that a person wrote; its text."""
    text: str = WRITTEN[request.param].format(url=person.api.url)
    person.world.config.write_bytes(text.encode())
    return text


def good(person: Person, *words: str) -> str:
    outcome = person.types("profile", *words)
    assert outcome.status == 0, outcome
    return outcome.stdout.decode()


@pytest.mark.parametrize(
    ("key", "option"),
    [
        ("min_ttl", ("--min-ttl", "10m")),
        ("refresh_before", ("--refresh-before", "1h")),
        ("cid", ("--cid", "project-alpha")),
        ("scopes", ("--scopes", "A,B")),
        ("keep_session", ("--keep-session",)),
        ("aws", ("--aws", "folder=fol.1,read_only")),
        ("username", ("--username", "me")),
    ],
)
def test_a_key_that_is_set_and_unset_leaves_the_file_as_it_was(
    person: Person, written: str, key: str, option: tuple[str, ...]
) -> None:
    assert "changed profile work" in good(person, "set", "work", *option)
    assert key in person.config()
    good(person, "set", "work", "--unset", key.replace("_", "-"))
    assert person.config() == written


def test_a_service_that_is_added_and_removed_leaves_the_file_as_it_was(
    person: Person, written: str
) -> None:
    told = good(person, "service", "add", "work", "https://new.example/team")
    assert "https://new.example/team" in told
    assert "https://new.example/team" in person.config()
    good(person, "service", "remove", "work", "https://NEW.example:443/team/")
    assert person.config() == written


def test_the_first_service_comes_and_goes(person: Person) -> None:
    good(person, "add", "work", "--url", person.api.url, "--grant-env", "KEY")
    before = person.config()
    good(person, "service", "add", "work", "git.example")
    good(person, "service", "remove", "work", "https://git.example")
    assert person.config() == before


def test_two_keys_come_and_go_at_once_and_so_does_a_profile(person: Person, written: str) -> None:
    good(person, "set", "work", "--domain", "a", "--cid", "x")
    assert tomllib.loads(person.config())["profiles"]["work"]["cid"] == "x"
    good(person, "set", "work", "--unset", "domain", "--unset", "cid")
    assert person.config() == written
    good(person, "add", "new", "--grant-env", "KEY", "--cid", "y")
    assert tomllib.loads(person.config())["profiles"]["new"]["cid"] == "y"
    good(person, "remove", "new", "--yes")
    assert person.config() == written


def test_no_scopes_are_no_key_and_nothing_is_written_for_them(person: Person, written: str) -> None:
    assert good(person, "set", "work", "--scopes", "") == "nothing to change\n"
    assert person.config() == written
    good(person, "set", "work", "--scopes", "A")
    assert "changed profile work" in good(person, "set", "work", "--scopes", "")
    assert person.config() == written


def test_another_spelling_of_the_same_is_a_change_of_the_file(person: Person, written: str) -> None:
    good(person, "set", "work", "--min-ttl", "600")
    assert "changed profile work" in good(person, "set", "work", "--min-ttl", "10m")
    assert '"10m"' in person.config()


def test_a_profile_that_answered_alone_goes_on_answering(person: Person, written: str) -> None:
    alone = "default_profile" not in written and "profiles.other" not in written
    told = good(person, "add", "scratch", "--url", person.api.url, "--grant-env", "NOPE")
    assert ("work stays the default profile: " in told) == alone
    assert tomllib.loads(person.config())["default_profile"] == "work"
    told = good(person, "add", "third", "--url", person.api.url, "--grant-env", "NOPE")
    assert "default profile" not in told
    outcome = person.types("get", environ={"KEY": person.api.api_key})
    assert outcome.status == 0, outcome
    good(person, "remove", "third", "--yes")
    good(person, "remove", "scratch", "--yes")
    assert person.config() == written


def test_where_nobody_answers_by_default_a_new_profile_does_not_either(person: Person) -> None:
    for name in ("one", "two"):
        good(person, "add", name, "--url", person.api.url, "--grant-env", "KEY")
    good(person, "add", "gone", "--url", person.api.url, "--grant-env", "KEY", "--default")
    good(person, "remove", "gone", "--yes")
    for words in (("add", "three", "--grant-env", "KEY"), ("add", "one", "--cid", "x")):
        assert "default profile" not in good(person, *words)
        assert "default_profile" not in person.config()


def test_unset_changes_back_to_the_default(person: Person, written: str) -> None:
    good(person, "set", "work", "--token", "session", "--keep-session")
    good(person, "set", "work", "--unset", "token", "--min-ttl", "60")
    assert "token" not in person.config()
    assert "min_ttl = 60" in person.config()


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (("set", "work"), 2, "no option says what to change"),
        (("set", "work", "--unset", "min_tll"), 2, "did you mean 'min_ttl'?"),
        (("set", "work", "--unset", "name"), 2, "has no key 'name'"),
        (
            ("set", "work", "--domain", "x", "--unset", "domain"),
            2,
            "domain cannot be set and unset",
        ),
        (("set", "work", "--min-ttl", "9", "--unset", "min-ttl"), 2, "min_ttl cannot be set and"),
        (("set", "work", "--grant-env", "A", "--unset", "grant"), 2, "grant cannot be set and"),
        (("set", "work", "--service", "a.test", "--unset", "services"), 2, "services cannot be"),
        (("set", "work", "--no-keep-session", "--unset", "keep_session"), 2, "keep_session cannot"),
        (("set", "work", "--ca-file", ""), 2, "ca_file of profile work: expected a text"),
        (("set", "nobody", "--min-ttl", "1"), 3, "there is no profile nobody"),
        (("set", "work", "--min-ttl", "soon"), 2, "min_ttl"),
        (("service", "remove", "work", "https://other.example"), 3, "is no service of"),
        (("service", "remove", "nobody", "https://git.example"), 3, "no profile nobody"),
        (("service", "add", "work", "http://git.example"), 6, "plain http"),
        (("add", "work", "--like", "work"), 2, "exists already"),
        (("add", "new", "--like", "wrok"), 3, "did you mean 'work'?"),
    ],
)
def test_what_makes_no_sense_changes_nothing(
    person: Person, written: str, words: tuple[str, ...], status: int, text: str
) -> None:
    outcome = person.types("profile", *words)
    assert (outcome.status, text in outcome.told) == (status, True), outcome
    assert person.config() == written


def test_a_profile_like_another_has_its_settings_but_not_its_services(
    person: Person, written: str
) -> None:
    good(person, "set", "work", "--min-ttl", "10m")
    good(person, "add", "beta", "--like", "work", "--cid", "project-beta")
    shown = good(person, "show", "beta")
    for text in ("project-beta", "the environment variable KEY", "600"):
        assert text in shown
    assert "git.example" not in shown
    good(person, "remove", "beta", "--yes")
    good(person, "set", "work", "--unset", "min_ttl")
    assert person.config().rstrip() == written.rstrip()


def test_the_first_profile_says_that_it_is_the_default_and_where_it_goes(person: Person) -> None:
    told = good(person, "add", "work", "--grant-env", "KEY")
    assert "work is the default profile\n" in told
    assert "https://aps2.platform.illumina.com, by default: --url names another" in told
    told = good(person, "add", "other", "--grant-env", "KEY", "--url", person.api.url)
    assert "default profile" not in told
    assert "by default" not in told
