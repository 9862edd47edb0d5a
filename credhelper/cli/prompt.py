"""Ask a person, or a pipe, for a secret: without a terminal nothing prompts."""

from __future__ import annotations

import fcntl
import os
import select
import sys
import time
from enum import StrEnum

import click

from credhelper.cli import verbosity
from credhelper.config import grant
from credhelper.core.model import Secret
from credhelper.core.text import command
from credhelper.errors import ConfigError, LoginRequiredError

_MOST_BYTES = 64 * 1024
_TIMEOUT = 60.0
_MOMENT = 0.2  # seconds in which who pipes a secret in has written it


class Kind(StrEnum):
    """What a person hands over to log in, by the name that prompts have for it."""

    KEY = "API key"
    PASSWORD = "password"  # noqa: S105  # a kind's name, not one
    PSTOKEN = "psToken"


def secret(what: str, *, no_input: bool, password: bool = False, hint: str | None = None) -> Secret:
    """Return a secret from stdin: one line when it is piped, a hidden prompt on a terminal.

    Parameters:
    - what: what it is, for the prompt and for messages.
    - no_input: never prompt.
    - password: blanks and non-ASCII characters are allowed.
    - hint: what helps where nobody can be asked; by default, to pipe it in.

    Raises LoginRequiredError without a person to ask, ConfigError for what is not one line of text.
    """
    if sys.stdin is None:
        raise _nobody(what, "stdin is closed", hint)
    if not on_terminal():
        data = _piped(sys.stdin.fileno(), what)
        if not data.strip():
            raise _nobody(what, "stdin is empty and not a terminal", hint)
        return Secret(grant.one_line(data, f"the {what} on stdin", password=password))
    if no_input:
        raise _nobody(what, "--no-input forbids to ask for it", hint)
    typed: str = click.prompt(what[:1].upper() + what[1:], hide_input=True, err=True)
    return Secret(grant.one_line(typed.encode(), f"the {what}", password=password))


def on_terminal() -> bool:
    """Tell whether a person can be asked."""
    return sys.stdin is not None and sys.stdin.isatty()


def unread() -> bool:
    """Tell whether a pipe or file on stdin holds something, which stays there. Never waits long."""
    if sys.stdin is None or on_terminal():
        return False
    count = bytearray(4)
    import termios  # late: few commands ask a person

    try:
        # A pipe that stays open and empty is nobody's secret.
        select.select([sys.stdin], [], [], _MOMENT)
        fcntl.ioctl(sys.stdin, termios.FIONREAD, count)
    except (OSError, ValueError):
        return False  # nothing that holds a number of bytes, as /dev/null
    return any(count)


def this_command(*more: str) -> str:
    """Return the command that this process runs, with `more` words behind it."""
    # No secret is among its words: a command that asks for one takes it from nowhere else.
    return command("credhelper", *verbosity.current().words, *more)


def _nobody(what: str, why: str, hint: str | None = None) -> LoginRequiredError:
    piped = f'pipe it in: printf %s "$SECRET" | {this_command()}'
    return LoginRequiredError(f"the {what} is needed, and {why}", hint or piped)


def _piped(handle: int, what: str) -> bytes:
    data = b""
    deadline = time.monotonic() + _TIMEOUT
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([handle], [], [], left)[0]:
            raise _nobody(what, f"stdin did not end within {_TIMEOUT:.0f} s")
        chunk = os.read(handle, _MOST_BYTES)
        if not chunk:
            return data
        data += chunk
        if len(data) > _MOST_BYTES:
            raise ConfigError(f"the {what} on stdin is larger than 64 KiB")
