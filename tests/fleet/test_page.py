"""docs/fleet.md, done by somebody who has nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.sandboxes import RunningSandbox
from tests.support.stores import Store
from tests.support.worlds import World

PAGE = Path(__file__).parent.parent.parent / "docs/fleet.md"
THEIRS = "rediss://credhelper@redis.example.org:6379/0"
PASSWORD = 'password = { file = "~/.config/credhelper/store.password" }\n'
THERE = "ssh other tar -xp"
MOST = 5


def commands() -> list[str]:
    """Return the commands of the page, each as a shell takes it."""
    (block,) = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    found, pending = [], ""
    for line in block.splitlines(keepends=True):
        pending += line
        if "<<'EOF'" not in pending or line == "EOF\n":
            found.append(pending)
            pending = ""
    return found


def at_home(root: Path) -> World:
    """Return a world whose config is where the page says."""
    root.mkdir()
    world = World(root)
    for name in ("CREDHELPER_CONFIG", "CREDHELPER_CACHE_DIR", "CREDHELPER_STATE_DIR"):
        del world.environ[name]
    world.config = world.home / ".config/credhelper/config.toml"
    world.config.parent.mkdir(parents=True, mode=0o700)
    world.cache = world.home / ".cache/credhelper"
    return world


@pytest.mark.parametrize("place", [".config/credhelper/work.key", "work.key"])
def test_two_hosts_share_after_five_commands(
    plain: Store, running_sandbox: RunningSandbox, tmp_path: Path, place: str
) -> None:
    one, other = at_home(tmp_path / "one"), at_home(tmp_path / "other")
    key = one.home / place  # the page's commands copy the first, and leave the second
    key.touch(0o600)
    key.write_text(running_sandbox.api_key)
    one.config.write_text(
        f'[profiles.work]\nurl = "{running_sandbox.url}"\ngrant = {{ file = "~/{place}" }}\n'
    )
    one.get()  # it works already
    running_sandbox.count_from_here()
    told = commands()
    assert len(told) == MOST
    install, *rest, copy = told
    assert install.startswith("pip install 'credhelper[fleet]'")
    assert copy.count(THERE) == 1
    for each in rest:
        assert each.count(THEIRS) == each.count(PASSWORD)
        asked = each.replace(THEIRS, plain.url).replace(PASSWORD, "")
        subprocess.run(["sh", "-c", asked], env=one.environ, cwd="/", check=True, timeout=60)
    shutil.rmtree(other.config.parent)
    words = ["sh", "-c", copy.replace(THERE, f"tar -xpC '{other.home}'")]
    subprocess.run(words, env=one.environ, cwd="/", check=True, timeout=60)
    for host in (one, other):
        check = host.run("fleet", "check")
        assert check.status == 0, check
    assert one.get() == other.get()
    assert running_sandbox.stats()["created"] == 1
