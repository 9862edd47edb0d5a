"""`login` and `profile add` with variables set: what they say is honoured, or refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import Outcome, World


@pytest.fixture
def world(scratch_world: World) -> World:
    """Give this test a world where nobody has logged in."""
    scratch_world.config.unlink()
    return scratch_world


def log_in(world: World, key: str, *words: str, **environ: Any) -> Outcome:
    return world.run("login", *words, stdin=key.encode(), environ=environ)


def test_the_key_goes_to_the_url_in_the_environment(
    world: World, running_sandbox: RunningSandbox
) -> None:
    outcome = log_in(
        world,
        running_sandbox.api_key,
        CREDHELPER_URL=running_sandbox.url,
        CREDHELPER_SERVICES="https://a.example\nb.example",
    )
    assert outcome.status == 0, outcome
    text = world.config.read_text()
    assert f'url = "{running_sandbox.url}"' in text
    assert "https://a.example" in text
    assert running_sandbox.stats()["created"] == 1
    assert world.run("get", "b.example").token


def test_an_option_decides_against_the_environment(
    world: World, running_sandbox: RunningSandbox
) -> None:
    outcome = log_in(
        world,
        running_sandbox.api_key,
        "--url",
        running_sandbox.url,
        CREDHELPER_URL="http://127.0.0.1:9",
    )
    assert outcome.status == 0, outcome
    assert "127.0.0.1:9" not in world.config.read_text()


def test_the_key_goes_nowhere_where_the_profile_says_something_else(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    before = scratch_world.config.read_bytes()
    for variable, value in (
        ("CREDHELPER_URL", "http://127.0.0.1:9"),
        ("CREDHELPER_API", "ica"),
        ("CREDHELPER_SERVICES", "https://other.example"),
    ):
        for words in (["login", "--profile", "main"], ["profile", "add", "main", "--cid", "x"]):
            outcome = scratch_world.run(*words, stdin=b"key", environ={variable: value})
            assert outcome.status == 2, (outcome, variable)
            assert variable in outcome.told
    assert scratch_world.config.read_bytes() == before
    assert running_sandbox.stats()["requests"] == 0


def test_what_the_profile_says_as_well_is_no_contradiction(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    outcome = log_in(
        scratch_world,
        running_sandbox.api_key,
        "--profile",
        "main",
        CREDHELPER_URL=running_sandbox.url + "/",
        CREDHELPER_API="iap",
        CREDHELPER_SERVICES="ica.example",
    )
    assert outcome.status == 0, outcome


def test_a_new_profile_takes_them_as_well(world: World) -> None:
    outcome = world.run(
        "profile",
        "add",
        "ci",
        "--grant-env",
        "KEY",
        environ={"CREDHELPER_API": "ica", "CREDHELPER_SERVICES": "a.example,b.example"},
    )
    assert outcome.status == 0, outcome
    assert 'api = "ica"' in world.config.read_text()
    assert "b.example" in world.config.read_text()


def test_a_wrong_one_is_named(world: World) -> None:
    outcome = log_in(world, "key", CREDHELPER_URL="http://plain.example")
    assert outcome.status == 2
    assert "url" in outcome.told
