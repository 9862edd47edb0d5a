"""What happens to a token that a tool was refused, or that somebody wants to plant."""

from __future__ import annotations

from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World, snapshot

_ASK = b"protocol=https\nhost=ica.example\n"


def _erase(world: World, token: str) -> None:
    outcome = world.run(
        "git", "erase", stdin=_ASK + f"username=oauth2\npassword={token}\n".encode()
    )
    assert (outcome.status, outcome.stdout, outcome.stderr) == (0, b"", b"")


def _git_get(world: World) -> str:
    return world.run("git", "get", stdin=_ASK).token


def late_erase(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """A slow process rejects what its neighbour has replaced: the new one stays."""
    first = _git_get(scratch_world)
    scratch_world.age(90000)
    second = _git_get(scratch_world)
    assert first != second
    before = snapshot(scratch_world.cache)
    _erase(scratch_world, first)
    assert snapshot(scratch_world.cache) == before
    assert _git_get(scratch_world) == second
    assert running_sandbox.stats()["created"] == 2


def rightful_erase(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """The token that is held goes, once it is old enough to have been valid everywhere."""
    token = _git_get(scratch_world)
    _erase(scratch_world, token)
    assert _git_get(scratch_world) == token
    scratch_world.age(120)
    _erase(scratch_world, token)
    assert not scratch_world.held()
    assert _git_get(scratch_world) != token
    assert running_sandbox.stats() == {**running_sandbox.stats(), "created": 2, "revoked": 0}


def store_then_get(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """What is stored is never answered, whether we hold a token or not."""
    planted = _ASK + b"username=oauth2\npassword=evil-password\n"
    for _ in range(2):
        outcome = scratch_world.run("git", "store", stdin=planted)
        assert (outcome.status, outcome.stdout, outcome.stderr) == (0, b"", b"")
        assert b"evil" not in scratch_world.run("git", "get", stdin=_ASK).stdout
    assert _git_get(scratch_world) == scratch_world.held()[0]["token"]
    assert running_sandbox.stats()["created"] == 1
