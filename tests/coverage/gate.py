"""The gate: each refusal and error path is taken by a test, or stands in `untested.txt`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from tests.coverage.refusals import Refusal

UNTESTED = Path(__file__).parent / "untested.txt"


def accepted(text: str) -> dict[str, str]:
    """Return what `untested.txt` lists, with the reason that stands above it.

    Raises ValueError for one without a reason.
    """
    found: dict[str, str] = {}
    reason = ""
    for line in text.split("\n"):
        if line.startswith("# "):
            reason = line.removeprefix("# ")
        elif line and not reason:
            raise ValueError(f"without a reason: {line}")
        elif line:
            found[line] = reason
    return found


def untested(refusals: Iterable[Refusal], run: Mapping[str, Collection[int]]) -> list[Refusal]:
    """Return the refusals that no test took. Parameters: `run`, the lines that ran, by file."""
    return [one for one in refusals if one.file in run and one.line not in run[one.file]]


def judged(missed: Iterable[Refusal], known: Collection[str]) -> tuple[list[Refusal], list[str]]:
    """Return what is missed and not known, and what is known and no longer missed."""
    all_missed = [*missed]
    new = [one for one in all_missed if one.id not in known]
    return new, sorted({*known} - {one.id for one in all_missed})
