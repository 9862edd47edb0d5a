"""A world that many cases share, since none may change it.

Scenarios assert as tests do, and so should fail with as many words.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from credhelper import protocols
from tests.support.sandboxes import RunningSandbox
from tests.support.transcripts import TOLD, Question
from tests.support.worlds import Outcome, World, tokens_in

pytest.register_assert_rewrite("tests.hostile.scenarios")

FIRST = {name: told.warm[0] for name, told in TOLD.items() if told.warm}
# Some are asked for no host, but by profile alone.
NAMED = [name for name, question in FIRST.items() if question.wants == "token"]
DIALOGUES = [name for name, question in FIRST.items() if question.reads == "lines"]
LIFETIME = 86400


def asked(world: World, question: Question) -> Outcome:
    """Ask as a tool does, and hold stderr to what its caller can bear."""
    outcome = world.run(*question.words, stdin=question.stdin, environ=question.environ)
    lines = outcome.told.split("\n")
    assert all(
        line.startswith(("credhelper: error: ", "credhelper: hint: ", "credhelper: warning: "))
        and line.isprintable()
        for line in lines[:-1]
    ), outcome
    assert lines[-1] == ""
    if getattr(protocols.load(question.protocol), "QUIET", False):
        assert not outcome.stderr
    return outcome


def secrets_in(data: bytes) -> set[bytes]:
    """Return the tokens in `data`, and the AWS credentials."""
    return {*tokens_in(data), *re.findall(rb'"SessionToken":"([^"]+)', data)}


def prepared(world: World, question: Question) -> set[bytes]:
    """Have the cache filled without the program, for what is asked next; returns what is held."""
    found = secrets_in(world.prepare(question.wants).encode())
    assert len(found) == 1
    return found


def held(world: World, question: Question) -> set[bytes]:
    """Have the cache filled with what the question is answered; returns that."""
    outcome = asked(world, question)
    found = secrets_in(outcome.stdout)
    assert (outcome.status, outcome.stderr, len(found)) == (0, b"", 1), outcome
    return found


def leave(world: World, seconds: int) -> None:
    """Make all that is held so old that it lives on for `seconds`."""
    world.age(min(int(fields["expires"]) for fields in world.held()) - int(time.time()) - seconds)


@pytest.fixture(scope="session")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Give all cases of this process a world in which a token is held that lives."""
    pytest.importorskip("jwt", reason="the sandbox needs credhelper[sandbox]")
    sandbox = RunningSandbox()
    world = World(tmp_path_factory.mktemp("shared"))
    world.configure(sandbox.url, sandbox.api_key)
    world.canaries.append(sandbox.password)
    world.prepare()
    yield world
    sandbox.stop()


@pytest.fixture
def world(scratch_world: World) -> World:
    """Give this test a world whose profile has all that protocols hand over."""
    with scratch_world.config.open("a") as config:
        config.write('aws = { folder = "fol.a" }\n')
    return scratch_world
