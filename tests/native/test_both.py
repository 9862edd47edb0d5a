"""What tools ask and what hostile callers send: the front and the Python program say the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from credhelper import protocols
from tests.hostile import test_hostile as hostile
from tests.support.sandboxes import RunningSandbox
from tests.support.servers import Witness
from tests.support.transcripts import QUESTIONS, Question
from tests.support.worlds import World, snapshot

OURS = ("git", "docker", "get", "token")
PYTHON = Path(sys.executable).parent
LEFT = 99  # the status of what stands in Python's place
Said = tuple[int, bytes, bytes]


def _protocol(case: dict[str, Any]) -> str | None:
    """Return the protocol that a hostile case speaks, as its program's name or first word says."""
    name = case.get("program", "credhelper")
    if name != "credhelper":
        return protocols.by_program(name)
    return next(iter(case.get("arguments", [])), None)


# All that find the same world: it holds a fresh token, and none of them may change it.
HOSTILE = [
    pytest.param(case, id=case["id"])
    for case in hostile.CASES
    if "scenario" not in case
    and case.get("start", "shared") == "shared"
    and _protocol(case) in OURS
]


def _ask(
    folder: Path, program: str, words: list[str], stdin: bytes, environ: dict[str, str]
) -> Said:
    done = subprocess.run(
        [folder / program, *words],
        input=stdin,
        capture_output=True,
        env={**environ, "PATH": f"{folder}:/usr/bin:/bin"},
        cwd="/",
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "question",
    [question for question in QUESTIONS if question.protocol in OURS],
    ids=lambda question: f"{question.protocol} {question.name}",
)
def test_what_tools_ask_is_answered_by_both(
    question: Question, native: Path, alone: Path, scratch_world: World
) -> None:
    token = scratch_world.prepare(question.wants)
    environ = scratch_world.environment(question.environ)

    def ask(folder: Path) -> Said:
        return _ask(folder, "credhelper", question.words, question.stdin, environ)

    python = ask(PYTHON)
    assert python[0] == 0
    assert token.encode() in python[1]
    assert ask(native) == python
    if "json" not in question.words:
        assert ask(alone) == python, "the front has left to Python what a tool asks"


def test_there_are_enough_questions_and_hostile_inputs() -> None:
    assert {question.protocol for question in QUESTIONS} >= set(OURS)
    assert len(HOSTILE) >= 240, len(HOSTILE)


@pytest.mark.sampled(24)
@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_input_has_the_same_outcome_with_both(
    case: dict[str, Any],
    native: Path,
    alone: Path,
    scratch_world: World,
    running_sandbox: RunningSandbox,
    witness: Witness,
) -> None:
    scratch_world.prepare()
    told = hostile.fill(case, scratch_world, running_sandbox, witness)
    environ = scratch_world.environment(told.get("environ", {}))
    before = snapshot(scratch_world.root)
    program, words = case.get("program", "credhelper"), told.get("arguments", [])
    said = [
        _ask(folder, program, words, hostile.stdin_of(told), environ)
        for folder in (PYTHON, native, alone)
    ]
    assert said[0] == said[1]
    if said[2][0] != LEFT:
        assert said[2] == said[0], "the front alone answers otherwise"
    assert snapshot(scratch_world.root) == before
