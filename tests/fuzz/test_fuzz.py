"""No bytes of others break a promise: what is known is replayed, and with --thorough more is tried.

`python -m tests.fuzz SECONDS` tries as long as it is told.
"""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

from integrations import clients
from tests.fuzz import campaign, corpus, mutated, planted, target, targets

TARGETS = targets.every()
# In CI the same inputs each time: what is new is found by `python -m tests.fuzz`.
RUNS = {campaign.GUIDED: 4000, campaign.MUTATED: 300}
SECONDS = 4.0
SEED = 1


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_known_breaks_no_promise(name: str) -> None:
    known = corpus.inputs(TARGETS[name])
    assert known
    for data in known:
        target.hold(TARGETS[name], data)


@pytest.mark.sampled(100)
@pytest.mark.parametrize("name", TARGETS)
def test_no_input_that_a_fuzzer_makes_breaks_a_promise(name: str, tmp_path: Path) -> None:
    how = campaign.GUIDED if campaign.guide() else campaign.MUTATED

    outcome = campaign.fuzz(name, tmp_path, seconds=SECONDS, runs=RUNS[how], seed=SEED)

    assert outcome.found is None, str(outcome)
    assert outcome.how == how
    assert outcome.runs >= 1


def test_a_fuzzer_finds_what_was_planted(tmp_path: Path) -> None:
    outcome = campaign.fuzz(planted.NAME, tmp_path, seconds=600, runs=100_000, seed=SEED)

    assert outcome.found is not None
    assert b"bug" in outcome.found
    assert "planted" in str(outcome)


def test_hypothesis_finds_what_was_planted() -> None:
    with pytest.raises(mutated.Found) as found:
        mutated.attack(targets.find(planted.NAME), 2000, SEED)

    assert b"bug" in found.value.data


def test_an_input_that_takes_too_long_breaks_a_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "MOST_TIME", -1.0)
    slow = target.Target("slow", lambda data: None, [b""])

    with pytest.raises(AssertionError, match="far too long"):
        target.hold(slow, b"")


@pytest.mark.parametrize("data", [b"", b'\0\xff\n\r"\\', "\u2028".encode()])
def test_a_line_of_the_corpus_keeps_every_byte(
    data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus, "FOLDER", tmp_path)
    (tmp_path / "x.txt").write_text(f"# why\n{corpus.line(data)}\n\n")

    assert corpus.kept("x") == [data]


def test_each_file_of_the_corpus_is_of_a_target() -> None:
    assert {path.stem for path in corpus.FOLDER.glob("*")} <= {*TARGETS}


def test_ci_is_guided_where_there_is_a_guide() -> None:
    if "atheris" not in clients.promised():
        pytest.skip("nobody promised atheris here")
    if sys.version_info >= (3, 14) or platform.machine() != "x86_64":
        pytest.skip("atheris has no wheel for this Python")
    assert campaign.guide()
