"""Inputs that libFuzzer found: the kept ones each time, and new ones for a while in CI."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from integrations.clients import missing
from native import backend
from tests.native import caught, fuzz
from tests.native.bugs import Bug

SECONDS = 20  # for each target in CI; `python -m tests.native.fuzz 3600` for hours
# Of the kept inputs: how many there are at least, and how many the front goes on with.
KEPT = {"record": (80, 40), "routes": (140, 25), "request": (250, 80)}
# Wrong steps in memory, and what they are found in.
OVERRUNS = {
    "record": Bug(
        "a byte before the record", "while (end && data.at[end - 1]", "while (data.at[end - 1]"
    ),
    "routes": Bug(
        "a line behind the last one",
        "if ((uint64_t)offset >= routes->lines.size) return false;",
        "",
    ),
    "request": Bug(
        "a blank before the server",
        'while (data.size && has(TEXT(" \\t"), data.at[data.size - 1])) data.size--;',
        'while (has(TEXT(" \\t"), data.at[data.size - 1])) data.size--;',
    ),
}


@pytest.fixture(scope="session")
def replayer(tmp_path_factory: pytest.TempPathFactory, compiler: list[str]) -> Path:
    """Return the program that gives kept inputs to the front, with the sanitizers in it."""
    return _replayer(tmp_path_factory.mktemp("kept"), backend.FRONT)


def _replayer(folder: Path, front: Path) -> Path:
    try:
        return fuzz.replayer(folder, front)
    except SystemExit as why:
        if "cannot find" not in str(why):
            raise
        pytest.skip(f"the compiler has no sanitizers: {why}")


def kept(target: str) -> list[Path]:
    return sorted((fuzz.CORPUS / target).iterdir())


@pytest.mark.parametrize("target", fuzz.TARGETS)
def test_the_kept_inputs_show_nothing_wrong(target: str, replayer: Path) -> None:
    files = kept(target)
    least, accepted = KEPT[target]
    assert len(files) >= least
    # A format that has changed would leave a corpus that the front refuses at its first line.
    assert fuzz.replayed(replayer, target, files) >= accepted


@pytest.mark.sampled(len(fuzz.TARGETS))
@pytest.mark.parametrize("target", fuzz.TARGETS)
def test_the_kept_inputs_find_a_wrong_step_in_memory(
    target: str, tmp_path: Path, compiler: list[str]
) -> None:
    program = _replayer(tmp_path / "build", caught.planted(OVERRUNS[target], tmp_path / "code"))
    with pytest.raises(AssertionError, match=r"Sanitizer|runtime error"):
        fuzz.replayed(program, target, kept(target))


@pytest.mark.waits
@pytest.mark.parametrize("target", fuzz.TARGETS)
def test_new_inputs_show_nothing_wrong(
    target: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if not request.config.getoption("--thorough"):
        pytest.skip(f"the fuzzers run for {SECONDS} s each: with --thorough")
    try:
        fuzzer = fuzz.build(tmp_path / "build", target)
    except fuzz.NoFuzzerError as why:
        missing("clang", str(why))
    shutil.copytree(fuzz.CORPUS / target, tmp_path / "corpus")
    found = fuzz.fuzz(fuzzer, target, SECONDS, tmp_path / "corpus")
    assert not found.why, found.why
    assert found.runs > len(kept(target)), found
