"""Two users of one machine, each with a home, a profile and a key."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from integrations.clients import missing
from tests.support.processes import end
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World

ADA, BOB = 43310, 43311


class Machine:
    """A folder that all users may enter, with the worlds `ada` and `bob` in it.

    Attributes: `root`; `ada` and `bob`, who own all that is in theirs; `common`, a folder of root's
    beside them, for a test to share out.
    """

    def __init__(self, root: Path, sandbox: RunningSandbox) -> None:
        self.root = root
        root.chmod(0o755)
        self.common = root / "common"
        self.common.mkdir()
        self.ada = self._world("ada", ADA, sandbox)
        self.bob = self._world("bob", BOB, sandbox)

    def _world(self, name: str, user: int, sandbox: RunningSandbox) -> World:
        folder = self.root / name
        folder.mkdir()
        world = World(folder)
        world.configure(sandbox.url, sandbox.api_key)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user, user)
        world.user = user
        return world

    def as_bob(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        """Run a program of the system as Bob."""
        who = {"user": BOB, "group": BOB, "extra_groups": []}
        return subprocess.run(words, capture_output=True, cwd="/", timeout=60, **who)  # type: ignore[call-overload,no-any-return]  # who, by name


@pytest.fixture
def machine(running_sandbox: RunningSandbox) -> Iterator[Machine]:
    """Give this test two users; without them it skips, or fails if `users` were promised."""
    if os.geteuid() != 0:
        missing("users", "only root can be several users")
    folder = Path(tempfile.mkdtemp(prefix="users-", dir="/tmp"))  # pytest's own is root's alone
    try:
        found = Machine(folder, running_sandbox)
        if found.as_bob("/bin/sh", "-c", "true").returncode or not _runs(found.bob):
            missing("users", "another user cannot run the program here")
        yield found
    finally:
        end(folder)
        for path in (folder, Path(f"/tmp/credhelper-{ADA}"), Path(f"/tmp/credhelper-{BOB}")):
            shutil.rmtree(path, ignore_errors=True)


def _runs(world: World) -> bool:
    try:
        return world.run("--version").status == 0
    except PermissionError:
        return False
