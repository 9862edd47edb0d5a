"""What the warm half answers beside fresh tokens, without loading the rest of the program."""

from __future__ import annotations

import pytest

from credhelper import protocols
from credhelper.storage import locks
from tests.architecture.test_import_budget import PROGRAM, loaded
from tests.support.sandboxes import RunningSandbox
from tests.support.transcripts import STRANGER, TOLD
from tests.support.worlds import World

LIFETIME = 86400
SILENT = [
    name
    for name, each in TOLD.items()
    if getattr(protocols.load(name), "NOTHING", False) and each.warm[0].reads != "lines"
]


def cold(modules: set[str]) -> set[str]:
    return {name for name in modules if name.startswith(("credhelper.broker", "credhelper.edge"))}


def asked(world: World, words: list[str], stdin: bytes = b"") -> tuple[set[str], str]:
    modules, answer = loaded([str(PROGRAM), *words], stdin, world.environ)
    return cold(modules), answer.decode()


@pytest.mark.parametrize("name", SILENT)
def test_nothing_is_said_of_a_stranger_without_the_rest(name: str, scratch_world: World) -> None:
    scratch_world.prepare()
    question = TOLD[name].warm[0].about(STRANGER)
    environ = {**scratch_world.environ, **question.environ}
    outcome = scratch_world.run(*question.words, stdin=question.stdin, environ=question.environ)
    words = [str(PROGRAM), *question.words]
    modules, answer = loaded(words, question.stdin, environ, outcome.status)
    assert cold(modules) == set()
    assert answer == outcome.stdout


def test_a_service_below_which_one_is_named_is_left_to_the_rest(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    scratch_world.configure(
        running_sandbox.url,
        running_sandbox.api_key,
        main={"services": ["https://ica.example/team"]},
    )
    scratch_world.prepare()
    outcome = scratch_world.run("git", "get", stdin=b"protocol=https\nhost=ica.example\n\n")
    assert "useHttpPath" in outcome.told


def test_a_stale_token_is_served_without_the_rest_while_another_process_renews(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    token = scratch_world.prepare()
    (record,) = scratch_world.records()
    scratch_world.age(LIFETIME - 45)
    running_sandbox.count_from_here()
    lock = locks.acquire(f"{record}.lock", wait=0, alarm=False)
    assert lock
    try:
        modules, answer = asked(scratch_world, ["get"])
    finally:
        lock.release()
    assert (modules, answer.strip()) == (set(), token)
    assert running_sandbox.stats()["requests"] == 0
    modules, answer = asked(scratch_world, ["get"])
    assert modules
    assert answer.strip() != token
    assert running_sandbox.stats()["created"] == 1


def test_a_caller_that_insists_on_more_life_than_a_stale_token_has_waits(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    token = scratch_world.prepare()
    scratch_world.age(LIFETIME - 45)
    modules, answer = asked(scratch_world, ["get", "--min-ttl", "100"])
    assert modules
    assert answer.strip() != token
