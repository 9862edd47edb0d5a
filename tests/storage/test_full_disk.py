"""A disk that is really full: a token is delivered, and not one for each call."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World

CALLS = 6
LIFE = 86400


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a disk of its own, of 256 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=0700", "none", str(disk)]
    if os.geteuid() or not shutil.which("mount") or subprocess.run(words).returncode:
        pytest.skip("no mounts of one's own here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def fill(disk: Path) -> None:
    """Leave not one byte."""
    with (disk / "filling").open("wb", buffering=0) as file:
        while True:
            try:
                file.write(bytes(4096))
            except OSError:
                return


@pytest.mark.sampled(2)
@pytest.mark.parametrize("full", ["CACHE", "STATE", "both"])
@pytest.mark.parametrize("at_once", [1, CALLS])
def test_an_expired_token_on_a_full_disk_is_replaced_by_one_new_token(
    scratch_world: World,
    running_sandbox: RunningSandbox,
    small_disk: Path,
    full: str,
    at_once: int,
) -> None:
    for name in ("CACHE", "STATE") if full == "both" else (full,):
        place = small_disk / name.lower()
        scratch_world.environ[f"CREDHELPER_{name}_DIR"] = str(place)
        setattr(scratch_world, name.lower(), place)
    config = scratch_world.config
    config.write_text(config.read_text() + "keep_session = true\n")
    old = scratch_world.prepare()
    scratch_world.age(LIFE + 60)
    fill(small_disk)
    running_sandbox.count_from_here()
    with ThreadPoolExecutor(at_once) as pool:
        outcomes = list(pool.map(lambda _: scratch_world.run("get"), range(CALLS)))
    assert {outcome.status for outcome in outcomes} == {0}, outcomes
    (token,) = {outcome.token for outcome in outcomes}
    assert token != old
    assert running_sandbox.stats()["created"] <= 1


def test_a_living_token_is_not_given_up_for_one_that_cannot_be_kept(
    scratch_world: World, running_sandbox: RunningSandbox, small_disk: Path
) -> None:
    scratch_world.environ["CREDHELPER_CACHE_DIR"] = str(small_disk / "cache")
    scratch_world.cache = small_disk / "cache"
    old = scratch_world.prepare()
    scratch_world.age(LIFE - 300)
    fill(small_disk)
    for _ in range(3):
        # More life than it has is asked for: a new one is made, and cannot be kept.
        outcome = scratch_world.run("get", "--min-ttl", "3600")
        assert (outcome.status, "not kept" in outcome.told) == (0, True), outcome
        assert outcome.token != old
    assert scratch_world.held()[0]["token"] == old
    assert scratch_world.run("get").token == old


def test_a_command_gets_a_cache_of_its_own_beside_a_full_disk(
    scratch_world: World, running_sandbox: RunningSandbox, small_disk: Path
) -> None:
    scratch_world.environ["CREDHELPER_CACHE_DIR"] = str(small_disk / "cache")
    fill(small_disk)
    script = 'echo "$ICA_ACCESS_TOKEN"; credhelper get; credhelper get'
    outcome = scratch_world.run("exec", "--", "sh", "-c", script)
    assert (outcome.status, len(outcome.stdout.split())) == (0, 3), outcome
    assert outcome.token
    assert "continuing with a cache for this command alone: cannot " in outcome.told
    assert running_sandbox.stats()["created"] == 1
