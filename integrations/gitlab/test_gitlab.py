"""The template: its job's steps run in bash, as a runner runs them."""

from __future__ import annotations

import os
import string
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from integrations.git.forge import PLACEHOLDER, Forge
from integrations.servers.certificates import Certificate
from integrations.wired import Wired
from tests.support.worlds import Outcome, tokens_in

TEMPLATE = Path(__file__).parent / "credhelper.gitlab-ci.yml"
# The runner's own shell: each line is run, and the first that fails ends the job.
SHELL = ("bash", "-eo", "pipefail", "-c")


class Runner:
    """A runner of one job, whose git server is a real one."""

    def __init__(self, forge: Forge) -> None:
        self.forge = forge
        text = TEMPLATE.read_text().replace(PLACEHOLDER, forge.host)
        told = yaml.safe_load(text)
        self.job: dict[str, Any] = {**told[".credhelper"], **told["pipeline"]}
        self.folder = forge.wired.world.root / "builds/project"
        self.folder.mkdir(parents=True)
        given = {
            "CI_PROJECT_DIR": str(self.folder),
            "CREDHELPER_API_KEY": forge.wired.sandbox.api_key,
            "CREDHELPER_URL": forge.wired.sandbox.url,
        }
        # As GitLab does it: variables in variables.
        own = self.job["variables"].items()
        given |= {name: string.Template(value).safe_substitute(given) for name, value in own}
        self.environ = given

    def run(self, *parts: str) -> Outcome:
        """Run parts of the job, one after another, in one shell."""
        lines = [line for part in parts for line in self.job[part]]
        words = (*SHELL, "\n".join(lines))
        return self.forge.wired.run(*words, environ=self.environ, cwd=self.folder)

    def left(self) -> list[str]:
        """Return what lies beside the job's folder, and in the home."""
        home = self.forge.wired.world.home
        return sorted(os.listdir(self.folder.parent)) + sorted(os.listdir(home))


@pytest.fixture
def runner(
    wire: Callable[..., Wired], client: Callable[[str], str], certificate: Certificate
) -> Iterator[Runner]:
    with ExitStack() as stack:
        yield Runner(Forge(wire(), client("git"), certificate, stack, bearer=False))


def test_the_job_clones_runs_its_program_and_leaves_nothing(runner: Runner) -> None:
    before = runner.left()
    program = runner.folder / "pipeline.sh"
    program.write_text('#!/bin/sh\necho "$ICA_ACCESS_TOKEN ${CREDHELPER_API_KEY-no key}"\n')
    program.chmod(0o755)
    done = runner.run("before_script", "script")
    assert done.status == 0, done
    token = done.token
    assert done.stdout.split(b"\n")[-2] == f"{token} no key".encode()
    assert (runner.folder / "project/file.txt").read_text() == "the first text\n"
    assert runner.forge.wired.counted() == (1, 0)
    assert runner.forge.wired.sandbox.admits(token)
    ended = runner.run("after_script")
    assert ended.status == 0, ended
    assert not runner.forge.wired.sandbox.admits(token)
    assert runner.left() == before
    assert not [path for path in runner.folder.rglob("*") if has_token(path)]


def has_token(path: Path) -> bool:
    return path.is_file() and bool(tokens_in(path.read_bytes()))


def test_a_job_without_the_key_fails_and_says_why(runner: Runner) -> None:
    del runner.environ["CREDHELPER_API_KEY"]
    done = runner.run("before_script", "script")
    assert done.status == 3, done
    assert done.stderr.startswith(b"credhelper: error: ")
    assert not (runner.folder / "project").exists()
