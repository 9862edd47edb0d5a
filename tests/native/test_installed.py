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
    "valid from",
    *"0123456789",  # seconds that are left
)


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


PARTS = 8
# In each part at least so many questions to the front as a program, and so many to all three.
ASKED, SAME = 330, 100


def test_enough_questions_are_asked_of_real_programs() -> None:
    assert PARTS * ASKED >= 2500
    assert PARTS * SAME >= 500


@pytest.mark.sampled(PARTS)
@pytest.mark.parametrize("number", range(PARTS))
def test_the_program_answers_as_the_python_program_does(
    number: int, native: Path, alone: Path, world: Path, request: pytest.FixtureRequest
) -> None:
    python = Path(sys.executable).parent
    plain = [
        change for change in CHANGES if not change.name.startswith(TIMED) and not change.strange
    ]
    names = {"credhelper", "git-credential-credhelper", "docker-credential-credhelper"}
    # A start of Python costs ten times as much as one of the front.
    each = 1 if request.config.getoption("--thorough") else 4
    answered = asked = same = 0
    pairs = [(base, change) for change in plain for base in BASES if base in change.of]
    for base, change in pairs[number::PARTS]:
        case = BASES[base]()
        change.apply(case)
        if case.program not in names or case.how in "oS" or case.twice:
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
        if answered % each == 0:
            for folder in (python, native):
                there = _run(folder, case, places)
                assert (there.returncode, there.stdout, there.stderr) == (0, want, b""), change.name
            same += 1
    assert asked >= ASKED, asked
    assert same >= SAME // each, (same, answered)


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
        (["exec", *["x"] * 80_000], b""),
    ],
    ids=(
        *("a profile", "more behind", "no request", "store", "no words", "odd words", "long words"),
        "many words",
    ),
)
@pytest.mark.parametrize("ignored", [False, True])
def test_python_is_started_as_the_program_file_starts_it(
    words: list[str], stdin: bytes, ignored: bool, front: Path, world: Path, tmp_path: Path
) -> None:
    case = BASES["git"]()
    places = cases.write(case, world)
    environ = {**places.environ, "ODD": "a\nb", "X": "ä", "CREDHELPER_NEW": "1", "boot": "mine"}
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


@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o6755], ids=oct)
def test_it_refuses_to_run_for_another_user(mode: int, front: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives a program to another user")
    path = tmp_path / "credhelper"
    path.write_bytes(front.read_bytes())
    os.chown(path, 65534, 65534)
    path.chmod(mode)
    done = subprocess.run([path, "get"], capture_output=True)
    if done.returncode == 127:
        pytest.skip("programs here keep their starter's user (nosuid)")
    assert (done.returncode, done.stdout) == (126, b"")
    assert done.stderr.endswith(b"must not be setuid\n")


def test_a_caller_with_rights_of_its_own_is_left_to_python(
    native: Path, alone: Path, scratch_world: World
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root has another group's rights to give")
    scratch_world.prepare()
    code = "import os, sys; os.setresgid(5, 0, 0); os.execv(sys.argv[1], sys.argv[1:])"

    def ask(folder: Path) -> tuple[int, bytes, bytes]:
        done = subprocess.run(
            [sys.executable, "-c", code, folder / "credhelper", "get"],
            env=scratch_world.environment(),
            capture_output=True,
        )
        return done.returncode, done.stdout, done.stderr

    python = ask(Path(sys.executable).parent)
    assert (python[0], python[2]) == (0, b"")
    assert ask(native) == python
    assert ask(alone) == (LEFT, b"PYTHON", b"")


def test_it_answers_in_little_memory(alone: Path, scratch_world: World) -> None:
    token = scratch_world.prepare()
    words = ["sh", "-c", 'ulimit -d 2048; exec "$0" get', str(alone / "credhelper")]
    done = subprocess.run(words, env=scratch_world.environment(), capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{token}\n".encode(), b"")
