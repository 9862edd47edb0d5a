"""What a warm answer loads: nothing but our own short list, and what the interpreter has anyway."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from credhelper import protocols
from credhelper.storage import files, locks
from tests.support.programs import INSTALLED, python_program
from tests.support.sandboxes import RunningSandbox
from tests.support.transcripts import QUESTIONS, TOLD, Question
from tests.support.worlds import World

pytestmark = pytest.mark.skipif(
    not INSTALLED, reason="needs the wheel beside this Python: an import path of its own costs more"
)

PROGRAM = python_program()
PYTHON = Path(sys.executable).parent / "python3"
IMPORT = re.compile(r"^import time: +\d+ \| +\d+ \| +(\S+)$", re.MULTILINE)

OURS = {
    "credhelper",
    "credhelper.core",
    "credhelper.entry",
    "credhelper.core.text",
    "credhelper.core.model",
    "credhelper.core.paths",
    "credhelper.protocols",
    "credhelper.core.record",
    "credhelper.core.routes",
    "credhelper.core.service",
    "credhelper.core.lookup",
}
# Built into the interpreter: their import costs nothing.
FREE = {"_signal", "errno", "posix", "sys", "time"}
SHA256 = "_sha2" if sys.version_info >= (3, 12) else "_sha256"
HEAVY = {
    "_hashlib",
    "base64",
    "click",
    "collections",
    "dataclasses",
    "datetime",
    "enum",
    "filelock",
    "hashlib",
    "importlib.metadata",
    "json",
    "logging",
    "pathlib",
    "platformdirs",
    "re",
    "requests",
    "signal",
    "site",
    "socket",
    "ssl",
    "subprocess",
    "threading",
    "tomllib",
    "typing",
    "urllib.parse",
    "urllib3",
}

# What a dialogue takes beyond OURS, for all that its lines may ask.
DIALOGUE = {
    "credhelper.broker",
    "credhelper.edge",
    "credhelper.storage",
    "credhelper.broker.answer",
    "credhelper.broker.source",
    "credhelper.storage.files",
    "credhelper.storage.locks",
    "credhelper.broker.context",
    "credhelper.edge.main",
    "credhelper.edge.serve",
    "credhelper.edge.stops",
    "credhelper.errors",
    "credhelper.core.flock",
    "credhelper.broker.routing",
    "credhelper.storage.failure_record",
    "credhelper.broker.failure",
    "credhelper.storage.slot",
    "credhelper.broker.trace",
}
JSON = {"collections", "enum", "json", "re"}


def budget(question: Question) -> set[str]:
    """Return which of our modules may answer: the protocol's own, and what its data tell."""
    own = f"credhelper.protocols.{protocols.PROTOCOLS[question.protocol][0]}"
    more = DIALOGUE if question.reads == "lines" else set()
    return OURS | more | {own, "credhelper.protocols.options"} | question.loads


def ids(question: Question) -> str:
    return f"{question.protocol} {question.name}".strip()


def loaded(
    words: Sequence[str],
    stdin: bytes = b"",
    environ: dict[str, str] | None = None,
    status: int = 0,
) -> tuple[set[str], bytes]:
    """Return what Python imports for `words`, and what was answered."""
    done = subprocess.run(
        [str(PYTHON), "-X", "importtime", "-I", "-S", *words],
        input=stdin,
        capture_output=True,
        env=environ or {},
        timeout=60,
    )
    assert done.returncode == status, done.stderr[-500:]
    return set(IMPORT.findall(done.stderr.decode())), done.stdout


@pytest.fixture(scope="module")
def bare() -> set[str]:
    """Give what the interpreter loads for `pass`."""
    return loaded(["-c", "pass"])[0]


def in_cold_blood(world: World, question: Question) -> bytes:
    """Let the profile have AWS credentials too, and return how they are handed over at first."""
    with world.config.open("a") as config:
        config.write('aws = { folder = "fol.a" }\n')
    outcome = world.run(*question.words)
    assert (outcome.status, outcome.told) == (0, "")
    return outcome.stdout


@pytest.mark.sampled(3)
@pytest.mark.parametrize("question", QUESTIONS, ids=ids)
def test_a_warm_answer_loads_its_short_list_and_nothing_else(
    scratch_world: World, bare: set[str], question: Question
) -> None:
    environ = {**scratch_world.environ, **question.environ}
    if question.wants == "aws":
        handed_over = in_cold_blood(scratch_world, question)
    else:
        handed_over = scratch_world.get().encode()
    found, answer = loaded([str(PROGRAM), *question.words], question.stdin, environ)
    assert handed_over in answer
    found -= bare | FREE
    ours = {module for module in found if module.partition(".")[0] == "credhelper"}
    seldom = {"credhelper.protocols.options", "credhelper.core.service"}  # not all have both
    assert ours | seldom == budget(question)
    # A dialogue is one process for many answers, and may read its lines with json.
    assert found - ours == set() if question.reads != "lines" else found.isdisjoint(HEAVY - JSON)


def test_a_warm_answer_from_a_key_in_the_environment_loads_a_digest_more(
    scratch_world: World, running_sandbox: RunningSandbox, bare: set[str]
) -> None:
    scratch_world.configure(
        running_sandbox.url, running_sandbox.api_key, main={"grant": {"env": "KEY"}}
    )
    scratch_world.environ["KEY"] = running_sandbox.api_key
    token = scratch_world.get()
    found, answer = loaded([str(PROGRAM), "get"], b"", scratch_world.environ)
    assert answer.decode().strip() == token
    usual = budget(TOLD["get"].warm[1]) - {"credhelper.core.service"}
    assert found - bare - FREE == usual | {"credhelper.core.digest", SHA256}


def test_what_is_free_is_built_in() -> None:
    assert set(sys.builtin_module_names) >= FREE


def test_a_waiter_in_a_herd_loads_nothing_heavy(scratch_world: World) -> None:
    # It sleeps at the gate of a record that has expired, until somebody has renewed it.
    token = scratch_world.get()
    (record,) = scratch_world.records()
    data = record.read_bytes()
    scratch_world.age(10**6)
    lock = locks.acquire(f"{record}.lock", wait=0, alarm=False)
    assert lock
    waiter = subprocess.Popen(
        [str(PYTHON), "-X", "importtime", "-I", "-S", str(PROGRAM), "get"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=scratch_world.environ,
    )
    deadline = time.monotonic() + 20
    while not asleep_at(waiter.pid, f"{record}.lock") and time.monotonic() < deadline:
        time.sleep(0.01)
    files.replace(str(record), data)
    lock.release()
    stdout, stderr = waiter.communicate(timeout=60)
    found = set(IMPORT.findall(stderr.decode()))
    assert stdout.decode().strip() == token
    assert "credhelper.core.flock" in found
    assert found & HEAVY == set()
    assert found.isdisjoint(
        {"credhelper.broker.answer", "credhelper.edge.main", "credhelper.broker.source"}
    )


def test_a_refusal_that_is_remembered_loads_nothing_heavy(
    scratch_world: World, running_sandbox: RunningSandbox
) -> None:
    running_sandbox.fault({"status": 401, "times": "always"})
    assert scratch_world.run("get").status == 5
    done = subprocess.run(
        [str(PYTHON), "-X", "importtime", "-I", "-S", str(PROGRAM), "get"],
        capture_output=True,
        env=scratch_world.environ,
    )
    assert done.returncode == 5
    found = set(IMPORT.findall(done.stderr.decode()))
    assert found & (HEAVY - {"collections", "enum"}) == set()


def asleep_at(pid: int, path: str) -> bool:
    """Tell whether the process has `path` open, and sleeps."""
    folder = f"/proc/{pid}/fd"
    try:
        handles = [os.readlink(f"{folder}/{name}") for name in os.listdir(folder)]
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return path in handles and state == "S"
