"""A person at the keyboard: the people's door in this process, in a scratch world."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import TextIO
from unittest.mock import patch

import pytest
from click.testing import CliRunner

from credhelper.cli.main import people
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import Outcome, World


@contextmanager
def _file(text: str) -> Iterator[TextIO]:
    """Give a stdin that the kernel knows, as a pipe's or file's would be."""
    with TemporaryFile("w+", encoding="utf-8", newline="") as file:
        file.write(text)
        file.seek(0)
        yield file


class Person:
    """Somebody who types commands. What is shown is held to its silence about secrets.

    Attributes: `world`; `api`, the sandbox they have an account at.
    """

    def __init__(self, world: World, api: RunningSandbox) -> None:
        self.world = world
        self.api = api
        world.canaries += [api.api_key, api.password]

    def types(
        self, *words: str, stdin: str = "", environ: Mapping[str, str | None] | None = None
    ) -> Outcome:
        """Run one command in this process, with `stdin` piped in, and return how it ended."""
        where = self.world.environment(environ)
        with (
            patch.dict(os.environ, where, clear=True),
            CliRunner().isolation() as (stdout, stderr, _),
            _file(stdin) as piped,
            patch.object(sys, "stdin", piped),
        ):
            status = people(words)
            outcome = Outcome(status, stdout.getvalue(), stderr.getvalue())
        self.world.hold_to_silence(outcome)
        return outcome

    def logs_in(self, *words: str, stdin: str | None = None) -> Outcome:
        """Log in to the sandbox with its API key, or with what `stdin` and `words` say."""
        key = self.api.api_key if stdin is None else stdin
        outcome = self.types("login", "--url", self.api.url, *words, stdin=key)
        assert outcome.status == 0, outcome
        return outcome

    def token(self, *words: str, environ: Mapping[str, str | None] | None = None) -> str:
        """Return the whole token that `credhelper get` prints."""
        outcome = self.world.run("get", *words, environ=environ)
        assert (outcome.status, outcome.told) == (0, ""), outcome
        return outcome.stdout.decode().removesuffix("\n")

    def config(self) -> str:
        """Return the text of the config file, or nothing."""
        return self.world.config.read_bytes().decode() if self.world.config.exists() else ""


@pytest.fixture
def person(tmp_path: Path, running_sandbox: RunningSandbox) -> Person:
    """Give this test somebody with an account at the sandbox, and nothing configured."""
    return Person(World(tmp_path), running_sandbox)
