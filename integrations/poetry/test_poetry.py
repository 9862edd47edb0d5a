"""poetry, with the files beside this one, against an index that checks the live token."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.indexed import PLACEHOLDER, SECONDS, USERNAME, Indexed
from integrations.servers.index import PROJECT, wheel
from tests.support.worlds import Outcome, tokens_in

HERE = Path(__file__).parent
VERSION = "1.3"
PUBLISHED = f'[project]\nname = "{PROJECT}"\nversion = "{VERSION}"\nrequires-python = ">=3.11"\n'


class Desk:
    """A user with poetry and a project, wired up for an index."""

    def __init__(self, index: Indexed, poetry: str) -> None:
        self.index = index
        self.wired = index.wired
        self.poetry = poetry
        self.project = self.wired.world.home / "lab"
        self.wired.environ["POETRY_VIRTUALENVS_IN_PROJECT"] = "true"
        index.configure(HERE / "credhelper.toml")
        self.name(index.host)

    def name(self, host: str) -> None:
        """Let poetry's files name `host`."""
        self.wired.place(HERE / "pyproject.toml", "lab/pyproject.toml", {PLACEHOLDER: host})
        self.wired.place(HERE / "config.toml", ".config/pypoetry/config.toml", {PLACEHOLDER: host})

    def run(self, *words: str, cwd: Path | None = None) -> Outcome:
        """Run poetry, in the project or in `cwd`."""
        words = (self.poetry, "--no-interaction", "--no-ansi", *words)
        return self.wired.run(*words, cwd=cwd or self.project)

    def works(self, *words: str, cwd: Path | None = None) -> None:
        """Run poetry, which must succeed."""
        outcome = self.run(*words, cwd=cwd)
        assert outcome.status == 0, outcome

    def lock(self) -> None:
        """Look up anew what there is: the shortest command that needs a login."""
        self.works("lock", "--no-cache", "--regenerate")


@pytest.fixture
def sit_down(
    client: Callable[[str], str], open_index: Callable[..., Indexed]
) -> Callable[..., Desk]:
    return lambda *options: Desk(open_index(*options), client("poetry"))


def test_to_lock_to_install_and_to_publish_takes_one_token(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down()

    desk.lock()
    desk.works("install", "--no-cache")
    published = desk.wired.world.home / "published"
    (published / "dist").mkdir(parents=True)
    (published / "pyproject.toml").write_text(PUBLISHED)
    name, content = wheel(VERSION)
    (published / "dist" / name).write_bytes(content)
    desk.works("publish", "-r", "work", cwd=published)

    assert list(desk.project.glob(f".venv/lib/python*/site-packages/{PROJECT}.py"))
    assert desk.index.index.files[name] == content
    assert not tokens_in((desk.project / "poetry.lock").read_bytes())
    assert desk.wired.counted() == (1, 0)
    assert {visit.username for visit in desk.index.gate.admitted} == {USERNAME}
    assert not desk.index.gate.refused


def test_an_expired_token_is_renewed_by_the_next_command(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down("--token-lifetime", str(SECONDS))

    desk.lock()
    desk.wired.wait_until(desk.index.gate.admitted[-1].expires)
    desk.lock()

    assert desk.wired.counted() == (2, 0)
    assert not desk.index.gate.refused


def test_a_host_that_no_profile_names_gets_nothing(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down()
    desk.name(f"127.0.0.1:{desk.index.port}")  # the same server, by a name that no profile has

    outcome = desk.run("lock")

    assert outcome.status == 1
    assert "Authorization error accessing" in outcome.told
    assert "credhelper" not in outcome.told
    assert {visit.scheme for visit in desk.index.gate.visits} == {""}
    assert desk.wired.counted() == (0, 0)


def test_when_nobody_can_renew_poetry_tells_our_reason_if_asked_for_all_it_knows(
    sit_down: Callable[..., Desk],
) -> None:
    desk = sit_down()
    desk.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})

    terse, verbose = desk.run("lock"), desk.run("lock", "-vv")

    assert (terse.status, verbose.status) == (1, 1)
    assert "Authorization error accessing" in terse.told
    assert "credhelper" not in terse.told
    assert "credhelper: POST" in verbose.told
    assert {visit.scheme for visit in desk.index.gate.visits} == {""}
