"""What every protocol must survive of its caller: streams that end early, late, or never.

The numbers are the classes of input in `test_hostile.py`. All of it runs the real program.
"""

from __future__ import annotations

import os
import pty
import signal
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from credhelper import protocols
from tests.hostile.conftest import DIALOGUES, FIRST, NAMED, asked, held, leave, prepared, secrets_in
from tests.hostile.scenarios.processes import TALK
from tests.support.programs import INSTALLED
from tests.support.sandboxes import RunningSandbox
from tests.support.servers import Witness
from tests.support.transcripts import QUESTIONS, STRANGER, Question
from tests.support.worlds import TIMEOUT, World, snapshot, tokens_in

_MEBIBYTE = 1024 * 1024
_MOST_MEMORY = 64 * _MEBIBYTE


# --- rows 41, 42, 104: callers that go, and interpreters that talk --------------------------------


@pytest.mark.parametrize("start", ["cold", "fresh"])
@pytest.mark.parametrize("name", FIRST)
def test_a_caller_that_has_gone_is_a_quiet_failure(
    name: str, start: str, world: World, running_sandbox: RunningSandbox
) -> None:
    question = FIRST[name]
    if start == "fresh":
        prepared(world, question)
    reader, writer = os.pipe()
    os.close(reader)
    process = world.start(*question.words, environ=question.environ, stdout=writer)
    os.close(writer)
    outcome = world.finish(process, question.stdin)
    assert (outcome.status, outcome.stderr) == (1, b"")
    # What was made is kept for the next caller.
    assert held(world, question) == held(world, question)
    assert running_sandbox.stats()["created"] == 1


@pytest.mark.skipif(not INSTALLED, reason="only the installed program starts Python isolated")
@pytest.mark.parametrize("name", FIRST)
def test_what_python_is_told_to_tell_does_not_reach_the_caller(name: str, world: World) -> None:
    question = FIRST[name]
    loud = replace(question, environ={**question.environ, **TALK})
    cold = asked(world, loud)
    warm = asked(world, loud)
    quiet = asked(world, question)
    for outcome in (cold, warm, quiet):
        assert (outcome.status, outcome.stderr) == (0, b"")
        assert secrets_in(outcome.stdout) == secrets_in(quiet.stdout) != set()
        # How long it lives may be told in seconds from now.
        assert len(outcome.stdout) in range(len(quiet.stdout) - 2, len(quiet.stdout) + 3)
    strange = asked(world, loud.about(STRANGER))
    assert strange.stdout == asked(world, question.about(STRANGER)).stdout


@pytest.mark.parametrize("name", FIRST)
def test_trouble_is_told_without_a_token_or_a_traceback(
    name: str, world: World, running_sandbox: RunningSandbox
) -> None:
    question = FIRST[name]
    running_sandbox.fault({"status": 503, "times": "always"})
    down = asked(world, question)
    nowhere = replace(question, environ={**question.environ, "CREDHELPER_CACHE_DIR": "/proc/none"})
    unwritable = asked(world, nowhere)
    world.config.write_text("default_profile = \n")
    spoilt = asked(world, question)
    world.config.unlink()
    missing = asked(world, question)
    for outcome in (down, unwritable, spoilt, missing):
        assert not secrets_in(outcome.stdout)
    # Somebody has to be told: in the answer, or on stderr.
    assert down.stdout + down.stderr
    assert spoilt.stdout + spoilt.stderr


@pytest.mark.parametrize("name", FIRST)
def test_what_lives_is_served_while_the_api_is_down(
    name: str, world: World, running_sandbox: RunningSandbox
) -> None:
    question = FIRST[name]
    found = prepared(world, question)
    leave(world, 100)
    running_sandbox.count_from_here()
    running_sandbox.fault({"status": 503, "times": "always"})
    outcome = asked(world, question)
    assert (outcome.status, secrets_in(outcome.stdout)) == (0, found)


# --- rows 15, 16, 102: stdin without an end -------------------------------------------------------


# A document ends with stdin: see the next test.
@pytest.mark.parametrize(
    "question",
    [question for question in QUESTIONS if question.reads != "document"],
    ids=lambda each: f"{each.protocol} {each.name}".strip(),
)
def test_a_caller_that_leaves_stdin_open_is_answered(question: Question, world: World) -> None:
    usual = asked(world, question)
    process = world.start(*question.words, environ=question.environ)
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError):  # what reads nothing may have answered already
        process.stdin.write(question.stdin)
    if question.reads == "lines":
        found = b""
        while not secrets_in(found):
            found += os.read(process.stdout.fileno(), 65536)
        assert secrets_in(found) == secrets_in(usual.stdout)
    else:
        process.wait(TIMEOUT)
    outcome = world.finish(process)
    assert (outcome.status, outcome.stderr) == (0, b"")
    assert question.reads == "lines" or secrets_in(outcome.stdout) == secrets_in(usual.stdout)


@pytest.mark.waits
def test_a_document_that_never_ends_is_given_up(scratch_world: World) -> None:
    scratch_world.prepare()
    before = snapshot(scratch_world.root)
    waiting = []
    for question in QUESTIONS:
        if question.reads == "document":
            process = scratch_world.start(*question.words, environ=question.environ)
            assert process.stdin is not None
            process.stdin.write(question.stdin[:-3])
            waiting.append(process)
    assert waiting
    for process in waiting:
        process.wait(TIMEOUT)
        outcome = scratch_world.finish(process)
        assert not tokens_in(outcome.stdout)
        assert b"no whole request came on stdin within 15 s" in outcome.stdout + outcome.stderr
    assert snapshot(scratch_world.root) == before


@pytest.mark.parametrize(
    "name", [name for name, question in FIRST.items() if question.reads == "nothing"]
)
def test_a_terminal_is_not_read_where_nothing_is(name: str, world: World) -> None:
    question = FIRST[name]
    found = prepared(world, question)
    primary, secondary = pty.openpty()
    process = world.start(*question.words, environ=question.environ, stdin=secondary)
    os.close(secondary)
    process.wait(TIMEOUT)
    outcome = world.finish(process)
    os.close(primary)
    assert (outcome.status, outcome.stderr, secrets_in(outcome.stdout)) == (0, b"", found)


@pytest.mark.parametrize("name", FIRST)
def test_a_gibibyte_is_not_read(name: str, world: World) -> None:
    question = FIRST[name]
    secrets = prepared(world, question)
    process = world.start(*question.words, environ=question.environ)
    assert process.stdin is not None
    chunk = b"a" * _MEBIBYTE
    # A dialogue reads on until the next line; what it must not do is keep it.
    most = (2 if question.reads == "lines" else 16) * _MOST_MEMORY
    peak = written = 0
    with suppress(BrokenPipeError):
        while written < most:
            written += process.stdin.write(chunk)
            with suppress(OSError):
                peak = max(peak, _peak_memory(process.pid))
    assert peak < _MOST_MEMORY
    if question.reads == "lines":
        outcome = world.finish(process, b"\n" + question.stdin)
        assert secrets_in(outcome.stdout) == secrets
        return
    process.stdin.close()
    process.stdin = None
    outcome = world.finish(process)
    assert written < 8 * _MEBIBYTE
    if question.reads == "nothing":
        assert (outcome.status, secrets_in(outcome.stdout)) == (0, secrets)
    else:
        assert not tokens_in(outcome.stdout)
        assert b"longer than 1048576 bytes" in outcome.stdout + outcome.stderr


def _peak_memory(pid: int) -> int:
    told = Path(f"/proc/{pid}/status").read_text()
    lines = dict(line.split(":", 1) for line in told.splitlines())
    return int(lines.get("VmHWM", "0 kB").split()[0]) * 1024


# --- rows 102, 104: dialogues ---------------------------------------------------------------------


@pytest.mark.parametrize("name", DIALOGUES)
def test_two_thousand_lines_get_as_many_answers_in_their_order(
    name: str, scratch_world: World
) -> None:
    token = scratch_world.prepare()
    question = FIRST[name]
    greeting = getattr(protocols.load(name), "GREETING", b"")
    both = question.stdin + question.about(STRANGER).stdin
    outcome = asked(scratch_world, replace(question, stdin=both * 1000))
    assert len(outcome.stdout) > 65536, "more than a pipe holds"
    assert outcome.stdout.startswith(greeting)
    lines = outcome.stdout.removeprefix(greeting).splitlines()
    assert [tokens_in(line) for line in lines] == [[token.encode()], []] * 1000


@pytest.mark.parametrize("name", DIALOGUES)
def test_the_last_line_may_end_with_the_input(name: str, scratch_world: World) -> None:
    token = scratch_world.prepare()
    question = FIRST[name]
    whole = question.stdin.removesuffix(b"\n")
    assert asked(scratch_world, replace(question, stdin=whole)).token == token
    for where in range(1, len(whole), 11):
        outcome = asked(scratch_world, replace(question, stdin=whole[:where]))
        assert (outcome.status, tokens_in(outcome.stdout)) == (0, []), where


@pytest.mark.parametrize("name", DIALOGUES)
def test_a_caller_that_goes_after_its_first_answer_ends_the_dialogue(
    name: str, scratch_world: World
) -> None:
    token = scratch_world.prepare()
    question = FIRST[name]
    reader, writer = os.pipe()
    process = scratch_world.start(*question.words, stdout=writer)
    os.close(writer)
    assert process.stdin is not None
    process.stdin.write(question.stdin)
    found = b""
    while not tokens_in(found):
        found += os.read(reader, 65536)
    os.close(reader)
    process.stdin.write(question.stdin)
    process.wait(TIMEOUT)
    outcome = scratch_world.finish(process)
    assert (outcome.status, outcome.stderr) == (1, b"")
    assert scratch_world.get() == token


@pytest.mark.sampled(10)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("name", FIRST)
def test_a_signal_in_the_middle_of_a_renewal_lets_everything_go(
    name: str, number: signal.Signals, world: World, running_sandbox: RunningSandbox
) -> None:
    question = FIRST[name]
    running_sandbox.fault({"hang": 30})
    process = world.start(*question.words, environ=question.environ)
    assert process.stdin is not None
    process.stdin.write(question.stdin)
    if question.reads != "lines":
        process.stdin.close()
        process.stdin = None
    end = time.monotonic() + TIMEOUT
    while running_sandbox.stats()["requests"] < 1 and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(number)
    process.wait(TIMEOUT)
    outcome = world.finish(process)
    assert outcome.status == 128 + number
    assert not secrets_in(outcome.stdout)
    assert not world.held()
    assert held(world, question)


def test_strangers_are_not_visited(witness: Witness, scratch_world: World) -> None:
    scratch_world.prepare()
    host = witness.url.partition("://")[2]
    for name in NAMED:
        assert not tokens_in(asked(scratch_world, FIRST[name].about(host)).stdout)
    assert witness.visits == 0
