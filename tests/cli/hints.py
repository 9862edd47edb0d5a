"""A hint as a person meets it: read from what a program said, and pasted into a shell."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.support.worlds import TIMEOUT, Outcome, World

# What a hint that is a command, or its part behind the last colon, begins with.
_PROGRAMS = {
    "chmod",
    "cp",
    "credhelper",
    "export",
    "fuser",
    "git",
    "ls",
    "mkdir",
    "mv",
    "printf",
    "rm",
    "runuser",
    "setpriv",
    "unset",
}
_HINT = re.compile(r"^credhelper: hint: (.*)$", re.MULTILINE)
_DONE = "the hint was followed"


def hints(told: str) -> list[str]:
    """Return all hints in what a program told."""
    return _HINT.findall(told)


def commands(told: str) -> list[str]:
    """Return the commands in the hints of what a program told."""
    found = []
    for hint in hints(told):
        for start in [0, *(match.end() for match in re.finditer(": ", hint))]:
            if hint[start:].split(" ", 1)[0] in _PROGRAMS:
                found.append(hint[start:])
                break
    return found


def paste(
    world: World, hint: str, then: str, stdin: str, environ: Mapping[str, str | None], cwd: Path
) -> Outcome:
    """Run `hint` in a shell as it is printed, and `then` in the same shell.

    A hint that fails ends the shell. Parameters: `stdin`, what is typed meanwhile.
    """
    done = subprocess.run(
        ["sh", "-ec", f"{hint}\necho '{_DONE}' >&2\n{then}"],
        input=stdin.encode(),
        capture_output=True,
        env=world.environment(environ),
        cwd=cwd,
        timeout=TIMEOUT,
    )
    outcome = Outcome(done.returncode, done.stdout, done.stderr)
    world.hold_to_silence(outcome)
    assert _DONE in outcome.told, (hint, outcome)
    return outcome
