"""A grant of many values, and one that leads back to us."""

from __future__ import annotations

import sys

from tests.cli.conftest import Person


def test_logout_revokes_the_sessions_of_every_value_of_the_grant(person: Person) -> None:
    person.logs_in()
    added = person.types(
        "profile", "add", "many", "--url", person.api.url, "--grant-env", "K", "--keep-session"
    )
    assert added.status == 0, added
    person.token("--profile", "many", environ={"K": person.api.api_key})
    sessions = person.world.state / "sessions"
    assert [path for path in sessions.iterdir() if "." not in path.name]
    revoked = person.api.stats()["revoked"]
    outcome = person.types("logout", "--profile", "many")
    assert outcome.status == 0, outcome
    assert person.api.stats()["revoked"] == revoked + 2
    assert [path for path in sessions.iterdir() if "." not in path.name] == []


def test_a_grant_that_asks_us_for_the_same_profile_is_told_apart_at_once(person: Person) -> None:
    script = person.world.config.parent / "grant"
    script.write_text(
        f"#!/bin/sh\nexec '{sys.executable}' -m credhelper get --profile circle 2>'{script}.told'\n"
    )
    script.chmod(0o755)
    added = person.types(
        "profile", "add", "circle", "--url", person.api.url, "--grant-command", str(script)
    )
    assert added.status == 0, added
    outcome = person.world.run("get", "--profile", "circle")
    assert (outcome.status != 0, outcome.stdout) == (True, b"")
    assert b"did not end" not in outcome.stderr
    told = (script.parent / "grant.told").read_text()
    assert "the grant of profile circle asks credhelper for the same profile" in told


def test_a_stray_word_may_be_a_secret_and_is_not_repeated(person: Person) -> None:
    outcome = person.types("token", "details", "ps-Canary0123456789")
    assert outcome.status == 2
    assert b"Canary" not in outcome.stderr
