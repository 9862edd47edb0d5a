"""A key that was typed for one API goes to no other, whatever the config says meanwhile."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.cli.conftest import Person
from tests.support.sandboxes import RunningSandbox

Start = Callable[..., RunningSandbox]


@pytest.fixture
def elsewhere(person: Person, start_sandbox: Start) -> RunningSandbox:
    """Give a second API, with a key of its own."""
    other = start_sandbox()
    person.world.canaries += [other.api_key, other.password]
    return other


def other_config(person: Person) -> dict[str, str | None]:
    return {"CREDHELPER_CONFIG": str(person.world.root / "other.toml")}


def log_in(
    person: Person,
    api: RunningSandbox,
    environ: Mapping[str, str | None] | None = None,
    *words: str,
    key: str = "",
) -> tuple[int, str]:
    typed = (key or api.api_key).encode()
    done = person.world.run("login", "--url", api.url, *words, stdin=typed, environ=environ)
    return done.status, done.told


def asked(api: RunningSandbox) -> int:
    return int(api.stats()["requests"])


def fresh(person: Person) -> None:
    for record in person.world.records():
        record.unlink()


def key_file(person: Person, name: str = "default") -> Path:
    return person.world.state / "grants" / f"{name}.key"


def refused(person: Person, api: RunningSandbox, *words: str) -> None:
    """Assert that a get sends nothing to `api`, and names a login, which then works."""
    before = asked(api)
    done = person.world.run("get", *words)
    assert (done.status, done.stdout) == (4, b""), done
    assert f"is not the one that was typed for {api.url}, so" in done.told
    assert "credhelper login --profile default" in done.told
    assert asked(api) == before


def test_a_login_in_another_config_does_not_replace_the_key_of_another_api(
    person: Person, elsewhere: RunningSandbox
) -> None:
    there = other_config(person)
    assert log_in(person, person.api)[0] == 0
    status, told = log_in(person, elsewhere, there)
    assert status == 2
    assert str(person.world.config) in told
    assert f"credhelper login --profile default-2 --url {elsewhere.url}" in told
    assert log_in(person, elsewhere, there, "--profile", "default-2")[0] == 0
    fresh(person)
    assert person.token()
    assert person.token("--profile", "default-2", environ=there)


def test_two_configs_may_share_the_key_of_one_api(person: Person) -> None:
    there = other_config(person)
    assert log_in(person, person.api)[0] == 0
    assert log_in(person, person.api, there)[0] == 0
    fresh(person)
    assert person.token()
    fresh(person)
    assert person.token(environ=there)


def test_a_config_that_names_the_key_of_another_does_not_get_it_for_another_api(
    person: Person, elsewhere: RunningSandbox
) -> None:
    there = other_config(person)
    assert log_in(person, person.api)[0] == 0
    copy = Path(str(there["CREDHELPER_CONFIG"]))
    copy.write_text(person.config().replace(person.api.url, elsewhere.url))
    before = asked(elsewhere)
    assert person.world.run("get", environ=there).status == 4
    assert asked(elsewhere) == before


def test_a_login_that_cannot_write_the_config_puts_the_key_back(
    person: Person, elsewhere: RunningSandbox
) -> None:
    assert log_in(person, person.api)[0] == 0
    key = key_file(person).read_bytes()
    handle = os.open(person.world.state / "config.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert log_in(person, elsewhere)[0] == 7
    finally:
        os.close(handle)
    assert key_file(person).read_bytes() == key
    fresh(person)
    assert person.token()


@pytest.mark.parametrize("how", ["profile add", "by hand"])
def test_another_url_does_not_get_the_key(
    person: Person, elsewhere: RunningSandbox, how: str
) -> None:
    assert log_in(person, person.api)[0] == 0
    if how == "by hand":
        person.world.config.write_text(person.config().replace(person.api.url, elsewhere.url))
    else:
        done = person.world.run("profile", "add", "default", "--url", elsewhere.url)
        assert done.status == 0, done
    refused(person, elsewhere)
    assert log_in(person, elsewhere)[0] == 0
    fresh(person)
    assert person.token()


def before_there_were_pairs(person: Person) -> None:
    for note in (person.world.state / "grants").glob("*.key.routes-*"):
        if note.suffix != ".lock":
            note.unlink()


@pytest.mark.parametrize("used", [True, False])
def test_an_old_key_is_bound_when_it_is_used_or_its_profile_changes(
    person: Person, elsewhere: RunningSandbox, *, used: bool
) -> None:
    assert log_in(person, person.api)[0] == 0
    before_there_were_pairs(person)
    fresh(person)
    if used:
        assert person.token()
        person.world.config.write_text(person.config().replace(person.api.url, elsewhere.url))
    else:
        assert person.world.run("profile", "add", "default", "--url", elsewhere.url).status == 0
    refused(person, elsewhere)
    assert person.world.run("profile", "add", "default", "--url", person.api.url).status == 0
    fresh(person)
    assert person.token()


def test_a_logout_says_which_config_keeps_the_key(person: Person) -> None:
    there = other_config(person)
    assert log_in(person, person.api)[0] == 0
    assert log_in(person, person.api, there)[0] == 0
    done = person.world.run("logout", environ=there)
    said = done.told + done.stdout.decode()
    assert done.status == 0
    assert f"stays in {key_file(person)}" in said
    assert str(person.world.config) in said
    assert key_file(person).exists()
    assert "removed" in (last := person.world.run("logout")).told + last.stdout.decode()
    assert not key_file(person).exists()


def test_a_typed_key_stays_while_another_profile_uses_it(person: Person) -> None:
    assert log_in(person, person.api)[0] == 0
    added = person.types("profile", "add", "beta", "--like", "default", "--min-ttl", "60")
    assert added.status == 0, added
    done = person.types("logout", "--profile", "default")
    assert done.status == 0, done
    assert f"stays in {key_file(person)}: profile beta uses it as well" in done.stdout.decode()
    assert person.token("--profile", "beta")
    done = person.types("profile", "remove", "default", "--yes")
    assert done.status == 0, done
    fresh(person)
    assert person.token("--profile", "beta")
    done = person.types("logout", "--profile", "beta")
    assert f"removed {key_file(person)}" in done.stdout.decode()
    assert not key_file(person).exists()


def test_a_login_gives_a_profile_that_shared_a_key_one_of_its_own(person: Person) -> None:
    assert log_in(person, person.api)[0] == 0
    person.types("profile", "add", "beta", "--like", "default", "--min-ttl", "60")
    key_file(person).unlink()
    fresh(person)
    done = person.world.run("get", "--profile", "beta")
    assert (done.status, "credhelper login --profile beta" in done.told) == (4, True)
    assert log_in(person, person.api, None, "--profile", "beta")[0] == 0
    assert person.token("--profile", "beta")
    assert key_file(person, "beta").exists()
    assert not key_file(person).exists()
