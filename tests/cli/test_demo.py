"""`credhelper demo`, `sandbox` and `completion`: the programs themselves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from credhelper.cli import demo_stage, output
from credhelper.cli.commands import demo
from credhelper.core.model import Secret
from credhelper.sandbox import extra
from tests.cli.conftest import Person
from tests.support import picture
from tests.support.worlds import World, tokens_in


@pytest.mark.waits
def test_the_demo_holds_and_leaves_nothing_behind(tmp_path: Path) -> None:
    pytest.importorskip("jwt", reason="the sandbox needs credhelper[sandbox]")
    world = World(tmp_path)
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    outcome = world.run("demo", environ={"TMPDIR": str(scratch)})
    assert (outcome.status, outcome.told) == (0, ""), outcome
    told = outcome.stdout.decode()
    assert "All 12 steps passed" in told
    assert "tokens created 1" in told
    assert "$ credhelper get" in told
    assert not tokens_in(outcome.stdout)
    assert list(scratch.iterdir()) == []
    assert list(world.home.iterdir()) == []
    assert not world.cache.exists()
    if "| git credential fill" in told:
        assert picture.picture(told) == picture.PICTURE.read_text(), "make docs"


def test_a_step_that_does_not_hold_is_told_and_ends_the_demo(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(scene: demo_stage.Stage, _: object) -> object:
        scene.step("A step")
        demo_stage.expect(False, "the sandbox has made 2 tokens")
        return None

    monkeypatch.setattr(demo, "_start", broken)
    outcome = person.types("demo")
    assert outcome.status == 1
    assert "step 1 did not show what it promised: the sandbox has made 2 tokens" in outcome.told
    assert "steps passed" not in outcome.stdout.decode()


def test_a_program_that_fails_in_a_step_breaks_it() -> None:
    scene = demo_stage.Stage(Path("/"), {})
    with pytest.raises(demo_stage.Broken, match="status 4"):
        scene.printed(subprocess.CompletedProcess([], 4, "", "log in first"))
    with pytest.raises(demo_stage.Broken, match="one token"):
        scene.printed(subprocess.CompletedProcess([], 0, "a\nb\n", ""))


def test_the_demo_sees_nothing_of_the_users_own() -> None:
    environ = {
        "PATH": "/bin",
        "HOME": "/home/me",
        "ICA_ACCESS_TOKEN": "theirs",
        "CREDHELPER_CONFIG": "/home/me/config",
        "CREDHELPER_API_KEY": "theirs",
        "XDG_RUNTIME_DIR": "/run/me",
        "HTTPS_PROXY": "http://proxy",
    }
    found = demo_stage.scratch(Path("/scratch"), environ)
    assert "theirs" not in str(found)
    assert "/home/me" not in str(found)
    assert "PROXY" not in str(found)


def test_the_sandbox_prints_one_line_and_ends_cleanly(person: Person) -> None:
    process = person.world.start("sandbox", "--token-lifetime", "60", "--latency", "0")
    assert process.stdout is not None
    told = json.loads(process.stdout.readline())
    person.world.canaries.append("never shown")
    key = told["api_key"]
    made = person.types("token", "create", "--url", told["url"], stdin=key)
    assert made.status == 0
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert process.communicate(timeout=30) == (b"", b"")


@pytest.mark.parametrize(
    "words", [["--port", "99999"], ["--port", "x"], ["--token-lifetime", "0"], ["--nope"], ["word"]]
)
def test_a_sandbox_that_makes_no_sense_does_not_start(person: Person, words: list[str]) -> None:
    outcome = person.world.run("sandbox", *words)
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert outcome.told


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_is_printed(person: Person, shell: str) -> None:
    outcome = person.types("completion", shell)
    assert outcome.status == 0
    assert "_CREDHELPER_COMPLETE" in outcome.stdout.decode()


def test_another_shell_is_wrong_use(person: Person) -> None:
    assert person.types("completion", "tcsh").status == 2


def complete(person: Person, line: str) -> list[str]:
    environ = {
        "_CREDHELPER_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(line.count(" ")),
    }
    outcome = person.world.run(environ=environ)
    assert (outcome.status, outcome.told) == (0, ""), outcome
    return [word.partition(",")[2] for word in outcome.stdout.decode().split("\n") if word]


def test_commands_options_and_profile_names_complete(person: Person) -> None:
    person.logs_in("--profile", "dev")
    person.logs_in("--profile", "prod")
    assert complete(person, "credhelper lo") == ["login", "logout"]
    assert "--min-ttl" in complete(person, "credhelper get --")
    assert complete(person, "credhelper get --profile ") == ["dev", "prod"]
    assert complete(person, "credhelper profile use p") == ["prod"]
    assert complete(person, "credhelper get --format j") == ["json"]


def test_completion_is_silent_about_a_broken_config(person: Person) -> None:
    person.world.config.write_text("not toml")
    assert complete(person, "credhelper get --profile ") == []


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
def test_the_completion_script_is_one_that_bash_reads(person: Person) -> None:
    script = person.types("completion", "bash").stdout
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_program_beside_this_python_is_preferred(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_stage, "sys", SimpleNamespace(executable=str(tmp_path / "python3")))
    module = [str(tmp_path / "python3"), "-m", "credhelper"]
    docker = "docker-credential-credhelper"
    assert demo_stage.real(["credhelper", "get"]) == [*module, "get"]
    assert demo_stage.real([docker, "get"]) == [*module, "docker", "get"]
    assert demo_stage.real(["git", "x"]) == ["git", "x"]
    for name in ("credhelper", docker):
        (tmp_path / name).touch(0o700)
    assert demo_stage.real(["credhelper", "get"]) == [str(tmp_path / "credhelper"), "get"]
    assert demo_stage.real([docker, "get"]) == [str(tmp_path / docker), "get"]


@pytest.mark.parametrize("missing", extra.PACKAGES)
def test_without_the_packages_of_the_sandbox_the_demo_says_what_installs_them(missing: str) -> None:
    script = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from credhelper.cli.main import people\n"
        "sys.exit(people(['demo']))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], capture_output=True, check=False, cwd="/"
    )
    assert (done.returncode, done.stdout) == (2, b"")
    error, hint = done.stderr.decode().splitlines()
    assert error == (
        f"credhelper: error: the demo runs the sandbox, which needs {missing}: it is not installed"
    )
    assert hint == f"credhelper: hint: {extra.install()}"


def test_a_fingerprint_is_eight_digits_of_a_sha256() -> None:
    assert output.fingerprint(Secret("abc")) == "ba7816bf"
    assert os.path.basename(demo.__file__) == "demo.py"


def test_a_demo_that_is_stopped_takes_its_sandbox_with_it(tmp_path: Path) -> None:
    pytest.importorskip("jwt", reason="the sandbox needs credhelper[sandbox]")
    world = World(tmp_path)
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    process = world.start("demo", environ={"TMPDIR": str(scratch), "PYTHONUNBUFFERED": "1"})
    assert process.stdout is not None
    seen = b""
    while b"it listens on" not in seen:
        seen = process.stdout.readline()
        assert seen, "the demo ended early"
    url = seen.split()[4].rstrip(b",").decode()
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    process.communicate(timeout=30)
    assert list(scratch.iterdir()) == []
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.socket() as probe:
        assert probe.connect_ex((host, int(port))) != 0
