"""Grants from commands and keyrings: whose output is taken, and how each is stopped."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from credhelper.config import child
from credhelper.core.model import Secret
from credhelper.errors import ConfigError, CredhelperError, LoginRequiredError
from tests.config.conftest import CANARY, refused, resolve


def shell(script: str, environ: dict[str, str] | None = None, **more: object) -> Secret:
    return resolve("command", "/bin/sh", "-c", script, environ=environ, **more)


def test_a_commands_one_line_is_the_secret() -> None:
    assert shell(f"echo {CANARY}").reveal() == CANARY
    assert shell(f"printf %s {CANARY}").reveal() == CANARY


def test_words_reach_the_program_as_they_are_without_a_shell() -> None:
    words = ("/usr/bin/printf", "%s", "$HOME;`id`|*'\"")
    assert resolve("command", *words).reveal() == "$HOME;`id`|*'\""


def test_a_command_runs_in_the_root_without_stdin_in_a_session_of_its_own() -> None:
    code = (
        "import os, sys; print(os.getcwd(), sys.stdin.read() == '', os.getsid(0) == os.getpid(),"
        " os.getpgid(0) == os.getpid(), sep=':')"
    )
    assert resolve("command", sys.executable, "-c", code).reveal() == "/:True:True:True"


def test_a_command_has_our_environment_and_knows_who_asks() -> None:
    environ = {"PATH": os.defpath, "VAULT_ADDR": "there", "CREDHELPER_ASKING": "a,b"}
    assert shell("echo $VAULT_ADDR:$CREDHELPER_ASKING", environ).reveal() == "there:a,b,dev"
    del environ["CREDHELPER_ASKING"]
    assert shell("echo $CREDHELPER_ASKING", environ).reveal() == "dev"


@pytest.mark.parametrize("how", ["command", "keyring"])
@pytest.mark.parametrize("chain", ["dev", "a,dev", "dev,b", ",dev,"])
def test_a_grant_that_asks_for_itself_is_stopped(how: str, chain: str) -> None:
    environ = {"PATH": os.defpath, "CREDHELPER_ASKING": chain}
    with pytest.raises(ConfigError, match="profile dev calls credhelper for the same profile"):
        resolve(how, "/bin/echo", "x", environ=environ)


@pytest.mark.parametrize("chain", ["", "de", "devel", "a,b", "Dev"])
def test_a_grant_that_asks_for_another_profile_is_not(chain: str) -> None:
    environ = {"PATH": os.defpath, "CREDHELPER_ASKING": chain}
    assert shell("echo x", environ).reveal() == "x"


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    program = tmp_path / "planted-program"
    program.write_bytes(b"#!/bin/sh\necho planted\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    return program.name


@pytest.mark.parametrize("path", ["", ".", ":", "/nonexistent:", ":/nonexistent", "./", "a/.."])
def test_a_program_is_never_found_in_the_current_directory(path: str, planted: str) -> None:
    Path("a").mkdir()
    with pytest.raises(ConfigError, match=r"not found on PATH \(absolute entries only\)"):
        resolve("command", planted, environ={"PATH": path})


def test_a_program_is_found_on_an_absolute_entry_after_relative_ones(planted: str) -> None:
    environ = {"PATH": f".::/nonexistent:{Path.cwd()}:/bin"}
    assert resolve("command", planted, environ=environ).reveal() == "planted"


def test_without_a_path_the_systems_own_is_searched() -> None:
    assert resolve("command", "echo", "x", environ={}).reveal() == "x"


def test_what_cannot_be_run_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "echo").mkdir()
    (tmp_path / "sh").write_bytes(b"not executable")
    environ = {"PATH": f"{tmp_path}:{os.defpath}"}
    assert resolve("command", "echo", "x", environ=environ).reveal() == "x"
    assert child.find("sh", environ) in ("/bin/sh", "/usr/bin/sh")


def test_an_absolute_program_that_is_missing_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"command /nonexistent/x of profile dev not found$"):
        resolve("command", "/nonexistent/x")


def test_a_program_that_the_kernel_cannot_start_is_refused(tmp_path: Path) -> None:
    program = tmp_path / "broken"
    program.write_bytes(b"\x00\x01 neither a script nor a program")
    program.chmod(0o755)
    with pytest.raises(ConfigError, match="cannot be started: Exec format error"):
        resolve("command", str(program))


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (f"echo {CANARY}; exit 3", "failed with status 3"),
        (f"echo {CANARY} >&2; exit 1", "failed with status 1"),
        (f"echo {CANARY}; kill -9 $$", "was ended by signal 9"),
    ],
)
def test_a_failing_command_is_told_by_its_status_and_its_output_is_not(
    script: str, told: str
) -> None:
    with pytest.raises(LoginRequiredError, match=told) as caught:
        resolve("command", "/bin/sh", "-c", script)
    assert "run it yourself" in refused(caught)


@pytest.mark.parametrize(
    "script",
    [
        f"echo {CANARY}; echo {CANARY}",
        f"printf '{CANARY}\\r\\n'",
        f"printf '{CANARY}\\000'",
        f"printf '\\033]0;{CANARY}'",
        f"echo {CANARY} and more",
    ],
)
def test_output_that_is_not_one_plain_line_is_refused_unshown(script: str) -> None:
    with pytest.raises(ConfigError) as caught:
        shell(script)
    refused(caught)


def test_a_command_that_prints_nothing_asks_for_a_person() -> None:
    with pytest.raises(LoginRequiredError, match="is empty"):
        shell(":")


def test_stderr_is_neither_taken_nor_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    assert shell(f"echo {CANARY} >&2; echo x").reveal() == "x"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("script", ["yes", "yes >&2 & yes", "head -c 65537 /dev/zero; sleep 60"])
def test_output_without_end_is_cut_off(script: str) -> None:
    with pytest.raises(LoginRequiredError, match="printed more than 64 KiB"):
        shell(script)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie whose parent has not looked yet is dead enough.
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_bytes().rpartition(b")")[2].split()[0] != b"Z"


def gone(pid: int) -> bool:
    for _ in range(200):
        if not alive(pid):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(
    "script",
    [
        "sleep 60",
        "exec >&-; sleep 60",
        "trap '' TERM; sleep 60 & wait; sleep 60",
        f"echo {CANARY}; sleep 60",
    ],
)
def test_a_command_that_does_not_end_is_ended_with_all_its_group(
    script: str, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    script = f"sleep 60 & echo $! $$ > {pids}; {script}"
    with pytest.raises(LoginRequiredError, match=r"did not end within 0\.5 s") as caught:
        shell(script, timeout=0.5)
    assert "no terminal" in refused(caught)
    assert all(gone(int(pid)) for pid in pids.read_bytes().split())


def test_the_shorter_of_the_grants_timeout_and_the_callers_counts() -> None:
    for timeout, own in ((60, 0.2), (0.2, 60), (0, 0.2), (0.2, None)):
        with pytest.raises(LoginRequiredError, match=r"within 0\.2 s"):
            shell("sleep 60", timeout=timeout, own_timeout=own)


def test_a_grandchild_that_keeps_the_output_open_is_neither_waited_for_nor_ended(
    tmp_path: Path,
) -> None:
    pids = tmp_path / "pids"
    secret = shell(f"sleep 30 & echo $! > {pids}; echo {CANARY}", timeout=20)
    assert secret.reveal() == CANARY
    pid = int(pids.read_bytes())
    assert alive(pid)
    os.kill(pid, 9)


def test_an_interrupted_wait_ends_the_command_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = tmp_path / "pids"
    really = child._read

    def interrupted(handle: int) -> bytes | None:
        if pids.exists() and pids.read_bytes().endswith(b"\n"):
            raise KeyboardInterrupt
        return really(handle)

    monkeypatch.setattr(child, "_read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        shell(f"echo $$ > {pids}; sleep 60")
    assert gone(int(pids.read_bytes()))


def test_no_descriptor_of_ours_reaches_the_command(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("wb") as lock:
        os.set_inheritable(lock.fileno(), True)
        code = (
            "import os; print(len(os.listdir('/proc/self/fd')) if os.path.exists('/proc') else 4)"
        )
        assert int(resolve("command", sys.executable, "-c", code).reveal()) <= 4


@pytest.fixture
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a stand-in for our interpreter: it runs the very question, with a keyring of ours."""
    (tmp_path / "keyring.py").write_bytes(
        b"import os\n"
        b"def get_password(service, user):\n"
        b"    if service == 'broken': raise RuntimeError('canary-S3cr3t')\n"
        b"    asking = os.environ['CREDHELPER_ASKING']\n"
        b"    return None if service == 'none' else f'{service}:{user}:{asking}'\n"
    )
    program = tmp_path / "python"
    program.write_bytes(
        f'#!/bin/sh\nshift\nPYTHONPATH="{tmp_path}" exec {sys.executable} "$@"\n'.encode()
    )
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    return program


@pytest.mark.usefixtures("python")
def test_a_keyring_is_asked_in_a_child_that_knows_who_asks() -> None:
    assert resolve("keyring", "ica", "ada").reveal() == "ica:ada:dev"


@pytest.mark.usefixtures("python")
def test_a_missing_entry_asks_for_a_person_and_says_how_to_make_it() -> None:
    with pytest.raises(LoginRequiredError, match=r"none of ada, .* does not exist") as caught:
        resolve("keyring", "none", "ada")
    assert caught.value.hint == "keyring set none ada"


@pytest.mark.usefixtures("python")
def test_a_keyring_that_breaks_is_told_by_its_status() -> None:
    with pytest.raises(
        LoginRequiredError, match="the keyring of profile dev failed with status 1"
    ) as caught:
        resolve("keyring", "broken", "ada")
    refused(caught)


def without_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "python-without"
    program.write_bytes(b"#!/bin/sh\nexit 83\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))


def test_without_the_module_the_program_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_module(tmp_path, monkeypatch)
    program = tmp_path / "keyring"
    program.write_bytes(
        b'#!/bin/sh\n[ "$2" = none ] && exit 1\necho "$#:$1:$2:$3:$CREDHELPER_ASKING"\n'
    )
    program.chmod(0o755)
    environ = {"PATH": f"{tmp_path}:{os.defpath}"}
    assert resolve("keyring", "i-c-a", "ada", environ=environ).reveal() == "3:get:i-c-a:ada:dev"
    with pytest.raises(LoginRequiredError, match="does not exist"):
        resolve("keyring", "none", "ada", environ=environ)
    monkeypatch.setattr(sys, "executable", "")
    assert resolve("keyring", "ica", "ada", environ=environ).reveal() == "3:get:ica:ada:dev"


def test_a_keyring_on_path_that_is_ourselves_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_module(tmp_path, monkeypatch)
    ours, linked, real = (tmp_path / name for name in ("ours", "linked", "real"))
    for folder in (ours, linked, real):
        folder.mkdir()
    (ours / "credhelper").write_bytes(b"#!/bin/sh\nexit 1\n")
    (ours / "credhelper").chmod(0o755)
    (linked / "keyring").symlink_to(ours / "credhelper")
    (real / "keyring").write_bytes(b"#!/bin/sh\necho real\n")
    (real / "keyring").chmod(0o755)

    environ = {"PATH": f"{linked}:{real}:{os.defpath}"}
    assert resolve("keyring", "ica", "ada", environ=environ).reveal() == "real"
    with pytest.raises(ConfigError, match="there is no keyring to ask"):
        resolve("keyring", "ica", "ada", environ={"PATH": str(linked)})


def test_without_any_keyring_the_cure_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_module(tmp_path, monkeypatch)
    with pytest.raises(ConfigError, match="there is no keyring to ask") as caught:
        resolve("keyring", "ica", "ada", environ={"PATH": str(tmp_path)})
    assert caught.value.hint == "pip install keyring"


def test_a_keyring_that_waits_for_somebody_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "python-asleep"
    program.write_bytes(b"#!/bin/sh\nsleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    with pytest.raises(
        LoginRequiredError, match=r"the keyring of profile dev did not end within 0\.3 s"
    ):
        resolve("keyring", "ica", "ada", timeout=0.3)


def test_the_question_runs_isolated_from_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keyring.py").write_bytes(b"def get_password(service, user): return 'planted'\n")
    monkeypatch.chdir(tmp_path)
    environ = {"PATH": "/nonexistent", "PYTHONPATH": str(tmp_path)}
    try:
        answer = resolve("keyring", "no-such-service", "nobody", environ=environ).reveal()
    except CredhelperError:
        answer = ""
    assert answer != "planted"
