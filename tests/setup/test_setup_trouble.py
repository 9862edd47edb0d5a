"""`credhelper setup` when something goes wrong in the middle."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from credhelper.setup import disk
from tests.cli.conftest import Person
from tests.setup.cases import CANARY
from tests.setup.conftest import GIT, gitconfig
from tests.support.programs import python_environment
from tests.support.worlds import snapshot


def test_a_journal_that_does_not_hold_together_is_told_of(person: Person) -> None:
    assert person.types(*GIT).status == 0
    path = person.world.state / "setup.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "files": {}}))
    for mode in ("--check", "--undo"):
        outcome = person.types(*GIT, mode)
        assert outcome.status == 7
        assert "setup.json is damaged" in outcome.told


@pytest.mark.parametrize("spot", ["put", "make_folder"])
def test_trouble_in_the_middle_leaves_all_as_it_was(
    person: Person, monkeypatch: pytest.MonkeyPatch, spot: str
) -> None:
    """A full disk, at each step that writes: what was done before it is undone."""
    real: Callable[..., object] = getattr(disk, spot)
    before = snapshot(person.world.home)
    for turn in range(3):
        calls: list[int] = []

        def full(*arguments: object, turn: int = turn, calls: list[int] = calls) -> object:
            calls.append(1)
            if len(calls) == turn + 1:
                raise OSError(28, "No space left on device", "somewhere")
            return real(*arguments)

        monkeypatch.setattr(disk, spot, full)
        words = ("setup", "terraform", "--service", "https://registry.example")
        outcome = person.types(*words)
        if len(calls) <= turn:
            assert outcome.status == 0
            break
        assert (outcome.status, "No space left" in outcome.told) == (7, True)
        assert {**snapshot(person.world.home), ".": ()} == {**before, ".": ()}
        assert not (person.world.state / "setup.json").exists()
    monkeypatch.undo()
    assert person.types("setup", "terraform", "--undo").status == 0


_KILLED = """
import os, signal, sys
turn = int(sys.argv.pop(1))
def last_at(name):
    real = getattr(os, name)
    def step(*arguments, **options):
        global turn
        turn -= 1
        if not turn:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **options)
    setattr(os, name, step)
for name in ("replace", "unlink", "symlink", "mkdir", "rmdir"):
    last_at(name)
from credhelper.cli.main import people
sys.argv[0] = os.path.join(os.path.dirname(sys.executable), "credhelper")
sys.exit(people(sys.argv[1:]))
"""


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("before", "killed"),
    [
        ([], GIT),
        ([GIT], (*GIT, "--profile", "main")),
        ([GIT], (*GIT, "--undo")),
        ([GIT, (*GIT[:3], "https://registry.example")], (*GIT, "--undo")),
        ([], ("setup", "terraform", "--service", "https://git.example")),
    ],
    ids=["setup", "another profile", "undo", "undo of one", "file, folders, link"],
)
def test_who_is_killed_leaves_nothing_that_undo_does_not_find(
    person: Person, before: list[tuple[str, ...]], killed: tuple[str, ...]
) -> None:
    """Killed before each step that changes a name: what comes next finds all of it."""
    gitconfig(person).write_text(f"[user]\n\tname = {CANARY}")
    for turn in range(1, 40):
        as_it_was = {**snapshot(person.world.home), ".": (), ".gitconfig": ()}
        for words in before:
            assert person.types(*words).status == 0
        done = subprocess.run(
            [sys.executable, "-c", _KILLED, str(turn), *killed],
            env={**python_environment(), **person.world.environ},
            capture_output=True,
        )
        for tool in ("git", "terraform"):
            assert person.types("setup", tool, "--undo").status == 0
        assert gitconfig(person).read_text() == f"[user]\n\tname = {CANARY}"
        assert {**snapshot(person.world.home), ".": (), ".gitconfig": ()} == as_it_was
        left = {path.name for path in person.world.state.rglob("*")}
        assert left <= {"files.lock", "setup.lock", "config.lock"}
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
    assert turn > 3


def test_a_check_of_git_tells_who_else_is_told_the_token(person: Person) -> None:
    for text in (
        "[credential]\n\thelper = store\n\thelper = credhelper\n",
        '[credential]\n\thelper = x\n[credential "https://git.example"]\n\thelper = credhelper\n',
        '[credential "https://git.example"]\n\thelper =\n\thelper = credhelper\n\thelper = x\n',
    ):
        gitconfig(person).write_text(text)
        outcome = person.types(*GIT, "--check")
        assert (outcome.status, "another helper" in outcome.told) == (3, True), outcome
        assert "credhelper setup git --service https://git.example" in outcome.told
        (person.world.home / ".git-credentials").unlink(missing_ok=True)
    gitconfig(person).unlink()
    assert person.types(*GIT).status == 0
    assert person.types(*GIT, "--check").status == 0


def test_a_check_of_git_tells_of_a_token_that_was_stored(person: Person) -> None:
    assert person.types(*GIT).status == 0
    stored = person.world.home / ".git-credentials"
    mine = "https://me:pw@git.example\nhttps://me:eyJx.e30.x@other.example\n"
    stored.write_text(mine)
    assert person.types(*GIT, "--check").status == 0
    stored.write_text(f"{mine}https://oauth2:eyJx.e30.x@git.example\n")
    outcome = person.types(*GIT, "--check")
    assert (outcome.status, ".git-credentials holds a token" in outcome.told) == (3, True)
    assert "eyJ" not in outcome.told
