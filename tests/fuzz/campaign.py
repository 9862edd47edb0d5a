"""Fuzzing of one target in a process of its own, and what came of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from integrations.install import PLACE
from tests.fuzz import corpus
from tests.fuzz.target import LONGEST
from tests.fuzz.targets import find

ROOT = Path(__file__).parent.parent.parent
GUIDED, MUTATED = "atheris", "hypothesis"

_MOST_MEMORY = 1024  # MiB
_HANGS = 120  # seconds: longer than `target.MOST_TIME`, even where the machine is busy
_STARTS = 600.0  # seconds that loading a target may take, where the machine is busy


@dataclass(frozen=True)
class Outcome:
    """What came of fuzzing one target.

    Parameters: `name`; `how`, by which fuzzer; `runs`, how many inputs it took; `found`, the input
    that broke a promise, or None; `told`, the end of what the fuzzer said.
    """

    name: str
    how: str
    runs: int
    found: bytes | None
    told: str

    def __str__(self) -> str:
        what = f"{self.name}: {self.runs} inputs by {self.how}"
        if self.found is None:
            return f"{what}, nothing found"
        keep = f"tests/fuzz/corpus/{self.name}.txt: {corpus.line(self.found)}"
        return f"{what}, FOUND\n{self.told}\nonce it is fixed, keep it in {keep}"


def guide() -> str | None:
    """Return the Python that has atheris (`make clients CLIENTS=atheris`), or None."""
    own = PLACE / "atheris"
    found = any(own.glob("lib/python*/site-packages/atheris"))
    return str(own / "bin/python") if found else None


def fuzz(name: str, folder: Path, *, seconds: float, runs: int, seed: int) -> Outcome:
    """Fuzz one target until its time or its runs are over, or a promise is broken.

    Parameters:
    - folder: for what the fuzzer finds of use, which a later run begins with.
    - seed: which inputs; the same ones again in the same time, if nothing has changed.
    """
    python = guide()
    paths = {each: folder / name / each for each in ("learnt", "known", "found")}
    for path in paths.values():
        path.mkdir(parents=True, exist_ok=True)
    target = find(name)
    if python is None:
        file = paths["found"] / "input"
        words = [str(seconds), str(runs), str(seed), str(file)]
        return _ran(name, MUTATED, [sys.executable, "-m", "tests.fuzz.mutated", name, *words], file)
    for number, data in enumerate(corpus.inputs(target)):
        (paths["known"] / str(number)).write_bytes(data)
    words_file = folder / name / "words"
    told = ["".join(f"\\x{byte:02x}" for byte in word) for word in target.words if word]
    words_file.write_text("".join(f'"{word}"\n' for word in told))
    file = paths["found"] / "input"
    words = [
        f"-max_total_time={max(1, round(seconds))}",
        f"-runs={runs}",
        f"-seed={seed}",
        f"-max_len={LONGEST}",
        f"-timeout={_HANGS}",
        f"-rss_limit_mb={_MOST_MEMORY}",
        f"-dict={words_file}",
        f"-exact_artifact_path={file}",
    ]
    words += [str(paths["learnt"]), str(paths["known"])]
    return _ran(name, GUIDED, [python, "-m", "tests.fuzz.guided", name, *words], file)


def _ran(name: str, how: str, words: list[str], file: Path) -> Outcome:
    file.unlink(missing_ok=True)
    done = subprocess.run(
        words,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said = done.stdout.decode(errors="replace")
    number = re.search(r"^Done (\d+) runs", said, re.M) or re.search(r"\n#(\d+)\t(?!.*\n#\d)", said)
    runs = int(number[1]) if number else 0
    if done.returncode == 0:
        return Outcome(name, how, runs, None, "")
    if not file.is_file():
        raise RuntimeError(f"{how} does not run:\n{said[-3000:]}")
    return Outcome(name, how, runs, file.read_bytes(), _why(said))


def _why(said: str) -> str:
    """Return the traceback in what a fuzzer said, without libFuzzer's statistics."""
    start = said.find("Traceback")
    end = said.find("\n==", start)
    return said[start : end if end > 0 else None][-3000:].strip()
