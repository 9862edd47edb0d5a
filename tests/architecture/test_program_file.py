"""The program files: sh first, Python next, and nothing from where they are called."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

TREE = Path(__file__).parent.parent.parent
BIN = TREE / "credhelper" / "bin"
PROGRAMS = sorted(path.name for path in BIN.iterdir() if not path.name.startswith("__"))
VERSION = f"python{sys.version_info[0]}.{sys.version_info[1]}"
# What a folder may hold to trap whoever imports from it.
TRAP = "import os\nos.write(1, b'TRAPPED')\nos._exit(99)\n"
TRAPS = ("sitecustomize", "usercustomize", "json", "os", "site", "credhelper", "encodings", "time")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every program an empty home."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """Give an installation as pip would make it, in a folder with a blank and a quote."""
    prefix = tmp_path / "a folder's $HOME *"
    packages = prefix / "lib" / VERSION / "site-packages"
    packages.mkdir(parents=True)
    shutil.copytree(
        TREE / "credhelper", packages / "credhelper", ignore=shutil.ignore_patterns("__pycache__")
    )
    (prefix / "bin").mkdir()
    for name in PROGRAMS:
        shutil.copy2(BIN / name, prefix / "bin" / name)
        (prefix / "bin" / name).chmod(0o755)
    (prefix / "bin" / "python3").symlink_to(sys.executable)
    return prefix


def call(
    program: Path | str,
    *words: str,
    environ: Mapping[str, str] | None = None,
    cwd: Path | str = "/",
    stdin: bytes = b"",
    before: tuple[str, ...] = (),
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*before, str(program), *words],
        env={"PATH": "/usr/bin:/bin", "HOME": os.environ["HOME"], **(environ or {})},
        cwd=cwd,
        input=stdin,
        capture_output=True,
        timeout=60,
    )


def answers_as_get(done: subprocess.CompletedProcess[bytes]) -> None:
    """Nothing is configured, so a get that reached our code says just that."""
    assert done.stdout == b""
    assert done.stderr.startswith(b"credhelper: error: no profile is configured"), done
    assert done.returncode == 3


def answers_as_docker(done: subprocess.CompletedProcess[bytes]) -> None:
    assert done.stdout == b"credentials not found in native keychain\n", done
    assert done.returncode == 1


def test_all_program_files_are_the_same_and_may_be_run() -> None:
    assert len({(BIN / name).read_bytes() for name in PROGRAMS}) == 1
    assert all(stat.S_IMODE((BIN / name).stat().st_mode) & 0o111 for name in PROGRAMS)


def test_a_folder_with_blanks_and_quotes_is_no_trouble(prefix: Path) -> None:
    answers_as_get(call(prefix / "bin" / "credhelper", "get"))
    answers_as_docker(
        call(prefix / "bin" / "docker-credential-credhelper", "get", stdin=b"https://x.example")
    )


def test_words_reach_us_as_they_were_given(prefix: Path) -> None:
    words = ("get", "--profile", "a b\t*$(id)`id`'\"\\")
    done = call(prefix / "bin" / "credhelper", *words)
    assert b"there is no profile a b\\t*$(id)`id`'\"\\" in done.stderr, done


@pytest.mark.parametrize("how", ["absolute", "relative", "chain", "folder", "deep relative"])
def test_symlinks_lead_here_and_their_name_chooses_the_protocol(
    prefix: Path, tmp_path: Path, how: str
) -> None:
    elsewhere = tmp_path / "else where" / "bin"
    elsewhere.mkdir(parents=True)
    program = prefix / "bin" / "credhelper"
    link = elsewhere / "docker-credential-ica"
    if how == "absolute":
        link.symlink_to(program)
    elif how == "relative":
        link.symlink_to(os.path.relpath(program, elsewhere))
    elif how == "chain":
        (elsewhere / "two").symlink_to("./three")
        (elsewhere / "three").symlink_to(os.path.relpath(program, elsewhere))
        link.symlink_to(elsewhere / "two")
    elif how == "folder":
        (tmp_path / "linked").symlink_to(prefix)
        link.symlink_to(tmp_path / "linked" / "bin" / "credhelper")
    else:
        (elsewhere / "sub").mkdir()
        (elsewhere / "sub" / "two").symlink_to(os.path.relpath(program, elsewhere / "sub"))
        link.symlink_to("sub/two")
    answers_as_docker(call(link, "get", stdin=b"https://x.example"))
    answers_as_docker(call("./docker-credential-ica", "get", stdin=b"x.example", cwd=elsewhere))
    found_on_path = {"PATH": f"{elsewhere}:/usr/bin:/bin"}
    answers_as_docker(
        call(
            "docker-credential-ica",
            "get",
            stdin=b"x.example",
            environ=found_on_path,
            before=("/usr/bin/env",),
        )
    )


def test_a_name_that_says_nothing_is_the_peoples_and_the_first_words(prefix: Path) -> None:
    (prefix / "bin" / "ica").symlink_to("credhelper")
    answers_as_get(call(prefix / "bin" / "ica", "get"))


@pytest.fixture
def trapped(tmp_path: Path) -> Path:
    """Give a folder in which every name that we might import is a trap."""
    folder = tmp_path / "work tree"
    folder.mkdir()
    for name in TRAPS:
        (folder / f"{name}.py").write_text(TRAP)
    (folder / "python3").write_text("#!/bin/sh\necho TRAPPED\nexit 99\n")
    (folder / "readlink").write_text("#!/bin/sh\necho TRAPPED\nexit 99\n")
    for name in ("python3", "readlink"):
        (folder / name).chmod(0o755)
    (folder / ".pythonrc").write_text(TRAP)
    (folder / "credhelper.toml").write_text("[profiles.trap]\n")
    (folder / "config.toml").write_text("[profiles.trap]\n")
    (folder / ".env").write_text("CREDHELPER_API_KEY=trap\n")
    (folder / "setup.cfg").write_text("[options]\n")
    return folder


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"PYTHONPATH": "."},
        {"PYTHONPATH": ":"},
        {"PYTHONSTARTUP": ".pythonrc"},
        {"PYTHONHOME": "/nonexistent"},
        {"PYTHONUSERBASE": "."},
        {"PYTHONPLATLIBDIR": "."},
        {"PYTHONINSPECT": "1"},
        {"PYTHONEXECUTABLE": "/nonexistent"},
        {"PYTHONPYCACHEPREFIX": "."},
        {"PYTHONSAFEPATH": ""},
        {"PYTHONIOENCODING": "utf-16"},
        {"PYTHONWARNINGS": "error"},
        {"PYTHONVERBOSE": "1"},
        {"PYTHONDEVMODE": "1"},
        {"PYTHONBREAKPOINT": "trap.trap"},
        {"PYTHONHASHSEED": "nonsense"},
        {"ENV": "./.pythonrc", "BASH_ENV": "./.pythonrc"},
        {"CDPATH": "."},
        {"LC_ALL": "C"},
        {"XDG_CONFIG_HOME": "."},
        {"XDG_CACHE_HOME": "."},
    ],
    ids=str,
)
def test_nothing_comes_from_the_current_folder_or_pythons_variables(
    prefix: Path, trapped: Path, environ: dict[str, str]
) -> None:
    before = sorted(trapped.rglob("*"))
    answers_as_get(call(prefix / "bin" / "credhelper", "get", environ=environ, cwd=trapped))
    assert sorted(trapped.rglob("*")) == before


def test_a_python_in_the_current_folder_is_not_run_for_want_of_ours(
    prefix: Path, trapped: Path
) -> None:
    (prefix / "bin" / "python3").unlink()
    for path in (".:/usr/bin:/bin", ":/usr/bin:/bin", "/usr/bin:/bin:"):
        done = call(prefix / "bin" / "credhelper", "get", cwd=trapped, environ={"PATH": path})
        assert b"TRAPPED" not in done.stdout + done.stderr, path


@pytest.mark.parametrize("path", ["", "/nonexistent", ".:/usr/bin:/bin", ":/usr/bin:/bin"])
def test_a_link_is_followed_whatever_the_path_and_by_no_program_of_the_current_folder(
    prefix: Path, trapped: Path, tmp_path: Path, path: str
) -> None:
    link = tmp_path / "docker-credential-ica"
    link.symlink_to(prefix / "bin" / "credhelper")
    answers_as_docker(call(link, "get", stdin=b"x.example", cwd=trapped, environ={"PATH": path}))


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox", "ksh", "zsh"])
def test_any_shell_may_read_it(prefix: Path, shell: str) -> None:
    found = shutil.which(shell)
    if not found:
        pytest.skip(f"{shell} is not installed")
    before = (found, "sh") if shell == "busybox" else (found,)
    link = prefix / "bin" / "docker-credential-ica"
    link.symlink_to("credhelper")
    answers_as_docker(call(link, "get", stdin=b"x.example", before=before))


@pytest.mark.parametrize("options", [("-x",), ("-e", "-u"), ("-v",)])
def test_a_tracing_shell_adds_nothing_to_stdout(prefix: Path, options: tuple[str, ...]) -> None:
    done = call(
        prefix / "bin" / "docker-credential-credhelper",
        "get",
        stdin=b"x.example",
        before=("/bin/sh", *options),
    )
    answers_as_docker(done)


def test_without_any_python_it_says_so(prefix: Path, tmp_path: Path) -> None:
    (prefix / "bin" / "python3").unlink()
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "readlink").symlink_to(shutil.which("readlink") or "/bin/readlink")
    done = call(
        prefix / "bin" / "credhelper",
        "get",
        environ={"PATH": str(tools)},
        before=("/bin/sh",),
    )
    assert done.returncode == 127
    assert done.stdout == b""
    assert done.stderr.startswith(b"credhelper: error: no python3 beside ")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("version", [(3, 6), (3, 10), (2, 99)])
def test_a_python_that_is_too_old_is_named(version: tuple[int, int]) -> None:
    # The file as an old Python would run it, up to where it asks for the version.
    code = (
        f"import sys; sys.version_info = (*{version}, 0, 'final', 0)\n"
        "exec(compile(open(sys.argv[1]).read(), sys.argv[1], 'exec'))"
    )
    done = call(sys.executable, "-I", "-S", "-c", code, str(BIN / "credhelper"))
    assert (done.returncode, done.stdout) == (1, b"")
    told = done.stderr.decode()
    assert told.startswith("credhelper: error: Python 3.11 or newer is needed, and ")
    assert told.endswith(f" is python{version[0]}.{version[1]}\n")


def test_an_old_python_can_read_the_file_so_far() -> None:
    import ast

    for name in PROGRAMS:
        ast.parse((BIN / name).read_text(), feature_version=(3, 7))


def test_an_installation_that_lacks_us_fails_without_a_word_on_stdout(prefix: Path) -> None:
    shutil.rmtree(prefix / "lib")
    done = call(prefix / "bin" / "credhelper", "get")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"credhelper" in done.stderr


@pytest.mark.parametrize("beside", ["gone", "private"])
def test_a_python_that_lacks_us_is_named_with_the_one_that_cannot_be_run(
    prefix: Path, tmp_path: Path, beside: str
) -> None:
    # As after an upgrade, or for a user who may not enter the folder of the interpreter.
    (prefix / "lib" / VERSION).rename(prefix / "lib" / "python3.99")
    interpreter = prefix / "bin" / "python3"
    interpreter.unlink()
    if beside == "gone":
        interpreter.symlink_to("/nonexistent/python3.99")
    else:
        interpreter.touch(0o600)
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "python3").symlink_to(sys.executable)
    for name in PROGRAMS:
        done = call(prefix / "bin" / name, "get", environ={"PATH": f"{tools}:/usr/bin:/bin"})
        assert (done.returncode, done.stdout) == (1, b"")
        told = done.stderr.decode()
        assert told.startswith("credhelper: error: ")
        assert " has no credhelper, and " in told
        assert told.endswith(f"{interpreter} is missing, or not yours to run\n")
        assert told.count("\n") == 1
