"""Running the user's own tools, to see what they make of their files."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence

from credhelper.config import child
from credhelper.setup.plan import Answer, Ask

TIMEOUT = 60.0
NOT_FOUND = 127


def asker(environ: Mapping[str, str]) -> Ask:
    """Return what runs programs in this environment: found on PATH, without a shell or terminal."""

    def ask(
        words: Sequence[str], stdin: bytes = b"", changes: Mapping[str, str] | None = None
    ) -> Answer:
        program = child.find(words[0], environ)
        if program is None:
            return Answer(NOT_FOUND, stderr=b"credhelper: error: there is no such program")
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
            return Answer(1, stderr=f"credhelper: error: no end in {TIMEOUT:g} s".encode())
        except OSError:
            return Answer(NOT_FOUND, stderr=b"credhelper: error: it does not start")
        return Answer(done.returncode, done.stdout, done.stderr)

    return ask


def complaint(answer: Answer) -> str:
    """Return what a helper of ours, somewhere below the tool, said was wrong; or nothing."""
    for line in answer.stderr.decode("utf-8", "replace").split("\n"):
        _, found, message = line.partition("credhelper: error: ")
        if found:
            return message.strip()
    return ""
