"""The front as a program: its answers beside the Python program's, and what it hands to Python."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from native import backend
from tests.native import cases
from tests.native.cases import BASES, NOW, Case
from tests.native.changes import CHANGES
from tests.support.transcripts import QUESTIONS, Question
from tests.support.worlds import World

LEFT = 99  # the status of what stands in Python's place
# Of these, another second could be another answer.
TIMED = (
    "record {",
    "the clock",
    "margin",
    "an old token",
    "--min-ttl",
    "--refresh-before",
    "the route's",
    "words before",
    "words behind",
)
OURS = ("git", "docker", "get", "token")


def _now(case: Case) -> Case:
    """Return `case` as it would be at this moment."""
    moved = copy.deepcopy(case)
    passed = int(time.time()) - int(NOW)
    for profile in moved.profiles:
        for name in ("issued", "expires", "not_before", "due") if profile.record else ():
            assert profile.record is not None
            text = profile.record.get(name, "")
            if text.isdigit() and int(text) > 1_000_000_000:
                profile.record[name] = str(int(text) + passed)
    moved.now = time.time()
    return moved


def _run(folder: Path, case: Case, places: cases.Places) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [folder / case.program, *case.words],
        env=places.environ,
        input=case.stdin,
        capture_output=True,
        cwd="/",
        timeout=60,
    )


@pytest.mark.sampled(8)
@pytest.mark.parametrize("number", range(8))
def test_the_program_answers_as_the_python_program_does(
    number: int, native: Path, alone: Path, world: Path
) -> None:
    python = Path(sys.executable).parent
    plain = [
        change for change in CHANGES if not change.name.startswith(TIMED) and not change.strange
    ]
    names = {"credhelper", "git-credential-credhelper", "docker-credential-credhelper"}
    answered = asked = 0
    for at, change in enumerate(plain):
        bases = [base for base in BASES if base in change.of]
        case = BASES[bases[at % len(bases)]]()
        change.apply(case)
        if at % 8 != number or case.program not in names or case.how in "oS" or case.twice:
            continue
        case = _now(case)
        places = cases.write(case, world)
        want = cases.python_says(case, places)
        try:
            found = _run(alone, case, places)
        except ValueError:
            continue  # a NUL in an argument
        asked += 1
        if found.returncode == LEFT:
            assert found.stdout == b"PYTHON", (change.name, found)
            assert want is None or change.odd, change.name
            continue
        answered += 1
        assert (found.returncode, found.stdout, found.stderr) == (0, want, b""), change.name
        if answered % 3 == 1:
            same = _run(python, case, places)
            assert (same.returncode, same.stdout, same.stderr) == (0, want, b""), change.name
            there = _run(native, case, places)
            assert (there.returncode, there.stdout, there.stderr) == (0, want, b""), change.name
    assert asked > 60, asked
    assert answered > 15, answered


@pytest.mark.parametrize(
    "question",
    [question for question in QUESTIONS if question.protocol in OURS],
    ids=lambda question: f"{question.protocol} {question.name}",
)
def test_what_tools_ask_is_answered_by_both(
    question: Question, native: Path, alone: Path, scratch_world: World
) -> None:
    token = scratch_world.prepare(question.wants)
    environ = scratch_world.environment(question.environ)

    def ask(folder: Path) -> tuple[int, bytes, bytes]:
        done = subprocess.run(
            [folder / "credhelper", *question.words],
            input=question.stdin,
            capture_output=True,
            env=environ,
            timeout=60,
        )
        return done.returncode, done.stdout, done.stderr

    python = ask(Path(sys.executable).parent)
    assert python[0] == 0
    assert token.encode() in python[1]
    assert ask(native) == python
    if "json" not in question.words:
        assert ask(alone) == python, "the front has left to Python what a tool asks"


# Beside the front: it writes down all that reached it.
WITNESS = r"""#!/bin/sh
out=$0.seen
for word; do printf '%s\0' "$word"; done > "$out.words"
tr '\0' '\n' < /proc/$$/environ | grep -v '^PWD=\|^OLDPWD=' | sort > "$out.environ"
grep '^Sig\(Blk\|Ign\)' /proc/self/status > "$out.signals"
set -- /proc/$$/fd/*
echo "$*" | sed "s/$$/PID/g" > "$out.open"
ulimit -c > "$out.core"
umask > "$out.umask"
pwd > "$out.folder"
cat > "$out.stdin"
exit 7
"""


@pytest.mark.parametrize(
    ("words", "stdin"),
    [
        (["get", "--profile", "nobody"], b"protocol=https\nhost=ica.example\n\n"),
        (["get"], b"protocol=https\nhost=evil.test\n\nmore"),
        (["get"], b"x" * 100_000),
        (["store"], b"protocol=https\nhost=ica.example\nusername=a\npassword=b\n\n"),
        ([], b""),
        (["", "a b", "'\"$x\\", "*", "-c", "--", "\n"], b"\0\n"),
        (["get", *["x" * 1000] * 200], b"a"),
    ],
    ids=("a profile", "more behind", "no request", "store", "no words", "odd words", "many words"),
)
@pytest.mark.parametrize("ignored", [False, True])
def test_python_is_started_as_the_program_file_starts_it(
    words: list[str], stdin: bytes, ignored: bool, front: Path, world: Path, tmp_path: Path
) -> None:
    case = BASES["git"]()
    places = cases.write(case, world)
    environ = {**places.environ, "ODD": "a\nb", "X": "ä", "CREDHELPER_NEW": "1"}
    tree = Path(backend.ROOT, "credhelper/bin/credhelper")
    seen = []
    for name, program in (("front", front), ("file", tree)):
        folder = tmp_path / f"{name} 's"
        folder.mkdir()
        started = folder / "git-credential-credhelper"
        started.write_bytes(program.read_bytes())
        started.chmod(0o755)
        (folder / "python3").write_text(WITNESS)
        (folder / "python3").chmod(0o755)
        shell = 'trap "" INT HUP; ' if ignored else ""
        done = subprocess.run(
            [
                "sh",
                "-c",
                f'{shell}ulimit -c 0; umask 27; exec "$@" 5</dev/null',
                "sh",
                started,
                *words,
            ],
            env=environ,
            input=stdin,
            capture_output=True,
            cwd=world,
            timeout=60,
        )
        assert (done.returncode, done.stderr) == (7, b""), done
        told = {path.suffix: path.read_bytes() for path in folder.glob("*.seen.*")}
        arguments = told.pop(".words").split(b"\0")
        at = arguments.index(os.fsencode(started))
        told["words"] = b"\0".join(arguments[at + 1 :])
        told["isolated"] = b"\0".join(arguments[:2])
        seen.append(told)
    assert seen[0] == seen[1]
    assert seen[0][".stdin"] == stdin
    assert seen[0]["words"] == b"\0".join([*map(os.fsencode, words), b""])


@pytest.mark.parametrize(
    "words",
    [
        ["--version"],
        ["git", "capability"],
        ["docker", "list"],
        ["nope"],
        ["get", "--help"],
        ["git", "--help"],
        ["status"],
    ],
    ids=" ".join,
)
def test_what_python_serves_is_the_same(
    words: list[str], native: Path, scratch_world: World
) -> None:
    def run(folder: Path) -> tuple[int, bytes, bytes]:
        done = subprocess.run(
            [folder / "credhelper", *words],
            capture_output=True,
            env=scratch_world.environment({"PATH": f"{folder}:/usr/bin:/bin"}),
            timeout=60,
        )
        return done.returncode, done.stdout, done.stderr

    assert run(native) == run(Path(sys.executable).parent)


def test_links_lead_to_the_python_beside_the_front(
    native: Path, tmp_path: Path, scratch_world: World
) -> None:
    folder = tmp_path / "a folder's $x"
    folder.mkdir()
    (folder / "one").symlink_to(native / "credhelper")
    (folder / "git-credential-mine").symlink_to("one")
    environ = scratch_world.environment({"PATH": "/nonexistent"})
    done = subprocess.run(
        [folder / "git-credential-mine", "capability"], env=environ, capture_output=True
    )
    assert (done.returncode, done.stdout) == (0, b"version 0\ncapability authtype\n"), done


def test_without_any_python_it_says_what_the_program_file_says(front: Path, tmp_path: Path) -> None:
    said = set()
    for program in (front, Path(backend.ROOT, "credhelper/bin/credhelper")):
        path = tmp_path / "credhelper"
        path.write_bytes(program.read_bytes())
        path.chmod(0o755)
        done = subprocess.run([path, "get"], env={"PATH": "/nonexistent"}, capture_output=True)
        said.add((done.returncode, done.stdout, done.stderr))
    assert said == {
        (127, b"", f"credhelper: error: no python3 beside {path}, and none on PATH\n".encode())
    }


def test_it_refuses_to_run_for_another_user(front: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives a program to another user")
    path = tmp_path / "credhelper"
    path.write_bytes(front.read_bytes())
    os.chown(path, 65534, 65534)
    path.chmod(0o4755)
    done = subprocess.run([path, "get"], capture_output=True)
    if done.returncode == 127:
        pytest.skip("programs here keep their starter's user (nosuid)")
    assert (done.returncode, done.stdout) == (126, b"")
    assert done.stderr.endswith(b"must not be setuid\n")
