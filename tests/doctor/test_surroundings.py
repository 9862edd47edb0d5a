"""What the doctor finds beside the profiles: other versions, held locks, projects, settings."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.doctor.stage import GIT, RECORD, Stage
from tests.doctor.test_doctor import check, examined, of

HOLDS = """
import fcntl, os, sys
handle = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
fcntl.flock(handle, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.sampled(3)
@pytest.mark.parametrize("place", ["cache", "state/sessions", "state/grants"])
@pytest.mark.parametrize("name", [f"{RECORD}.lock", f"{RECORD}.second.lock"])
def test_a_lock_that_a_process_holds_is_told_with_that_process(
    stage: Stage, place: str, name: str
) -> None:
    name = "work.key.routes-1f.lock" if place.endswith("grants") else name
    folder = stage.world.root / place
    for each in (*[one for one in folder.parents if stage.world.root in one.parents], folder):
        each.mkdir(mode=0o700, exist_ok=True)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(folder / name)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    status, found = examined(stage, "--offline")
    (warned,) = of(found, "warn")
    assert (status, warned["name"]) == (0, "held locks")
    assert str(folder / name) in warned["why"]
    told = f"{warned['why']} {warned['fix']}"
    assert f"process {holder.pid} holds" in told or "fuser" in told
    assert f"kill {holder.pid}" in told or "fuser" in told
    holder.communicate()
    assert check(examined(stage, "--offline")[1], "held locks")["state"] == "pass"
    assert (folder / name).exists()


@pytest.mark.parametrize("name", ["routes-1f", "routes-1f.7-0.0.9", "routes-1f.1-0.0.1.dev0"])
def test_what_former_versions_compiled_is_told_and_can_be_removed(stage: Stage, name: str) -> None:
    stage.world.get()
    (stage.world.cache / name).touch(0o600)
    status, found = examined(stage, "--offline")
    (warned,) = of(found, "warn")
    assert (status, warned["name"]) == (0, "leftovers")
    assert os.system(warned["fix"]) == 0
    assert not (stage.world.cache / name).exists()
    assert check(examined(stage, "--offline")[1], "leftovers")["state"] == "pass"


def test_what_this_version_compiled_and_files_of_somebody_are_no_leftovers(stage: Stage) -> None:
    stage.world.get()
    for name in ("routes-1f.99-9.0", "routes-1f.csv", "routes-1f.7.csv", "routes-to-work"):
        (stage.world.cache / name).touch(0o600)
    assert check(examined(stage, "--offline")[1], "leftovers")["state"] == "pass"


def git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.example")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "line", ["[credential]\n\thelper = x", '[url "ssh://x/"]\n\tinsteadOf = y']
)
@pytest.mark.parametrize("place", ["worktree", "own", "submodule"])
def test_a_linked_worktree_and_a_submodule_have_a_config_of_a_project(
    stage: Stage, place: str, line: str
) -> None:
    stage.wires_git()
    if not shutil.which("git"):
        pytest.skip("no git")
    above = stage.world.home / "above"
    above.mkdir()
    git(above, "init", "-q")
    git(above, "commit", "-q", "--allow-empty", "-m", "x")
    linked = stage.world.home / "linked"
    config = above / ".git/config"
    if place == "submodule":
        linked.mkdir()
        (above / ".git/modules/x").mkdir(parents=True)
        config = above / ".git/modules/x/config"
        (linked / ".git").write_text("gitdir: ../above/.git/modules/x\n")
    else:
        git(above, "worktree", "add", "-q", str(linked))
    if place == "own":
        config = above / ".git/worktrees/linked/config.worktree"
    with config.open("a") as file:
        file.write(f"{line}\n")
    deep = linked / "deep"
    deep.mkdir()
    (warned,) = of(examined(stage, "git", "--offline", cwd=deep)[1], "warn")
    assert warned["name"] == "project files"
    assert str(config).replace(str(stage.world.home), "~") in warned["why"]


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "text",
    [
        f'[http "{GIT}"]\n\textraHeader = X-Trace: on\n',
        '[http "https://other.example"]\n\textraHeader = Authorization: Basic eDp5\n',
        f'[http "{GIT}"]\n\textraHeader = Authorization: x\n\textraHeader =\n',
        '[url "ssh://git@other.example/"]\n\tinsteadOf = https://other.example/\n',
        f'[url "ssh://git@git.example/"]\n\tpushInsteadOf = {GIT}/\n',
        f'[url "{GIT}/"]\n\tinsteadOf = {GIT}/\n',
        f'[url "{GIT}/"]\n\tinsteadOf = example:\n',
        f'[url "ssh://x/"]\n\tinsteadOf = https://\n[url "{GIT}/"]\n\tinsteadOf = {GIT}/\n',
    ],
)
def test_settings_of_git_that_lead_nowhere_else_are_no_fault(stage: Stage, text: str) -> None:
    stage.wires_git()
    with (stage.world.home / ".gitconfig").open("a") as file:
        file.write(text)
    (stage.world.home / ".netrc").write_text("machine other.example login a password b\n")
    assert of(examined(stage, "git")[1], "fail") == []


def two(stage: Stage, **other: object) -> None:
    """Have two profiles, of which the second has other members."""
    stage.world.configure(
        stage.api.url, stage.api.api_key, main={"services": [GIT]}, other={"services": [], **other}
    )


@pytest.mark.parametrize(
    ("check_name", "variables"),
    [
        ("connection", {"https_proxy": "http://127.0.0.1:1"}),
        ("dns", {"https_proxy": "http://proxy.invalid:1"}),
        ("proxy", {"https_proxy": "ftp://x"}),
        ("authorities", {"SSL_CERT_FILE": "/no/such.pem"}),
    ],
)
def test_one_trouble_on_the_way_to_two_servers_fails_once(
    stage: Stage, check_name: str, variables: dict[str, str]
) -> None:
    url = {"url": "https://one.example"}
    stage.world.configure(
        stage.api.url,
        stage.api.api_key,
        main={"services": [GIT], **url},
        other={"services": [], "url": "https://two.example"},
    )
    stage.environ.update(variables)
    (failed,) = of(examined(stage)[1], "fail")
    assert failed["name"] == check_name


def test_one_key_for_two_profiles_fails_once_and_two_keys_twice(stage: Stage) -> None:
    two(stage)
    key = stage.world.root / "api-key"
    key.write_text("a b\n")
    found = examined(stage)[1]
    assert [one["about"] for one in of(found, "fail")] == ["main"]
    assert {"name": "grant", "about": "other", "why": "needs: grant main"}.items() <= next(
        one for one in found if (one["name"], one["about"]) == ("grant", "other")
    ).items()
    second = stage.world.secret_file("second", "c d")
    two(stage, grant={"file": str(second)})
    key.write_text("a b\n")
    assert [one["about"] for one in of(examined(stage)[1], "fail")] == ["main", "other"]


def test_a_job_without_a_path_is_told_that_git_finds_no_helper(stage: Stage) -> None:
    stage.wires_git()
    given = [
        f"--env={name}={value}" for name, value in stage.world.environ.items() if name != "PATH"
    ]
    (failed,) = of(examined(stage, "--as-job", *given)[1], "fail")
    assert failed["name"] == "program"
    assert failed["fix"].startswith('export PATH="$PATH":')
