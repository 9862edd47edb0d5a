"""Caches, locks and homes that are not what they should be."""

from __future__ import annotations

import fcntl
import os
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World, snapshot

_SOMEBODY = 1000
_NOBODY = 54321  # a user without an entry, and so without a home, in the password database
_LIFETIME = 86400


def _modes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder.parent)): stat.filemode(path.lstat().st_mode)
        for path in (folder, *folder.rglob("*"))
    }


def _assert_private(folder: Path) -> None:
    for name, mode in _modes(folder).items():
        assert mode in ("drwx------", "-rw-------"), (name, mode)


def list_in_spite_of_the_cache(
    how: str, scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    """A listing needs no cache: it asks nobody, waits for nobody, and says what is configured."""
    scratch_world.prepare()
    running_sandbox.count_from_here()
    held = []
    for path in sorted(scratch_world.cache.iterdir()):
        if how == "locked":
            held.append(path.open("r+"))
            fcntl.flock(held[-1], fcntl.LOCK_EX)
        elif how == "corrupt":
            path.write_bytes(b"\x00\xff\n" + path.read_bytes()[::-1])
        elif how == "truncated":
            path.write_bytes(b"")
        elif how in ("folders", "fifos"):
            path.unlink()
            if how == "folders":
                path.mkdir()
            else:
                os.mkfifo(path, 0o600)
        else:
            path.chmod(0)
    if how == "unreadable":
        scratch_world.cache.chmod(0)
    try:
        outcome = scratch_world.run("docker", "list", stdin=b"unused")
    finally:
        scratch_world.cache.chmod(0o700)
        for file in held:
            file.close()
    assert (outcome.status, outcome.stdout) == (0, b'{"ica.example":"oauth2"}\n')
    assert running_sandbox.stats()["requests"] == 0


# --- row 70 ---------------------------------------------------------------------------------------


def lock_is_a_symlink(
    which: str, start: str, scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    """A lock that leads elsewhere is not followed; the token is answered, and one is told."""
    precious = scratch_world.home / ".bashrc"
    precious.write_text("export PRECIOUS=1\n")
    precious.chmod(0o644)
    scratch_world.get()
    (record,) = scratch_world.records()
    (routes,) = scratch_world.cache.glob("routes-*.8-*")
    locked = routes.with_name(routes.name.partition(".")[0]) if which == "routes" else record
    lock = Path(f"{locked}.lock")
    lock.unlink()
    lock.symlink_to(scratch_world.home / "new" if which == "dangling" else precious)
    if start == "expired":
        scratch_world.age(_LIFETIME + 60)
    else:
        record.unlink()
        routes.unlink()
    before = snapshot(scratch_world.home)
    running_sandbox.count_from_here()
    outcome = scratch_world.run("get")
    assert outcome.status == 0
    assert outcome.token == scratch_world.held()[0]["token"]
    if which != "routes":
        assert f"lock file {lock} is a symlink" in outcome.told
        assert f"credhelper: hint: remove it: rm {lock}" in outcome.told
    assert snapshot(scratch_world.home) == before
    assert lock.is_symlink()
    assert running_sandbox.stats()["created"] == 1


def record_is_a_symlink(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """A record that leads elsewhere is not believed, and what it leads to stays as it is."""
    token = scratch_world.prepare()
    (record,) = scratch_world.records()
    elsewhere = scratch_world.home / "elsewhere"
    record.rename(elsewhere)
    record.symlink_to(elsewhere)
    before = snapshot(scratch_world.home)
    assert scratch_world.get() != token
    assert not record.is_symlink()
    assert snapshot(scratch_world.home) == before
    assert running_sandbox.stats()["created"] == 2


def lock_is_something_else(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """A folder, a FIFO or a socket where the lock should be: no hang, and a token."""
    for make in (lambda path: path.mkdir(), lambda path: os.mkfifo(path, 0o600)):
        scratch_world.get()
        scratch_world.age(_LIFETIME + 60)
        (record,) = scratch_world.records()
        lock = Path(f"{record}.lock")
        lock.unlink(missing_ok=True)
        make(lock)
        outcome = scratch_world.run("get")
        assert outcome.status == 0
        assert outcome.token == scratch_world.held()[0]["token"]
        (lock.rmdir if lock.is_dir() else lock.unlink)()
    assert running_sandbox.stats()["created"] == 3


# --- row 72 ---------------------------------------------------------------------------------------


def insecure_cache(
    how: str, says: list[str], scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    """A cache that others can get at is not used: the token is answered, with the exact advice."""
    cache = scratch_world.cache
    if how == "symlink":
        elsewhere = scratch_world.root / "elsewhere"
        elsewhere.mkdir(0o700)
        cache.symlink_to(elsewhere)
    elif how == "file":
        cache.write_text("precious")
    else:
        cache.mkdir(0o700)
        cache.chmod(int(how, 8))
    before = snapshot(scratch_world.root)
    for _ in range(2):
        outcome = scratch_world.run("get")
        assert outcome.status == 0
        assert outcome.token
        assert "continuing without a cache: " in outcome.told
        for words in says:
            assert words.replace("%CACHE%", str(cache)) in outcome.told, outcome
    assert snapshot(scratch_world.root) == before
    assert running_sandbox.stats()["created"] == 2


def foreign_cache(owner: int, user: int, says: list[str], running_sandbox: RunningSandbox) -> None:
    """A cache of somebody else's is not used: the token is answered, with the exact advice."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    with _world_of(user, running_sandbox) as world:
        os.chown(world.root / "api-key", user, user)
        world.cache.mkdir(0o700)
        os.chown(world.cache, owner, owner)
        before = snapshot(world.root)
        outcome = world.run("get")
        assert outcome.status == 0
        assert outcome.token
        for words in says:
            assert words.replace("%CACHE%", str(world.cache)) in outcome.told, outcome
        assert snapshot(world.root) == before


def cache_becomes_insecure(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """What lies in a cache that anybody can write to may be anybody's: it is not served."""
    planted = scratch_world.prepare()
    scratch_world.cache.chmod(0o777)
    before = snapshot(scratch_world.root)
    outcome = scratch_world.run("get")
    assert outcome.status == 0
    assert outcome.token != planted
    assert "credhelper: hint: chmod 700 " in outcome.told
    assert snapshot(scratch_world.root) == before
    scratch_world.cache.chmod(0o700)
    assert scratch_world.get() == planted
    assert running_sandbox.stats()["created"] == 2


def insecure_ancestor(scratch_world: World) -> None:
    """A cache is not made below a folder where anybody could put another in its place."""
    shared = scratch_world.root / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    environ = {"CREDHELPER_CACHE_DIR": str(shared / "cache")}
    outcome = scratch_world.run("get", environ=environ)
    assert outcome.status == 0
    assert outcome.token
    assert f"credhelper: hint: chmod o-w {shared}\n" in outcome.told
    assert list(shared.iterdir()) == []
    shared.chmod(0o1777)
    scratch_world.get(environ=environ)
    _assert_private(shared / "cache")


# --- row 73 ---------------------------------------------------------------------------------------


def umask(mask: str, scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """Whatever the umask: folders 0700, files 0600, and a warm answer afterwards."""
    prefix = ("sh", "-c", f'umask {mask}; exec "$@"', "sh")
    running_sandbox.fault({"delay": 1})
    asking = scratch_world.start("get", prefix=prefix)
    # While the API thinks, the locks are there already.
    while not list(scratch_world.cache.glob("[!r]*.lock")) and asking.poll() is None:
        pass
    _assert_private(scratch_world.cache)
    token = scratch_world.finish(asking).token
    _assert_private(scratch_world.cache)
    outcome = scratch_world.run("get", prefix=prefix)
    assert (outcome.status, outcome.token, outcome.told) == (0, token, "")
    assert running_sandbox.stats()["created"] == 1


def loose_record(mode: int, scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """A record that others could read or write is not believed; what replaces it is private."""
    token = scratch_world.prepare()
    (record,) = scratch_world.records()
    record.chmod(mode)
    assert scratch_world.get() != token
    _assert_private(scratch_world.cache)
    assert running_sandbox.stats()["created"] == 2


def loose_lock(scratch_world: World) -> None:
    """A lock that others can open, and so hold for ever, is tightened."""
    scratch_world.prepare()
    scratch_world.age(_LIFETIME + 60)
    for path in scratch_world.cache.glob("*.lock"):
        path.chmod(0o666)
    scratch_world.get()
    (record,) = scratch_world.records()
    assert stat.S_IMODE(Path(f"{record}.lock").stat().st_mode) == 0o600


# --- row 83 ---------------------------------------------------------------------------------------


@contextmanager
def _world_of(uid: int, sandbox: RunningSandbox) -> Iterator[World]:
    """Yield a world that a user without privileges may use, and owns."""
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        world = World(root)
        world.configure(sandbox.url, sandbox.api_key)
        if os.geteuid() == 0:
            for path in (root, *root.rglob("*")):
                os.chown(path, uid, uid)
            world.belongs_to(uid)
        yield world


def read_only_cache(running_sandbox: RunningSandbox) -> None:
    """A valid token in a cache that cannot be written is served, and nothing is created."""
    with _world_of(_SOMEBODY, running_sandbox) as world:
        token = world.prepare()
        world.cache.chmod(0o500)
        before = snapshot(world.root)
        assert world.get() == token
        assert snapshot(world.root) == before
        world.cache.chmod(0o700)
    assert running_sandbox.stats()["created"] == 1


def read_only_cache_for_git(running_sandbox: RunningSandbox) -> None:
    """git and docker are answered from it likewise."""
    with _world_of(_SOMEBODY, running_sandbox) as world:
        token = world.prepare()
        world.cache.chmod(0o500)
        before = snapshot(world.root)
        asked = b"protocol=https\nhost=ica.example\n\n"
        assert world.run("git", "get", stdin=asked).token == token
        assert world.run("docker", "get", stdin=b"ica.example").token == token
        assert snapshot(world.root) == before
        world.cache.chmod(0o700)


def read_only_cache_with_a_stale_token(running_sandbox: RunningSandbox) -> None:
    """A stale token that could not be replaced is served: not a new one for each call."""
    with _world_of(_SOMEBODY, running_sandbox) as world:
        token = world.prepare()
        world.age(_LIFETIME - 45)
        world.cache.chmod(0o500)
        running_sandbox.count_from_here()
        before = snapshot(world.cache)
        for _ in range(3):
            outcome = world.run("get")
            assert (outcome.status, outcome.token) == (0, token)
        assert snapshot(world.cache) == before
        world.cache.chmod(0o700)
    assert running_sandbox.stats()["created"] == 0


def read_only_cache_without_a_token(running_sandbox: RunningSandbox) -> None:
    """Nothing is held and nothing can be: a token all the same, and one warning."""
    with _world_of(_SOMEBODY, running_sandbox) as world:
        world.cache.mkdir(0o700)
        if world.user is not None:
            os.chown(world.cache, world.user, world.user)
        world.cache.chmod(0o500)
        outcome = world.run("get")
        assert outcome.status == 0
        assert outcome.token
        assert "not kept" in outcome.told
        assert list(world.cache.iterdir()) == []
        world.cache.chmod(0o700)


# --- row 86 ---------------------------------------------------------------------------------------


def pid_in_the_lock(pid: str, scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """What stands in a lock file means nothing: only the kernel knows who holds it."""
    scratch_world.prepare()
    scratch_world.age(_LIFETIME + 60)
    locks = list(scratch_world.cache.glob("*.lock"))
    for path in locks:
        path.write_text(f"{pid}\n")
    running_sandbox.count_from_here()
    scratch_world.get()
    assert running_sandbox.stats()["created"] == 1
    assert [path.read_text() for path in locks] == [f"{pid}\n"] * len(locks)


# --- rows 87 and 88 -------------------------------------------------------------------------------


def odd_home(environ: Mapping[str, str], says: str, running_sandbox: RunningSandbox) -> None:
    """Without a home there is no cache: the token is answered, and nothing is written anywhere."""
    if os.geteuid() != 0:
        pytest.skip("only root can become a user without a home")
    with _world_of(_NOBODY, running_sandbox) as world:
        cwd = world.root / "work"
        cwd.mkdir()
        os.chown(cwd, _NOBODY, _NOBODY)
        before = snapshot(world.root)
        own = {"HOME": None, "CREDHELPER_CACHE_DIR": None, "CREDHELPER_STATE_DIR": None}
        outcome = world.run("get", environ={**own, **environ}, cwd=cwd)
        assert outcome.status == 0, outcome
        assert outcome.token
        assert says in outcome.told
        asked = b"protocol=https\nhost=evil.test\n\n"
        outcome = world.run("git", "get", stdin=asked, environ={**own, **environ}, cwd=cwd)
        assert (outcome.status, outcome.stdout) == (0, b"")
        assert snapshot(world.root) == before
    assert running_sandbox.stats()["created"] == 1


def relative_xdg(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """A relative XDG folder is ignored, as its specification says: the home's own is used."""
    cwd = scratch_world.root / "work"
    cwd.mkdir()
    environ = {
        "CREDHELPER_CACHE_DIR": None,
        "CREDHELPER_STATE_DIR": None,
        "XDG_CACHE_HOME": "cache",
        "XDG_STATE_HOME": "./state",
        "XDG_CONFIG_HOME": "../config",
        "XDG_RUNTIME_DIR": "run",
    }
    tokens = {scratch_world.run("get", environ=environ, cwd=cwd).token for _ in range(2)}
    assert len(tokens) == 1
    assert list(cwd.iterdir()) == []
    _assert_private(scratch_world.home / ".cache" / "credhelper")
    assert running_sandbox.stats()["created"] == 1


def refused_folder(environ: Mapping[str, str], says: str, scratch_world: World) -> None:
    """A folder that is named relatively could be anybody's: a clear error, and nothing written."""
    cwd = scratch_world.root / "work"
    cwd.mkdir()
    (cwd / "config.toml").write_text(scratch_world.config.read_text())
    before = snapshot(scratch_world.root)
    for words in (["get"], ["git", "get"], ["docker", "get"], ["status"]):
        stdin = b"ica.example\n" if words[0] == "docker" else b"protocol=https\nhost=ica.example\n"
        outcome = scratch_world.run(*words, environ=environ, cwd=cwd, stdin=stdin)
        assert outcome.status > 0
        assert says in outcome.told + outcome.stdout.decode()
    assert snapshot(scratch_world.root) == before


def root_in_the_home_of_a_user(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """sudo keeps HOME: root leaves nothing there that the user could not remove."""
    if os.geteuid() != 0:
        pytest.skip("only root can be root in somebody else's home")
    os.chown(scratch_world.home, _SOMEBODY, _SOMEBODY)
    environ = {"CREDHELPER_CACHE_DIR": None, "CREDHELPER_STATE_DIR": None}
    before = snapshot(scratch_world.home)
    for words in (["get"], ["docker", "list"], ["git", "get"], ["status"]):
        outcome = scratch_world.run(
            *words, environ=environ, stdin=b"protocol=https\nhost=ica.example\n"
        )
        assert outcome.status == 0, outcome
    assert snapshot(scratch_world.home) == before
    assert running_sandbox.stats()["created"] == 2
    # Where the user has a cache already, it is not touched either.
    for folder in (".cache", ".cache/credhelper"):
        (scratch_world.home / folder).mkdir(0o700)
        os.chown(scratch_world.home / folder, _SOMEBODY, _SOMEBODY)
    before = snapshot(scratch_world.home)
    outcome = scratch_world.run("get", environ=environ)
    assert outcome.status == 0
    assert "belongs to another user" in outcome.told
    assert snapshot(scratch_world.home) == before


# --- row 84 ---------------------------------------------------------------------------------------

_DESCRIPTORS = """
import os
for number in range(3, 256):
    try:
        print(os.readlink(f"/proc/self/fd/{number}"))
    except OSError:
        continue
"""


def exec_inherits_no_lock(scratch_world: World) -> None:
    """A child that lives for days holds no lock of ours, not even right after a renewal."""
    outcome = scratch_world.run("exec", "--", sys.executable, "-c", _DESCRIPTORS)
    assert outcome.status == 0, outcome
    assert str(scratch_world.cache).encode() not in outcome.stdout
    assert b"socket:" not in outcome.stdout


def grant_command_inherits_no_lock(scratch_world: World, running_sandbox: RunningSandbox) -> None:
    """A grant command runs while the lock is held, and must not be able to keep it."""
    seen = scratch_world.root / "seen"
    script = scratch_world.root / "grant"
    key = scratch_world.secret_file("api-key", running_sandbox.api_key)
    script.write_text(f"#!/bin/sh\nls -l /proc/self/fd >{seen}\ncat {key}\n")
    script.chmod(0o755)
    scratch_world.configure(
        running_sandbox.url,
        running_sandbox.api_key,
        main={"grant": {"command": [str(script)]}},
    )
    scratch_world.get()
    told = seen.read_text()
    assert ".lock" not in told
    assert str(scratch_world.cache) not in told
