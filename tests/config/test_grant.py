"""Grants: what is read, what is refused, and that nothing read is ever shown."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from credhelper.config import child
from credhelper.config import grant as grants
from credhelper.config.profile import Grant
from credhelper.core.model import Secret
from credhelper.errors import ConfigError, CredhelperError, LoginRequiredError

CANARY = "canary-S3cr3t"


def resolve(how: str, *words: str, environ: dict[str, str] | None = None, **more: object) -> Secret:
    options = {name: more.pop(name) for name in ("timeout", "password") if name in more}
    if "own_timeout" in more:
        more["timeout"] = more.pop("own_timeout")
    grant = Grant(how, words, **more)  # type: ignore[arg-type]  # checked by the test that passes it
    told = {"PATH": os.defpath} if environ is None else environ
    return grants.resolve(grant, profile_name="dev", environ=told, **options)  # type: ignore[arg-type]  # likewise


def shell(script: str, environ: dict[str, str] | None = None, **more: object) -> Secret:
    return resolve("command", "/bin/sh", "-c", script, environ=environ, **more)


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "dev.key"
    path.write_bytes(CANARY.encode() + b"\n")
    path.chmod(0o600)
    return path


def refused(error: pytest.ExceptionInfo[CredhelperError]) -> str:
    """Return the message and the hint, after a look for the canary in all that could be printed."""
    told = error.value
    parts: list[str] = []
    seen: BaseException | None = told
    while seen is not None:
        parts += [repr(seen), str(seen)]
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    assert CANARY not in " ".join([*parts, told.hint or ""])
    assert "\n" not in told.message
    return f"{told.message} | {told.hint}"


# --- variables ------------------------------------------------------------------------------------


def test_a_variable_is_read_and_prints_as_stars() -> None:
    secret = resolve("env", "KEY", environ={"KEY": CANARY})
    assert secret.reveal() == CANARY
    assert CANARY not in f"{secret} {secret!r}"


@pytest.mark.parametrize(("environ", "told"), [({}, "is not set"), ({"KEY": ""}, "is empty")])
def test_a_missing_variable_asks_for_a_person_and_names_itself(
    environ: dict[str, str], told: str
) -> None:
    with pytest.raises(LoginRequiredError, match=f"variable KEY, .* profile dev, {told}"):
        resolve("env", "KEY", environ=environ)


@pytest.mark.parametrize(
    "value",
    [
        f"{CANARY}\r",
        f"{CANARY}\r\n",
        f"{CANARY}\n{CANARY}",
        f"\n{CANARY}",
        f"{CANARY}\n\n",
        f"{CANARY}\x0b",
        f"{CANARY}\x85",
        f"{CANARY}\u2028x",
        f"{CANARY}\x1b[2J",
        f"{CANARY}\x7f",
        f"\ufeff{CANARY}",
        f"{CANARY}\u202e",
        f"{CANARY}\t",
        f"{CANARY} ",
        f" {CANARY}",
        f"{CANARY} x",
        f"{CANARY}é",
        f"{CANARY}\udcff",
    ],
)
def test_a_value_that_is_not_one_plain_word_is_refused_unshown(value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve("env", "KEY", environ={"KEY": value})
    refused(caught)


@pytest.mark.parametrize("value", ["correct horse", "pässwörd", "密码", "a:b", "'\"\\$`", "😀"])
def test_a_password_may_hold_blanks_and_any_printable_character(value: str) -> None:
    assert resolve("env", "KEY", environ={"KEY": value}, password=True).reveal() == value


@pytest.mark.parametrize(
    "value", [f"{CANARY}\x00x", f"{CANARY}\x9b", f" {CANARY}", f"{CANARY}\udc80", f"{CANARY}\ufeff"]
)
def test_a_password_may_not_hold_what_cannot_be_seen(value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve("env", "KEY", environ={"KEY": value}, password=True)
    refused(caught)


# --- files ----------------------------------------------------------------------------------------


def test_a_file_is_read_without_its_final_line_feed(secret_file: Path) -> None:
    assert resolve("file", str(secret_file)).reveal() == CANARY
    secret_file.write_bytes(CANARY.encode())
    assert resolve("file", str(secret_file)).reveal() == CANARY


def test_a_file_may_be_reached_through_a_symlink(secret_file: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(secret_file)
    assert resolve("file", str(tmp_path / "link")).reveal() == CANARY


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o606, 0o622, 0o777])
def test_a_file_open_to_others_is_refused_with_the_cure(mode: int, secret_file: Path) -> None:
    secret_file.chmod(mode)
    with pytest.raises(ConfigError, match="by others") as caught:
        resolve("file", str(secret_file))
    assert refused(caught).endswith(f"| chmod 600 {secret_file}")


def test_the_target_of_a_symlink_is_judged_and_not_the_link(
    secret_file: Path, tmp_path: Path
) -> None:
    secret_file.chmod(0o644)
    (tmp_path / "link").symlink_to(secret_file)
    with pytest.raises(ConfigError, match="can be read by others"):
        resolve("file", str(tmp_path / "link"))


def test_a_readable_file_is_read_if_the_user_says_so_but_never_a_writable_one(
    secret_file: Path,
) -> None:
    secret_file.chmod(0o644)
    assert resolve("file", str(secret_file), allow_readable=True).reveal() == CANARY
    secret_file.chmod(0o664)
    with pytest.raises(ConfigError, match="can be written by others"):
        resolve("file", str(secret_file), allow_readable=True)


def test_a_readable_file_on_a_read_only_mount_is_read(
    secret_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret_file.chmod(0o644)
    really = os.fstatvfs

    class Mount:
        def __init__(self, handle: int) -> None:
            self.f_flag = really(handle).f_flag | os.ST_RDONLY

    monkeypatch.setattr(os, "fstatvfs", Mount)
    assert resolve("file", str(secret_file)).reveal() == CANARY


@pytest.mark.parametrize(("owner", "fine"), [(0, True), (4242, False)])
def test_a_file_must_be_ours_or_the_administrators(
    owner: int, fine: bool, secret_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.fstat

    def fstat(handle: int) -> os.stat_result:
        found = list(really(handle))
        found[4] = owner
        return os.stat_result(found)

    monkeypatch.setattr(os, "fstat", fstat)
    if fine:
        assert resolve("file", str(secret_file)).reveal() == CANARY
    else:
        with pytest.raises(ConfigError, match=r"another user \(uid 4242\)") as caught:
            resolve("file", str(secret_file))
        assert refused(caught).endswith(f"| chown {os.geteuid()} {secret_file}")


def test_what_is_not_a_regular_file_is_refused_without_blocking(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o600)
    (tmp_path / "link").symlink_to(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo", tmp_path / "link", Path("/dev/null")):
        with pytest.raises(ConfigError, match="is not a regular file"):
            resolve("file", str(path))


def test_a_missing_file_asks_for_a_person(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("missing", "file/below"):
        with pytest.raises(LoginRequiredError, match="does not exist") as caught:
            resolve("file", str(tmp_path / name))
        assert "profile dev" in refused(caught)


@pytest.mark.parametrize("path", ["dev.key", "./dev.key", "~/dev.key", ""])
def test_a_relative_path_is_never_opened(
    path: str, secret_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(secret_file.parent)
    with pytest.raises(ConfigError, match="is not an absolute path"):
        resolve("file", path)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"%s\r\n", "ends in a carriage return"),
        (b"%s\n%s\n", "has more than one line"),
        (b"%s\n\n", "has more than one line"),
        (b"%s\r%s", "holds a control character"),
        (b"%s\x00", "holds a control character"),
        (b"\xef\xbb\xbf%s", "is not ASCII"),
        (b"\xff\xfe%s", "is not ASCII"),
        (b"%s" + b"x" * 65536, "is larger than 64 KiB"),
    ],
)
def test_a_file_that_does_not_hold_one_plain_line_is_refused_unshown(
    data: bytes, told: str, secret_file: Path
) -> None:
    secret_file.write_bytes(data.replace(b"%s", CANARY.encode()))
    with pytest.raises(ConfigError, match=told) as caught:
        resolve("file", str(secret_file))
    assert str(secret_file) in refused(caught)


@pytest.mark.parametrize("data", [b"", b"\n"])
def test_an_empty_file_asks_for_a_person(data: bytes, secret_file: Path) -> None:
    secret_file.write_bytes(data)
    with pytest.raises(LoginRequiredError, match="is empty"):
        resolve("file", str(secret_file))


def test_an_endless_file_is_not_read_to_its_end(secret_file: Path) -> None:
    with secret_file.open("r+b") as file:
        file.truncate(2**40)
    with pytest.raises(ConfigError, match="larger than 64 KiB"):
        resolve("file", str(secret_file))


@pytest.mark.parametrize("call", ["open", "read"])
def test_a_file_that_the_disk_does_not_give_is_an_error_with_the_reason(
    call: str, secret_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, call, broken)
    with pytest.raises(ConfigError, match="cannot be read: Input/output error"):
        resolve("file", str(secret_file))


def test_without_file_modes_the_user_must_vouch_for_the_file(
    secret_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "name", "nt")
    with pytest.raises(ConfigError, match="no mode to check on this platform"):
        resolve("file", str(secret_file))
    assert resolve("file", str(secret_file), allow_readable=True).reveal() == CANARY


# --- commands -------------------------------------------------------------------------------------


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


def test_without_process_groups_commands_and_keyrings_are_refused_clearly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "name", "nt")
    for how in ("command", "keyring"):
        with pytest.raises(ConfigError, match="this platform does not have"):
            resolve(how, "/bin/echo", "x")


# --- keyrings -------------------------------------------------------------------------------------


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
