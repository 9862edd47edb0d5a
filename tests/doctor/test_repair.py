"""`doctor --fix`: it repairs what is ours, and touches nothing else; and `doctor --as-job`."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.doctor.faults import FAULTS
from tests.doctor.stage import GIT, RECORD, Stage
from tests.doctor.test_doctor import check, examined, of
from tests.support.worlds import snapshot

REPAIRED = [
    "cache: open to others",
    "cache: a file open to others",
    "state: a folder open to others",
    "tool: our program was moved",
]


def dead_writer(folder: Path) -> Path:
    """Leave what a killed writer leaves in a folder of ours."""
    process = subprocess.Popen(["/bin/true"])
    process.wait()
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f".{RECORD}.{process.pid}.0123abcd.tmp"
    path.touch(0o600)
    return path


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", REPAIRED)
def test_fix_repairs_it_and_then_all_is_well(stage: Stage, name: str) -> None:
    FAULTS[name].spoil(stage)
    assert examined(stage)[0] == FAULTS[name].status
    outcome = stage.world.run("doctor", "--fix", environ=stage.environ)
    assert outcome.status == 0, outcome
    assert outcome.stdout.startswith(b"fixed: ")
    assert examined(stage)[0] == 0
    outcome = stage.world.run("doctor", "--fix", environ=stage.environ)
    assert not outcome.stdout.startswith(b"fixed: ")


def test_a_moved_program_is_set_right_in_lines_of_ours_alone(stage: Stage) -> None:
    foreign = "# mine\n[user]\n\tname = Somebody\n"
    (stage.world.home / ".gitconfig").write_text(foreign)
    FAULTS["tool: our program was moved"].spoil(stage)
    assert stage.world.run("doctor", "--fix", environ=stage.environ).status == 0
    text = (stage.world.home / ".gitconfig").read_text()
    assert text.startswith(foreign)
    assert "gone" not in text
    assert "gone" not in (stage.world.state / "setup.json").read_text()
    undone = stage.world.run("setup", "git", "--undo", environ=stage.environ)
    assert undone.status == 0, undone
    assert (stage.world.home / ".gitconfig").read_text() == foreign


def test_what_a_killed_process_left_is_told_and_swept(stage: Stage) -> None:
    left = dead_writer(stage.world.cache)
    status, found = examined(stage, "--offline")
    assert (status, check(found, "leftovers")["state"]) == (0, "warn")
    assert check(found, "leftovers")["fix"] == "credhelper doctor --fix"
    assert left.exists()  # to look changes nothing
    assert stage.world.run("doctor", "--fix", "--offline").status == 0
    assert not left.exists()
    assert check(examined(stage, "--offline")[1], "leftovers")["state"] == "pass"


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "name",
    [
        "config: open to all",
        "grant: the file is open",
        "state: the journal is damaged",
        "tool: its lines are gone",
        "tool: another helper",
    ],
)
def test_fix_leaves_alone_what_is_not_ours(stage: Stage, name: str) -> None:
    fault = FAULTS[name]
    if fault.wired:
        stage.wires_git()
    fault.spoil(stage)
    kept = [stage.world.config, stage.world.root / "api-key", stage.world.state / "setup.json"]
    kept.append(stage.world.home / ".gitconfig")
    before = [snapshot(path) for path in kept]
    outcome = stage.world.run("doctor", "--fix", "--offline")
    assert [snapshot(path) for path in kept] == before
    assert b"fixed: " not in outcome.stdout


def test_fix_follows_no_link_to_a_file_of_somebody_else(stage: Stage) -> None:
    other = stage.world.root / "other"
    other.write_text("")
    other.chmod(0o644)
    stage.world.cache.mkdir(mode=0o700)
    (stage.world.cache / RECORD).symlink_to(other)
    assert stage.world.run("doctor", "--fix", "--offline").status == 0
    assert other.stat().st_mode & 0o777 == 0o644


THEIRS = {
    "run.sh": "echo mine",
    ".report.99999.ab.tmp": "",
    f".report.{2**22 + 1}.0123abcd.tmp": "",
    f"{RECORD}.jpeg": "",
    f"{RECORD}-0a": "a record of somebody else",
    "setup.json": '{"mine": 1}',
    "config.lock": "mine",
    "routes-66.csv": "",
    "doctor.txt": "",
    "sessions/notes": "",
    "grants/tls.key": "-----BEGIN PRIVATE KEY-----\nAA==\n",
    "backups/all.tar": "",
    "given/names": "",
    "deep/er/run.sh": "",
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", ["CREDHELPER_CACHE_DIR", "CREDHELPER_STATE_DIR"])
@pytest.mark.parametrize("mode", [0o700, 0o755], ids=["closed", "open"])
def test_files_of_somebody_in_a_folder_that_is_named_for_us_stay_as_they_are(
    stage: Stage, name: str, mode: int
) -> None:
    folder = stage.world.home / "s"
    for path, text in THEIRS.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
        (folder / path).chmod(0o755)
    folder.chmod(mode)
    stage.environ[name] = str(folder)
    before = snapshot(folder)
    outcome = stage.world.run("doctor", "--fix", "--offline", environ=stage.environ)
    after = snapshot(folder)
    ours = ("", ".", "swept.tokens", "swept.sessions")
    kept = {path: found for path, found in before.items() if path not in ours}
    assert {path: after[path][:2] for path in kept} == {path: kept[path][:2] for path in kept}
    assert {path: after[path][4] for path in kept} == {path: kept[path][4] for path in kept}
    assert after["."][0] == before["."][0]
    assert b"fixed: " not in outcome.stdout
    assert b"run.sh" not in outcome.stdout


def test_files_of_ours_among_those_of_somebody_are_repaired(stage: Stage) -> None:
    stage.wires_git()
    stage.world.get()
    ours = [*stage.world.records(), stage.world.state / "setup.json"]
    for path in ours:
        path.chmod(0o644)
        (path.parent / "run.sh").touch(0o755)
        (path.parent / "run.sh").chmod(0o755)
    _, found = examined(stage)
    assert [(one["name"], one["about"]) for one in of(found, "fail")] == [
        ("modes", "cache"),
        ("modes", "state"),
    ]
    assert stage.world.run("doctor", "--fix").status == 0
    for path in ours:
        assert path.stat().st_mode & 0o777 == 0o600
        assert (path.parent / "run.sh").stat().st_mode & 0o777 == 0o755


def test_a_file_with_another_name_keeps_its_mode_until_somebody_copies_it(stage: Stage) -> None:
    FAULTS["cache: a file open to others, with another name"].spoil(stage)
    outcome = stage.world.run("doctor", "--fix", "--offline")
    assert outcome.status == 7
    assert b"fixed: " not in outcome.stdout
    theirs = stage.world.root / "theirs"
    assert theirs.stat().st_mode & 0o777 == 0o644
    (failed,) = of(examined(stage, "--offline")[1], "fail")
    assert os.system(failed["fix"]) == 0
    assert examined(stage)[0] == 0
    assert theirs.stat().st_mode & 0o777 == 0o644


def test_as_a_job_it_has_nothing_but_a_home_and_what_is_given(stage: Stage) -> None:
    status, found = examined(stage, "--as-job", "--offline")
    assert status == 4  # there the config is another one, which is not there
    assert [one["name"] for one in of(found, "fail")] == ["config"]
    assert check(found, "path")["state"] == "warn"
    given = [f"--env={name}={value}" for name, value in stage.world.environ.items()]
    status, found = examined(stage, "--as-job", "--offline", *given)
    assert (status, of(found, "warn")) == (0, [])


def test_as_a_job_a_variable_of_the_shell_does_not_count(stage: Stage) -> None:
    stage.configure(grant={"env": "MY_KEY"})
    stage.environ["MY_KEY"] = stage.api.api_key
    assert examined(stage)[0] == 0
    given = [f"--env={name}={value}" for name, value in stage.world.environ.items()]
    status, found = examined(stage, "--as-job", *given)
    assert (status, check(found, "grant")["state"]) == (4, "fail")


def on_a_terminal(stage: Stage, *words: str) -> None:
    """Run the doctor in a session that a terminal controls, and wait for its end."""
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb"), os.fdopen(theirs, "rb") as terminal:
        stage.world.finish(
            stage.world.start(
                *words,
                stdin=terminal,
                start_new_session=True,
                preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            )
        )


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_as_a_job_it_has_no_terminal(stage: Stage) -> None:
    mark = stage.world.root / "terminal"
    # The seventh field is the number of the terminal that controls the process; 0 for none.
    look = f"cut -d' ' -f7 /proc/$PPID/stat >{mark}; exit 1"
    stage.configure(grant={"command": ["/bin/sh", "-c", look]})
    on_a_terminal(stage, "doctor", "--ask-grants")
    assert mark.read_text() != "0\n"
    given = [f"--env={name}={value}" for name, value in stage.world.environ.items()]
    on_a_terminal(stage, "doctor", "--ask-grants", "--as-job", *given)
    assert mark.read_text() == "0\n"


@pytest.mark.parametrize("given", ["canary-value", "=canary-value", "A B=canary-value"])
def test_what_is_no_variable_is_refused_and_not_repeated(stage: Stage, given: str) -> None:
    stage.world.canaries.append("canary-value")
    assert stage.world.run("doctor", "--as-job", "--env", given).status == 2


def test_a_variable_goes_with_a_job_alone(stage: Stage) -> None:
    assert stage.world.run("doctor", "--env", "A=b").status == 2


@pytest.mark.sampled(5)
@pytest.mark.parametrize("words", [(), ("--json",), ("--fix",), ("git",), ("--fix", "--json")])
@pytest.mark.parametrize("name", [name for name in FAULTS if name.startswith("environment: ")])
def test_whatever_variables_say_there_is_a_report_that_is_safe_to_paste(
    stage: Stage, name: str, words: tuple[str, ...]
) -> None:
    FAULTS[name].spoil(stage)
    stage.environ["USER"] = "canary-user"
    stage.world.canaries.append("canary-user")
    before = snapshot(stage.world.root)
    outcome = stage.world.run("doctor", *words, environ=stage.environ)
    assert (outcome.status, outcome.told) == (FAULTS[name].status, "")
    assert stage.environ.get("HOME") or str(stage.world.home) not in outcome.stdout.decode()
    variable = re.search(r"CREDHELPER_\w+", name)
    assert not variable or variable[0] in outcome.stdout.decode()
    if name == "environment: no home":
        assert b"HOME" in outcome.stdout
        assert {*snapshot(stage.world.root)} == {*before}


def test_the_service_of_another_tool_is_not_looked_at(stage: Stage) -> None:
    stage.wires_git()
    _, found = examined(stage, "git", "--offline")
    assert {one["about"] for one in found if GIT in one["about"]} == {f"git {GIT}"}
    outcome = stage.world.run("doctor", "dokcer")
    assert outcome.status == 2
    assert "docker" in outcome.told
