"""`credhelper logout`: revoked upstream, forgotten here, and honest about both."""

from __future__ import annotations

import os
import re

import pytest

from tests.cli.conftest import Person
from tests.support.worlds import World


def held(world: World) -> list[str]:
    """Return all files that hold a secret: no locks, and no marks of a logout."""
    kept = [path for path in world.state.rglob("*") if path.is_file()]
    kept = [path for path in kept if path.suffix not in (".lock", ".gone")]
    return [path.name for path in (*world.records(), *kept)]


def test_a_confirmed_logout_forgets_everything_and_says_so(person: Person) -> None:
    person.logs_in()
    token = person.token()
    outcome = person.types("logout")
    assert (outcome.status, outcome.told) == (0, "")
    told = outcome.stdout.decode()
    assert "token  revoked: the server confirmed" in told
    assert "forgotten" in told
    assert "grants/default.key" in told
    assert held(person.world) == []
    assert person.api.stats()["revoked"] == 1
    assert "[profiles.default]" in person.config()
    details = person.types("token", "details", stdin=token)
    assert details.status == 5


def test_after_a_logout_get_says_how_to_log_in(person: Person) -> None:
    person.logs_in()
    assert person.types("logout").status == 0
    outcome = person.world.run("get")
    assert (outcome.status, outcome.stdout) == (4, b"")
    assert "credhelper login --profile default" in outcome.told
    assert person.types("login", stdin=person.api.api_key).status == 0
    assert person.token()


def test_a_session_is_revoked_with_its_token(person: Person) -> None:
    person.logs_in("--user", person.api.username, stdin=person.api.password)
    outcome = person.types("logout")
    assert outcome.status == 0
    assert outcome.stdout.decode().count("revoked: the server confirmed") == 2
    assert held(person.world) == []
    assert person.world.run("get").status == 4


def test_a_server_that_cannot_be_reached_is_told_and_does_not_keep_us(person: Person) -> None:
    person.logs_in()
    person.api.fault({"path": "/v1/tokens", "method": "DELETE", "status": 503, "times": "always"})
    outcome = person.types("logout")
    assert outcome.status == 5
    told = outcome.stdout.decode()
    assert "NOT confirmed, it may live until 2" in told
    assert re.search(r" [+-]\d\d:\d\d", told)
    assert held(person.world) == []


def test_a_server_that_does_not_know_the_token_is_no_failure(person: Person) -> None:
    person.logs_in()
    person.api.fault({"path": "/v1/tokens", "method": "DELETE", "status": 404})
    outcome = person.types("logout")
    assert outcome.status == 0
    assert "the server does not know it" in outcome.stdout.decode()
    assert held(person.world) == []


def test_an_expired_token_need_not_be_revoked(person: Person) -> None:
    person.logs_in()
    person.world.age(25 * 3600)
    outcome = person.types("logout")
    assert outcome.status == 0
    assert "had expired already" in outcome.stdout.decode()
    assert person.api.stats()["revoked"] == 0


def test_a_key_that_lives_elsewhere_stays_and_that_is_told(person: Person) -> None:
    key = person.world.secret_file("theirs", person.api.api_key)
    person.logs_in("--grant-file", str(key), stdin="")
    outcome = person.types("logout")
    assert outcome.status == 0
    assert f"the next get will log in again with the file {key}" in outcome.stdout.decode()
    assert key.exists()
    assert person.token()


def test_all_profiles_can_be_left_at_once(person: Person) -> None:
    person.logs_in("--profile", "one")
    person.logs_in("--profile", "two", "--user", person.api.username, stdin=person.api.password)
    outcome = person.types("logout", "--all")
    assert outcome.status == 0
    assert held(person.world) == []
    assert person.api.stats()["revoked"] == 3


def test_one_failure_of_many_is_the_exit_status(person: Person) -> None:
    person.logs_in("--profile", "one")
    person.logs_in("--profile", "two", "--cid", "project-alpha")
    person.api.fault({"path": "/v1/tokens", "method": "DELETE", "status": 403})
    outcome = person.types("logout", "--all")
    assert outcome.status == 5
    assert outcome.stdout.decode().count("NOT confirmed") == 1
    assert held(person.world) == []


def test_logging_out_leaves_the_other_profiles_alone(person: Person) -> None:
    person.logs_in("--profile", "one")
    person.logs_in("--profile", "two", "--cid", "project-alpha")
    before = person.token("-p", "two")
    assert person.types("logout", "-p", "one").status == 0
    assert person.token("-p", "two") == before


def test_nothing_to_forget_is_fine(person: Person) -> None:
    assert person.types("logout", "--all").status == 0
    person.logs_in()
    assert person.types("logout").status == 0
    outcome = person.types("logout")
    assert outcome.status == 0
    assert "nothing to forget" in outcome.stdout.decode()


def test_all_and_one_exclude_each_other(person: Person) -> None:
    assert person.types("logout", "--all", "-p", "x").status == 2
    assert person.types("logout", "-p", "x").status == 3


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_disk_that_says_no_is_told(person: Person) -> None:
    person.logs_in()
    person.world.cache.chmod(0o500)
    outcome = person.types("logout")
    person.world.cache.chmod(0o700)
    assert outcome.status == 7
    assert "NOT forgotten" in outcome.stdout.decode()


def test_tokens_of_every_value_of_a_variable_are_forgotten(person: Person) -> None:
    environ = {"MY_KEY": person.api.api_key}
    words = ["login", "--url", person.api.url, "--grant-env", "MY_KEY"]
    assert person.types(*words, environ=environ).status == 0
    (record,) = person.world.records()
    other = record.with_name(record.name.partition("-")[0] + "-0123456789abcdef")
    other.touch(0o600)
    other.write_text(record.read_text())
    assert person.types("logout").status == 0
    assert person.world.records() == []
