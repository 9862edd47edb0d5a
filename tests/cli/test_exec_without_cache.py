"""`credhelper exec` where no cache folder can be written: in containers and read-only homes."""

from __future__ import annotations

import os
import re
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from credhelper.cli.commands import exec as exec_command
from credhelper.core.model import Request
from credhelper.errors import CacheError
from credhelper.tokenfile import folder as runtime
from tests.cli.conftest import Person
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import SERVICE, World, snapshot
from tests.tokenfile.jobs import run_folders

_NOBODY_KNOWN = 12345  # as in `docker run -u 12345`
CI_PAGE = Path(__file__).parent.parent.parent / "docs/ci.md"
WITHOUT = (
    *("CREDHELPER_CONFIG", "CREDHELPER_CACHE_DIR", "CREDHELPER_STATE_DIR"),
    *("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"),
)
GIT = {
    "GIT_CONFIG_COUNT": "2",
    "GIT_CONFIG_KEY_0": f"credential.{SERVICE}.helper",
    "GIT_CONFIG_VALUE_0": "",
    "GIT_CONFIG_KEY_1": f"credential.{SERVICE}.helper",
    "GIT_CONFIG_VALUE_1": "credhelper",
}
# What a job does: its own token, that of our command, and that of git. Each on a line.
JOB = (
    'echo "$ICA_ACCESS_TOKEN"; credhelper get; credhelper get;'
    f" echo url={SERVICE} | git credential fill | sed -n s/^password=//p"
)


@pytest.fixture
def container(running_sandbox: RunningSandbox) -> Iterator[World]:
    """Give this test a machine without a home: its user has no name, and its key is a variable."""
    with tempfile.TemporaryDirectory() as folder:  # others may not enter pytest's folders
        os.chmod(folder, 0o755)
        world = World(Path(folder))
        for name in WITHOUT:
            world.environ.pop(name, None)
        world.environ |= {
            "CREDHELPER_API_KEY": running_sandbox.api_key,
            "CREDHELPER_URL": running_sandbox.url,
            "CREDHELPER_SERVICES": SERVICE,
            **GIT,
        }
        world.canaries.append(running_sandbox.api_key)
        if os.geteuid() == 0:
            world.belongs_to(_NOBODY_KNOWN)
            for path in (world.root, world.home):
                os.chown(path, _NOBODY_KNOWN, _NOBODY_KNOWN)
        yield world
        world.home.chmod(0o700)


def in_the_root(world: World) -> None:
    world.environ["HOME"] = "/"


def in_a_home_that_is_read_only(world: World) -> None:
    world.home.chmod(0o500)


def in_a_home_that_is_not_there(world: World) -> None:
    world.environ["HOME"] = "/nonexistent/of/nobody"


def below_a_file(world: World) -> None:
    world.environ["CREDHELPER_CACHE_DIR"] = "/dev/null/cache"


def in_a_folder_that_is_open_to_others(world: World) -> None:
    place = world.root / "open"
    place.mkdir()
    place.chmod(0o777)
    world.environ["CREDHELPER_CACHE_DIR"] = str(place)


PLACES = [
    in_the_root,
    in_a_home_that_is_read_only,
    in_a_home_that_is_not_there,
    below_a_file,
    in_a_folder_that_is_open_to_others,
]
places = pytest.mark.parametrize("place", PLACES)


@pytest.mark.sampled(3)
@places
@pytest.mark.parametrize("options", [[], ["--refresh"]])
def test_what_runs_inside_is_served_with_one_token_and_one_warning(
    container: World, running_sandbox: RunningSandbox, place: object, options: list[str]
) -> None:
    assert callable(place)
    place(container)
    outcome = container.run("exec", *options, "--", "sh", "-c", JOB)
    assert outcome.status == 0, outcome
    tokens = outcome.stdout.decode().split()
    assert len(tokens) == 4, outcome
    assert set(tokens) == {outcome.token}
    assert running_sandbox.stats()["created"] == 1
    warning, hint = outcome.told.splitlines()
    assert warning.startswith(
        "credhelper: warning: continuing with a cache for this command alone: "
    )
    assert hint.startswith("credhelper: hint: ")
    assert run_folders(container) == []


@pytest.mark.parametrize("options", [[], ["--refresh"]])
def test_the_command_finds_no_key_and_a_private_cache(container: World, options: list[str]) -> None:
    in_the_root(container)
    script = 'env; find "$CREDHELPER_CACHE_DIR" -printf "%m %y\\n"'
    outcome = container.run("exec", *options, "--", "sh", "-c", script)
    found = outcome.stdout.decode().splitlines()
    assert not any(line.startswith("CREDHELPER_API_KEY=") for line in found)
    assert any(line.startswith("BEARER_TOKEN_FILE=") for line in found) == bool(options)
    modes = {line for line in found if re.fullmatch("[0-7]+ [a-z]", line)}
    assert modes == {"700 d", "600 f"}


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("script", "status"),
    [
        ("exit 77", 77),
        ("kill -KILL $$", -signal.SIGKILL),
        ("kill -TERM $$", -signal.SIGTERM),
        ("kill -INT $PPID; exec sleep 60", -signal.SIGINT),
        ("mkdir -p $CREDHELPER_CACHE_DIR/a/b; ln -s $PRECIOUS $CREDHELPER_CACHE_DIR/a/link", 0),
    ],
)
def test_the_cache_is_gone_whatever_ends_the_command(
    container: World, script: str, status: int
) -> None:
    in_the_root(container)
    kept = container.home / "kept"
    kept.touch()
    environ = {"PRECIOUS": str(container.home)}
    outcome = container.run("exec", "--", "sh", "-c", f"trap - INT; {script}", environ=environ)
    assert outcome.status == status, outcome
    assert run_folders(container) == []
    assert kept.exists()  # no link was followed


@pytest.mark.parametrize("command", ["/no/such/command", "/dev/null"])
def test_nothing_is_left_of_a_command_that_cannot_be_run(container: World, command: str) -> None:
    in_the_root(container)
    assert container.run("exec", "--", command).status in (126, 127)
    assert run_folders(container) == []


def test_nothing_is_left_where_there_is_no_token(
    container: World, running_sandbox: RunningSandbox
) -> None:
    in_the_root(container)
    running_sandbox.fault({"status": 401, "times": "always"})
    outcome = container.run("exec", "--", "echo", "ran")
    assert (outcome.status, outcome.stdout) == (5, b""), outcome
    assert run_folders(container) == []


def test_a_living_token_that_can_be_read_needs_no_other_cache(
    container: World, running_sandbox: RunningSandbox
) -> None:
    token = container.get()
    cache = container.home / ".cache" / "credhelper"
    cache.chmod(0o500)
    container.home.chmod(0o500)
    before = snapshot(cache)
    outcome = container.run("exec", "--", "sh", "-c", JOB)
    assert (outcome.status, outcome.token, outcome.told) == (0, token, "")
    assert snapshot(cache) == before
    assert running_sandbox.stats()["created"] == 1
    cache.chmod(0o700)


@pytest.mark.sampled(2)
@places
def test_the_documented_recipe_for_ci_works_as_written(
    container: World, running_sandbox: RunningSandbox, place: object
) -> None:
    """But for `git clone`, whose question git asks here without the server."""
    assert callable(place)
    place(container)
    recipe = CI_PAGE.read_text().partition("\n## CI\n")[2].partition("```sh\n")[2]
    recipe = recipe.partition("```")[0]
    clone = "git clone https://git.example.org/team/project.git\n"
    assert clone in recipe
    asked = "echo url=https://git.example.org/team/project.git | git credential fill >/dev/null\n"
    folder = container.root / "checkout"
    folder.mkdir(0o755)
    (folder / "pipeline.sh").write_text(
        '#!/bin/sh\nset -e\ntest -z "$CREDHELPER_API_KEY"\ncredhelper get\n'
        "echo url=https://git.example.org/team | git credential fill | sed -n s/^password=//p\n"
    )
    (folder / "pipeline.sh").chmod(0o755)
    settings = container.root / "gitconfig"  # git needs a place of its own for `--global`
    settings.touch()
    for path in (settings, folder):
        if container.user is not None:
            os.chown(path, container.user, container.user)
    script = f"set -e; cd {folder}\n{recipe.replace(clone, asked)}"
    environ = {
        **dict.fromkeys(GIT),
        "CREDHELPER_API_KEY": None,
        "SECRET_FROM_YOUR_CI": running_sandbox.api_key,
        "GIT_CONFIG_GLOBAL": str(settings),
    }
    words = ("sh", "-c", f"{script}\nexit $?", "sh")
    outcome = container.run(prefix=words, environ=environ)
    assert outcome.status == 0, outcome
    assert len(outcome.stdout.decode().split()) == 2
    assert outcome.token
    assert run_folders(container) == []


def test_a_command_runs_where_there_is_no_place_at_all(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begin(*arguments: object) -> None:
        raise CacheError("no place")

    monkeypatch.setattr(runtime, "begin", begin)
    person.logs_in()
    request = Request("get")
    for name, value in person.world.environment({"CREDHELPER_CACHE_DIR": "/dev/null/x"}).items():
        monkeypatch.setenv(name, value)
    assert exec_command._place(request, needed=False) is None
    with pytest.raises(CacheError):
        exec_command._place(request, needed=True)
