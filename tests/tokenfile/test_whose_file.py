"""Token files where other users reach: links, folders and mounts that are not ours alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World

_US, _SOMEBODY = 43210, 43211

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be several users")


@pytest.fixture
def shared(running_sandbox: RunningSandbox) -> Iterator[World]:
    """Give a world of a plain user, with `shared`, a folder that a group may write."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        root = Path(folder)
        root.chmod(0o755)
        world = World(root)
        world.configure(running_sandbox.url, running_sandbox.api_key)
        (root / "shared").mkdir()
        for path in (root, *root.rglob("*")):
            os.chown(path, _US, _US)
        os.chown(root / "shared", _US, _SOMEBODY)
        (root / "shared").chmod(0o2775)
        world.belongs_to(_US)
        yield world


@pytest.mark.sampled(3)
@pytest.mark.parametrize("form", ["token", "netrc"])
@pytest.mark.parametrize("command", ["write", "watch"])
@pytest.mark.parametrize("where", ["token", "way/token"])
def test_a_link_that_another_user_planted_is_not_followed(
    shared: World, form: str, command: str, where: str
) -> None:
    precious = shared.home / "token"
    precious.write_text("precious\n")
    os.chown(precious, _US, _US)
    planted = shared.root / "shared" / where.partition("/")[0]
    planted.symlink_to(precious if where == "token" else shared.home)
    os.lchown(planted, _SOMEBODY, _SOMEBODY)
    words = [command, "--to", f"{shared.root}/shared/{where}", "--format", form]
    outcome = shared.run(*words, "--service", "https://ica.example")
    assert outcome.status == 7
    assert f"link {planted}, which belongs to another user" in outcome.told
    assert precious.read_text() == "precious\n"
    os.lchown(planted, _US, _US)
    if command == "write":
        assert shared.run(*words, "--service", "https://ica.example").status == 0
        assert planted.is_symlink()


def test_another_users_folder_in_tmp_does_not_stop_a_job(shared: World) -> None:
    squatted = Path(f"/tmp/credhelper-{_US}")
    squatted.mkdir(0o700)
    try:
        words = ["exec", "--refresh", "--", "sh", "-c", 'cat "$BEARER_TOKEN_FILE"']
        assert shared.run(*words, environ={"XDG_RUNTIME_DIR": None}).token
        nowhere = {"XDG_RUNTIME_DIR": None, "CREDHELPER_CACHE_DIR": "/nonexistent"}
        outcome = shared.run(*words, environ=nowhere)
        assert outcome.status == 7
        hint = outcome.told.rpartition("credhelper: hint: ")[2]
        prefix = ["sh", "-c", f'{hint}\nexec "$@"', "sh"]
        assert shared.run(*words, environ=nowhere, prefix=prefix).token
    finally:
        squatted.rmdir()


def test_a_file_that_is_a_mount_point_is_named_with_what_helps(shared: World) -> None:
    if not shutil.which("unshare") or subprocess.run(["unshare", "-m", "true"]).returncode:
        pytest.skip("no mounts of one's own here")
    shared.user = None
    token = shared.root / "token"
    token.touch(0o600)
    shutil.chown(shared.root / "api-key", 0, 0)
    for path in (shared.root, shared.home, shared.config):
        shutil.chown(path, 0, 0)
    mounted = 'for f do case $f in */token|*/config.toml) mount --bind "$f" "$f";; esac; done'
    prefix = ["unshare", "-m", "sh", "-c", f'{mounted}; shift; exec "$@"', "sh", str(shared.config)]
    for words in (["write", "--to", str(token)], ["profile", "use", "main"]):
        if words[0] == "profile":
            shared.config.write_text(shared.config.read_text().replace("default_profile", "#"))
        outcome = shared.run(*words, prefix=prefix)
        assert outcome.status == 7, outcome
        assert "it is a mount point or in use, and cannot be replaced" in outcome.told
        assert "credhelper: hint: mount " in outcome.told
        assert ".tmp" not in outcome.told
