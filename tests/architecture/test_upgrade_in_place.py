"""An installation of a former checkout is upgraded in place: what it left is taken over."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest

from release import build
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import Outcome, World

# The last state before the round that became 0.1.0.
BEFORE = "c2c893b6a4c44ea276f93be21040000b18602461"
GIT, REGISTRY = "https://git.example", "https://registry.example"
GITCONFIG = "[user]\n\tname = Ada # as in Lovelace\n"
DOCKER = '{\n  "psFormat": "table"\n}\n'


def wheel_of(tree: Path, folder: Path) -> Path:
    """Build the wheel of a tree, with what this Python has."""
    words = ["-m", "pip", "-q", "--disable-pip-version-check", "wheel", "--no-deps", "--no-index"]
    words += ["--no-build-isolation", "-w", str(folder), str(tree)]
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    (made,) = folder.glob("*.whl")
    return made


@dataclass(frozen=True)
class Installation:
    """A virtual environment with what we need, in which credhelper is installed and upgraded."""

    folder: Path
    world: World

    def install(self, wheel: Path) -> None:
        """Install a wheel over what is there."""
        pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
        where = ["--python", str(self.folder / "bin/python")]
        words = ["install", "--no-deps", "--no-index", "--force-reinstall", str(wheel)]
        subprocess.run([*pip, *where, *words], check=True, capture_output=True)

    def run(self, *words: str, program: str = "credhelper", stdin: bytes = b"") -> Outcome:
        """Run a program of ours that must succeed."""
        done = self.world.run(*words, program=str(self.folder / "bin" / program), stdin=stdin)
        assert done.status == 0, done
        return done


@pytest.fixture
def installation(request: pytest.FixtureRequest, scratch_world: World) -> Installation:
    if not request.config.getoption("--thorough"):
        pytest.skip("builds two wheels: with --thorough")
    pytest.importorskip("setuptools", "70.1", reason="the build needs setuptools 70.1")
    folder = scratch_world.root / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    theirs = Path(sysconfig.get_path("purelib"))
    (ours,) = folder.glob("lib/python*/site-packages")
    for package in theirs.iterdir():
        if not package.name.startswith("credhelper"):
            (ours / package.name).symlink_to(package)
    scratch_world.environ["PATH"] = f"{folder}/bin:/usr/bin:/bin"
    scratch_world.config.unlink()
    return Installation(folder, scratch_world)


@pytest.fixture
def former(installation: Installation, tmp_path: Path) -> Path:
    """Return a checkout of the former state."""
    git = ["git", "-C", str(build.ROOT)]
    if not shutil.which("git") or subprocess.run([*git, "cat-file", "-e", BEFORE]).returncode:
        pytest.skip(f"this checkout has not the commit {BEFORE}")
    packed = subprocess.run([*git, "archive", BEFORE], check=True, capture_output=True)
    (tmp_path / "former").mkdir()
    words = ["tar", "-x", "-C", str(tmp_path / "former")]
    subprocess.run(words, input=packed.stdout, check=True)
    return tmp_path / "former"


@pytest.mark.waits
def test_records_sessions_config_and_wirings_of_a_former_checkout_are_taken_over(
    installation: Installation, former: Path, tmp_path: Path, running_sandbox: RunningSandbox
) -> None:
    world, run = installation.world, installation.run
    (world.home / ".gitconfig").write_text(GITCONFIG)
    (world.home / ".docker").mkdir()
    (world.home / ".docker/config.json").write_text(DOCKER)

    installation.install(wheel_of(former, tmp_path / "before"))
    login = ("login", "--url", running_sandbox.url, "--no-input")
    run(*login, "--service", GIT, stdin=running_sandbox.api_key.encode())
    person = ("--profile", "person", "--user", "sandbox@example.com", "--domain", "sandbox")
    run(*login, *person, "--service", REGISTRY, stdin=running_sandbox.password.encode())
    tokens = [run("get", "--profile", name).token for name in ("default", "person")]
    for tool, service in (("git", GIT), ("docker", REGISTRY)):
        run("setup", tool, "--service", service)
    config = world.config.read_bytes()
    running_sandbox.count_from_here()

    installation.install(wheel_of(copied(tmp_path / "tree"), tmp_path / "after"))
    # Records and routes.
    assert [run("get", "--profile", name).token for name in ("default", "person")] == tokens
    filled = world.run("credential", "fill", program="/usr/bin/git", stdin=asked(GIT))
    assert filled.token == tokens[0], filled
    answer = run("get", program="docker-credential-credhelper", stdin=REGISTRY.encode())
    assert answer.token == tokens[1]
    assert running_sandbox.stats()["requests"] == 0
    # The config, and the state of each profile.
    assert world.config.read_bytes() == config
    states = json.loads(run("status", "--json").stdout)["profiles"]
    assert {each["profile"]: each["state"] for each in states} == {
        "default": "fresh",
        "person": "fresh",
    }
    # The session: a token that has expired is made from it, and nobody is asked for a password.
    world.age(100_000)
    renewed = run("get", "--profile", "person").token
    assert renewed != tokens[1]
    assert running_sandbox.admits(renewed)
    # The wirings: checked and taken back by the new one, to the byte.
    for tool, service in (("git", GIT), ("docker", REGISTRY)):
        run("setup", tool, "--service", service, "--check")
        run("setup", tool, "--service", service, "--undo")
    assert (world.home / ".gitconfig").read_text() == GITCONFIG
    assert (world.home / ".docker/config.json").read_text() == DOCKER
    # And all that the former version wrote is forgotten.
    run("logout", "--all")
    assert not world.held()
    assert not any(token in text for text in texts(world) for token in [*tokens, renewed])


def copied(tree: Path) -> Path:
    build.copy_tree(tree)
    return tree


def asked(service: str) -> bytes:
    scheme, _, host = service.partition("://")
    return f"protocol={scheme}\nhost={host}\n\n".encode()


def texts(world: World) -> list[str]:
    folders = (world.cache, world.state, world.home)
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return [path.read_text("utf-8", "replace") for path in files]
