"""A profile whose grant is a ready token, as people meet it."""

from __future__ import annotations

import json
import time

import pytest

from tests.support.jwts import jwt
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World


@pytest.fixture
def api_token(running_sandbox: RunningSandbox) -> str:
    """Return a token that somebody else made, with a key that this home does not have."""
    token = running_sandbox.jwt()
    running_sandbox.count_from_here()
    return token


@pytest.fixture
def given(scratch_world: World, running_sandbox: RunningSandbox, api_token: str) -> World:
    """Return a world whose profile `main` has that token in a file."""
    path = scratch_world.root / "token"
    path.touch(0o600)
    path.write_text(api_token)
    scratch_world.configure(
        running_sandbox.url, "unused-key", main={"auth": "token", "grant": {"file": str(path)}}
    )
    return scratch_world


def test_the_token_is_answered_and_nobody_is_asked(
    given: World, running_sandbox: RunningSandbox, api_token: str
) -> None:
    assert given.get() == given.get() == api_token
    assert running_sandbox.stats()["requests"] == 0
    assert running_sandbox.admits(api_token)


def test_logout_forgets_it_revokes_nothing_and_says_whose_it_is(
    given: World, running_sandbox: RunningSandbox, api_token: str
) -> None:
    given.get()
    outcome = given.run("logout")
    told = outcome.stdout.decode()
    assert outcome.status == 0
    assert "forgotten, not revoked: it came from the file" in told
    assert "whose owner makes and revokes it, and lives until 2" in told
    assert "the next get will read the file" in told
    assert given.held() == []
    assert running_sandbox.stats()["requests"] == 0
    assert running_sandbox.admits(api_token)


@pytest.mark.parametrize("words", [("--all",), ("--all", "--profile", "main")][:1])
def test_a_profile_that_is_gone_leaves_nothing_and_its_token_is_not_revoked(
    given: World, running_sandbox: RunningSandbox, api_token: str, words: tuple[str, ...]
) -> None:
    given.get()
    given.config.write_text("")
    outcome = given.run("logout", *words)
    assert outcome.status == 0
    assert b"it came from a grant, whose owner makes and revokes it" in outcome.stdout
    assert given.held() == []
    assert running_sandbox.stats()["revoked"] == 0


def test_tokens_that_were_rotated_away_pile_up_nowhere(given: World) -> None:
    """They may live for a day, and be replaced every ten minutes."""
    path = given.root / "token"
    for hours in range(1, 5):
        path.write_text(jwt(exp=int(time.time()) + hours * 3600))
        given.get()
    assert len(given.held()) == 1
    assert [each.name for each in given.cache.iterdir() if each.name.endswith(".old")] == []
    assert given.run("logout").stdout.count(b"forgotten, not revoked") == 1


def test_a_token_of_a_former_key_is_revoked_all_the_same(
    given: World, running_sandbox: RunningSandbox, api_token: str
) -> None:
    as_given = given.config.read_text()
    given.configure(running_sandbox.url, running_sandbox.api_key)
    made = given.get()
    given.config.write_text(as_given)
    given.get()
    outcome = given.run("logout")
    assert outcome.status == 0
    assert b"revoked: the server confirmed" in outcome.stdout
    assert not running_sandbox.admits(made)
    assert running_sandbox.admits(api_token)


def test_a_login_is_not_needed_and_changes_nothing(given: World) -> None:
    before = given.config.read_text()
    outcome = given.run("login", "--profile", "main", stdin=b"secret\n")
    assert outcome.status == 2
    assert "profile main needs no login" in outcome.told
    assert "credhelper login --profile main --api-key" in outcome.told
    assert given.config.read_text() == before


def test_a_key_of_ones_own_takes_its_place(
    given: World, running_sandbox: RunningSandbox, api_token: str
) -> None:
    key = running_sandbox.api_key.encode()
    outcome = given.run("login", "--profile", "main", "--api-key", stdin=key)
    assert outcome.status == 0, outcome
    assert given.get() != api_token
    assert running_sandbox.stats()["created"] == 1


def test_a_ready_token_creates_no_other(given: World, running_sandbox: RunningSandbox) -> None:
    outcome = given.run("token", "create", "--profile", "main")
    assert outcome.status == 2
    assert "the grant of profile main is a token, which creates no other" in outcome.told
    assert running_sandbox.stats()["requests"] == 0


def test_status_shows_it_as_any_token(given: World) -> None:
    assert b"none yet: the next get reads it" in given.run("status").stdout
    given.get()
    (entry,) = json.loads(given.run("status", "--json").stdout)["profiles"]
    assert (entry["auth"], entry["kind"], entry["assumed"]) == ("token", "jwt", False)
    assert entry["seconds_left"] > 3600
    checked = given.run("status", "--check")
    assert (checked.status, b"the API knows this token" in checked.stdout) == (0, True)


def test_one_that_is_too_short_is_the_grants_from_the_first_call_on(given: World) -> None:
    for _ in range(2):
        outcome = given.run("get", "--min-ttl", "9999999")
        assert outcome.status == 5
        assert "the one that the grant of profile main gives lives only another" in outcome.told
        assert "administrator" not in outcome.told


def test_a_command_on_exec_gets_it(given: World, api_token: str) -> None:
    outcome = given.run("exec", "--", "sh", "-c", 'printf %s "$ICA_ACCESS_TOKEN"')
    assert outcome.stdout.decode() == api_token
    outcome = given.run("exec", "--", "credhelper", "get")
    assert outcome.stdout.decode().strip() == api_token


def test_a_variable_may_hold_it(
    scratch_world: World, running_sandbox: RunningSandbox, api_token: str
) -> None:
    grant = {"env": "ICA_ACCESS_TOKEN"}
    scratch_world.configure(
        running_sandbox.url, "unused-key", main={"auth": "token", "grant": grant}
    )
    missing = scratch_world.run("get")
    assert missing.status == 4
    assert "ICA_ACCESS_TOKEN, the grant of profile main, is not set" in missing.told
    environ = {"ICA_ACCESS_TOKEN": api_token}
    assert scratch_world.get(environ=environ) == api_token
    other = jwt(exp=int(time.time()) + 500, aud="iap-aps2")
    assert scratch_world.get(environ={"ICA_ACCESS_TOKEN": other}) == other
    status = scratch_world.run("status", environ=environ)
    assert b"ICA_ACCESS_TOKEN is set" not in status.stderr, status


def test_the_token_that_exec_set_for_another_profile_is_none_of_its_own(
    scratch_world: World, running_sandbox: RunningSandbox, api_token: str
) -> None:
    """It would go to services that the other profile does not name."""
    ready = {"auth": "token", "services": ["https://ready.example"]}
    scratch_world.configure(
        running_sandbox.url,
        running_sandbox.api_key,
        main={},
        ready={**ready, "grant": {"env": "ICA_ACCESS_TOKEN"}},
        other={**ready, "grant": {"env": "OTHER_TOKEN"}},
        same={"auth": "token", "grant": {"env": "ICA_ACCESS_TOKEN"}},
    )
    environ = {"ICA_ACCESS_TOKEN": api_token, "OTHER_TOKEN": api_token}
    get = ("--", "credhelper", "get", "--profile")
    words = ("--var", "OTHER_TOKEN", *get)
    for name, variable in (("ready", "ICA_ACCESS_TOKEN"), ("other", "OTHER_TOKEN")):
        outcome = scratch_world.run("exec", "--profile", "main", *words, name, environ=environ)
        assert (outcome.status, outcome.stdout) == (4, b""), outcome
        assert f"environment variable {variable}, the grant of profile {name}" in outcome.told
        assert "belongs to exec here, which puts the token of profile main into it" in outcome.told
    for outer, inner in (("ready", "ready"), ("same", "ready"), ("main", "main")):
        assert scratch_world.run("exec", "--profile", outer, *get, inner, environ=environ).token


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('cid = "x"', "cid"),
        ('cwid = "x"', "cwid"),
        ('scopes = ["x"]', "scopes"),
        ('user = "x"', "user"),
        ('domain = "x"', "domain"),
        ('data = "x"', "data"),
        ('client_id = "x"', "client_id"),
        ("keep_session = true", "keep_session"),
        ('token = "session"', "token"),
        ("session_lifetime = 60", "session_lifetime"),
        ('api_key_as = "basic"', "api_key_as"),
    ],
)
def test_what_says_how_a_token_is_made_is_refused(given: World, line: str, why: str) -> None:
    given.config.write_text(given.config.read_text() + line + "\n")
    outcome = given.run("get")
    assert outcome.status == 6, outcome
    assert why in outcome.told


def test_a_grant_is_needed(given: World) -> None:
    given.config.write_text('[profiles.main]\nauth = "token"\n')
    outcome = given.run("get")
    assert outcome.status == 6
    assert "auth = 'token' needs one of" in outcome.told


def test_a_pstoken_is_refused(given: World, running_sandbox: RunningSandbox) -> None:
    path = given.root / "token"
    path.write_text(running_sandbox.session())
    outcome = given.run("get")
    assert outcome.status == 6
    assert "is not a JWT" in outcome.told
    assert "auth = 'session'" in outcome.told


def test_many_processes_at_once_run_its_command_once(
    scratch_world: World, running_sandbox: RunningSandbox, api_token: str
) -> None:
    asked = scratch_world.root / "asked"
    place = scratch_world.secret_file("json", json.dumps({"token": api_token}))
    script = scratch_world.root / "ask"
    script.write_text(f"#!/bin/sh\necho >> {asked}\nsleep 1\nexec cat {place}\n")
    script.chmod(0o700)
    grant = {"command": [str(script)], "member": "token"}
    one = {"auth": "token", "grant": grant}
    scratch_world.configure(running_sandbox.url, "unused-key", main=one)
    started = [scratch_world.start("get") for _ in range(12)]
    found = [scratch_world.finish(process) for process in started]
    assert {outcome.stdout.decode().strip() for outcome in found} == {api_token}
    assert asked.read_text() == "\n"
    assert running_sandbox.stats()["requests"] == 0


def test_a_command_that_gives_no_token_is_run_once_by_a_herd(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    asked = scratch_world.root / "asked"
    script = scratch_world.root / "ask"
    script.write_text(f"#!/bin/sh\necho >> {asked}\nsleep 1\necho Signed-in-first\n")
    script.chmod(0o700)
    one = {"auth": "token", "grant": {"command": [str(script)]}}
    scratch_world.configure(running_sandbox.url, "unused-key", main=one)
    started = [scratch_world.start("get") for _ in range(8)]
    found = [scratch_world.finish(process) for process in started]
    assert {outcome.status for outcome in found} == {6}
    assert all("is not a JWT" in outcome.told for outcome in found)
    assert asked.read_text() == "\n"
