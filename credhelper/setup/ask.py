"""Running the user's own tools, to see what they make of their files."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from credhelper.config import child
from credhelper.setup.plan import Ask, Finding, Outcome

TIMEOUT = 60.0
NOT_FOUND = 127


def asker(environ: Mapping[str, str]) -> Ask:
    """Return a function that runs programs of this PATH, without a shell and without a terminal."""

    def ask(
        words: Sequence[str], stdin: bytes = b"", changes: Mapping[str, str] | None = None
    ) -> Outcome:
        program = child.find(words[0], environ)
        if program is None:
            return Outcome(NOT_FOUND, stderr=b"credhelper: error: there is no such program")
        try:
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
        except OSError:
            return Outcome(NOT_FOUND, stderr=b"credhelper: error: it does not start")
        return Outcome(done.returncode, done.stdout, done.stderr)

    return ask


def printed(outcome: Outcome, what: str, prefix: str = "") -> Finding:
    """Return the token that a program printed after `prefix`, else what is wrong (see `parsed`)."""
    token = outcome.stdout.decode("utf-8", "replace").strip()
    if outcome.status == 0 and token:
        return Finding(token.removeprefix(prefix))
    return failed(outcome, what)


def parsed(
    outcome: Outcome, what: str, token_in: Callable[[Any], str], otherwise: str = "no answer"
) -> Finding:
    """Return the token in the JSON that a program printed, else what is wrong.

    Parameters:
    - what: the program's name, for people.
    - token_in: returns the token of the parsed JSON.
    - otherwise: what is wrong, if the program printed neither a token nor an error.
    """
    try:
        return Finding(token_in(json.loads(outcome.stdout)))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return failed(outcome, what, otherwise)


def failed(outcome: Outcome, what: str, otherwise: str = "no answer") -> Finding:
    """Return the finding for a program that gave no token. Parameters: as for `parsed`."""
    return Finding(trouble=f"{what}: {complaint(outcome) or otherwise}")


def complaint(outcome: Outcome) -> str:
    """Return the first error message of ours on the program's stderr, or ''."""
    for line in outcome.stderr.decode("utf-8", "replace").split("\n"):
        _, found, message = line.partition("credhelper: error: ")
        if found:
            return message.strip()
    return ""
