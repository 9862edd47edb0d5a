"""Running the user's own tools, to see what they make of their files."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from credhelper.config import child
from credhelper.setup.formats import documents
from credhelper.setup.plan import Ask, Finding, Outcome

TIMEOUT = 60.0
_WORD = r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\S*)"""
_REFUSED = re.compile(
    rf"credhelper: trace: \d+ refuse code=\S* message={_WORD} hint={_WORD}$", re.M
)
NOT_FOUND = 127


def asker(environ: Mapping[str, str]) -> Ask:
    """Return a function that runs programs of this PATH, without a shell and without a terminal."""

    def ask(
        words: Sequence[str], stdin: bytes = b"", changes: Mapping[str, str] | None = None
    ) -> Outcome:
        try:
            program = child.find(words[0], environ)
            if program is None:
                return Outcome(NOT_FOUND, stderr=b"credhelper: error: there is no such program")
            done = subprocess.run(
                [program, *words[1:]],
                input=stdin,
                capture_output=True,
                cwd="/",
                env={**environ, **(changes or {})},
                timeout=TIMEOUT,
                start_new_session=True,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Outcome(1, stderr=f"credhelper: error: no end in {TIMEOUT:g} s".encode())
        except (OSError, ValueError):  # or somebody's file has words that no program can be given
            return Outcome(NOT_FOUND, stderr=b"credhelper: error: it does not start")
        return Outcome(done.returncode, done.stdout, done.stderr)

    return ask


def printed(outcome: Outcome, what: str, prefix: str = "") -> Finding:
    """Return the token that a program printed after `prefix`, else what is wrong (see `parsed`)."""
    token = outcome.stdout.decode("utf-8", "replace").strip()
    if outcome.status == 0 and token:
        return Finding(token.removeprefix(prefix))
    return failed(outcome, what)


def words_of(line: str) -> list[str]:
    """Return the words of a line as a shell splits it; none where its quotes do not close."""
    try:
        return shlex.split(line)
    except ValueError:
        return []


def parsed(
    outcome: Outcome, what: str, token_in: Callable[[Any], str], otherwise: str = "no answer"
) -> Finding:
    """Return the token in the JSON that a program printed, else what is wrong.

    Parameters:
    - what: the program's name, for people.
    - token_in: returns the token of the parsed JSON object.
    - otherwise: what is wrong, if the program printed neither a token nor an error.
    """
    try:
        token: object = token_in(documents.answer(outcome.stdout))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        token = None
    if not isinstance(token, str) or not token:
        return failed(outcome, what, otherwise)
    return Finding(token)


def failed(outcome: Outcome, what: str, otherwise: str = "no answer") -> Finding:
    """Return the finding for a program that gave no token. Parameters: as for `parsed`."""
    said = complaint(outcome)
    return Finding(
        trouble=f"{what}: {said or otherwise}", hint=_said_after("hint", outcome) or None
    )


def complaint(outcome: Outcome) -> str:
    """Return the first error message of ours on the program's stderr, or ''."""
    return _said_after("error", outcome)


def next_step(outcome: Outcome) -> str:
    """Return the hint that stands below that message, or ''."""
    return _said_after("hint", outcome)


def refusal(outcome: Outcome) -> tuple[str, str]:
    """Return the message and the hint of a refusal that the trace on stderr tells of; "" for none.

    To some tools ours says nothing but in the trace: they may ask another helper.
    """
    found = _REFUSED.search(outcome.stderr.decode("utf-8", "replace"))
    if not found:
        return "", ""
    message, hint = (
        str(ast.literal_eval(word)) if word[:1] in ("'", '"') else word for word in found.groups()
    )
    return message, hint


def _said_after(word: str, outcome: Outcome) -> str:
    found = re.search(rf"credhelper: {word}: (.*)", outcome.stderr.decode("utf-8", "replace"))
    return found[1].strip() if found else ""
