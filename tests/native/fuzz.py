"""Fuzz the front: `python -m tests.native.fuzz SECONDS [TARGET ...]`, SECONDS for each target.

It needs clang with its libFuzzer; status 3 says that it is missing. Status 1: something was found,
and the input stays in a file that is named. `--keep` adds to `corpus/` what reaches code that
nothing there reaches.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from native import backend
from tests.native.fronts import SANITIZED, compiled

TARGETS = ("record", "routes", "request")
CODE = Path(__file__).parent / "fuzz.c"
CORPUS = Path(__file__).parent / "corpus"

_LONGEST = {"record": 4096, "routes": 4096, "request": 8192}  # bytes of an input
_PATIENCE = 20  # seconds for one input: a busy machine is no finding


class NoFuzzerError(Exception):
    """There is no clang here, or it has no libFuzzer."""


@dataclass
class Found:
    """What a run gave. Parameters: `runs`, inputs that were tried; `why`, empty if all is well."""

    runs: int
    why: str


def build(folder: Path, target: str, front: Path = backend.FRONT) -> Path:
    """Return the fuzzer of `target`, compiled in `folder`. Raises NoFuzzerError, SystemExit."""
    clang = shutil.which("clang")
    if clang is None:
        raise NoFuzzerError("there is no clang (make clients CLIENTS=clang)")
    flags = ["-O1", "-g", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"]
    try:
        return compiled(folder, CODE, front, [*flags, f"-DTARGET=fuzz_{target}"], [clang])
    except SystemExit as why:
        if "cannot find" in str(why) or "no such file" in str(why):
            raise NoFuzzerError("clang has no libFuzzer (libclang-rt-dev)") from why
        raise


def replayer(folder: Path, front: Path = backend.FRONT) -> Path:
    """Return a program that gives kept inputs to the targets, without clang. Raises SystemExit."""
    return compiled(folder, CODE, front, [*SANITIZED, "-DKEPT", "-DTARGET=fuzz_record"])


def replayed(program: Path, target: str, files: Sequence[Path]) -> int:
    """Return how many of `files` the front goes on with. Raises AssertionError for a finding."""
    words = [str(program), str(TARGETS.index(target)), *map(str, files)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[:3000]
    return int(done.stdout)


def fuzz(fuzzer: Path, target: str, seconds: int, corpus: Path, more: Sequence[str] = ()) -> Found:
    """Let `fuzzer` run for some seconds, from the inputs in `corpus`, to which it adds others.

    Parameters: `more`, options of libFuzzer.
    """
    hints = fuzzer.parent / "hints"
    hints.write_text("".join(f'"{word}"\n' for word in dictionary()))
    words = [
        *(str(fuzzer), f"-max_total_time={seconds}", f"-max_len={_LONGEST[target]}"),
        *(f"-timeout={_PATIENCE}", f"-dict={hints}", "-print_final_stats=1", *more),
        *(f"-artifact_prefix={fuzzer.parent}/found-", str(corpus)),
    ]
    # There is no heap in the front, so nothing leaks; to look for that needs ptrace.
    environ = {"ASAN_OPTIONS": "detect_leaks=0", "PATH": "/usr/bin:/bin"}
    # Under load it ends late; one that does not end at all is a finding, too.
    done = subprocess.run(
        words, env=environ, capture_output=True, text=True, errors="replace", timeout=seconds + 600
    )
    told = re.search(r"stat::number_of_executed_units:\s+(\d+)", done.stderr)
    runs = int(told[1]) if told else 0
    if done.returncode:
        return Found(runs, done.stderr[-4000:])
    return Found(runs, "" if runs else f"it ran nothing: {done.stderr[-2000:]}")


def dictionary() -> list[str]:
    """Return the words that the front knows, as libFuzzer reads them."""
    code = backend.FRONT.read_text() + backend.header()
    found = re.findall(r'(?:TEXT\(|\{|#define \w+ )"((?:[^"\\\n]|\\.)+)"', code)
    words = {word.replace("\\n", "\\x0A").replace("\\t", "\\x09") for word in found}
    return sorted(word for word in words if len(word) < 40 and "\\?" not in word)


def main(words: list[str]) -> int:
    """Fuzz as the words say; return the status."""
    keep = "--keep" in words
    words = [word for word in words if word != "--keep"]
    if not words or not words[0].isdigit() or not set(words[1:]) <= set(TARGETS):
        sys.stderr.write(__doc__ or "")
        return 2
    status = 0
    for target in words[1:] or TARGETS:
        scratch = Path(tempfile.mkdtemp(prefix=f"fuzz-{target}-"))
        try:
            fuzzer = build(scratch, target)
        except NoFuzzerError as why:
            sys.stderr.write(f"{why}\n")
            return 3
        grown = scratch / "corpus"
        shutil.copytree(CORPUS / target, grown)
        found = fuzz(fuzzer, target, int(words[0]), grown)
        size = len([*grown.iterdir()])
        print(f"{target}: {words[0]} s, {found.runs:,} inputs, {size} kept", flush=True)
        if found.why:
            print(f"{found.why}\nin {scratch}", flush=True)
            status = 1
            continue
        if keep:
            merged = [str(fuzzer), "-merge=1", str(CORPUS / target), str(grown)]
            subprocess.run(merged, capture_output=True, check=True)
        shutil.rmtree(scratch)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
