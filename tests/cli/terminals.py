"""Somebody at a terminal: a command whose stdin is a pty, and lines typed at its prompts."""

from __future__ import annotations

import os
import pty
import subprocess
import termios
import time

from tests.cli.conftest import Person
from tests.support.programs import command


def on_a_terminal(person: Person, *words: str, types: dict[str, str]) -> tuple[int, str]:
    """Run a command whose stdin is a terminal, at which somebody types a line after each prompt.

    Parameters: `types`, the line to type by the prompt to wait for; "" waits for none.
    """
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*command(), *words],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=person.world.environ,
    ) as process:
        os.close(theirs)
        assert process.stdout
        told = ""
        for prompt, line in types.items():
            while prompt not in told:
                more = os.read(process.stdout.fileno(), 4096).decode()
                assert more, told
                told += more
            # A hidden prompt drops what was typed before it.
            for _ in range(100):
                if "API key" not in prompt or not termios.tcgetattr(ours)[3] & termios.ECHO:
                    break
                time.sleep(0.05)
            os.write(ours, f"{line}\n".encode())
        told += process.stdout.read().decode()
    os.close(ours)
    return process.returncode, told
