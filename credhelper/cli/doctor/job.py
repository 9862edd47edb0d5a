"""`credhelper doctor --as-job`: the same in a process as a batch job or a cron job has it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

import click

from credhelper.core import paths
from credhelper.errors import CacheError, UsageError

_LIMIT = 600.0  # seconds


def run(words: Sequence[str], variables: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the doctor in a session of its own, without a terminal; return its exit status.

    Parameters:
    - words: its arguments.
    - variables: `NAME=VALUE` each: with HOME its whole environment.
    - environ: ours, which says where the home is.

    What it prints is printed here.
    """
    home = environ.get("HOME") or paths.home(environ)
    given = dict(_pair(one) for one in variables)
    try:
        done = subprocess.run(
            [*_program(), "doctor", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=({"HOME": home} if home else {}) | given,
            start_new_session=True,
            timeout=_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CacheError(f"no end in {_LIMIT:g} s") from None
    except ValueError:
        raise UsageError("--env: a value holds a null byte") from None
    click.echo(done.stderr, nl=False, err=True)
    click.echo(done.stdout, nl=False)
    return done.returncode if done.returncode >= 0 else 128 - done.returncode


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.isidentifier() or not name.isascii():
        # What was typed is not repeated: it may be a secret.
        raise UsageError(
            "--env: expected NAME=VALUE", "credhelper doctor --as-job --env NAME=VALUE"
        )
    return name, value


def _program() -> list[str]:
    own = sys.argv[0]
    if os.path.isabs(own) and os.path.basename(own) == "credhelper" and os.access(own, os.X_OK):
        return [own]
    return [sys.executable, "-m", "credhelper"]
