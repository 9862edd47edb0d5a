"""A broken promise on purpose: a campaign that does not find this one finds nothing."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fuzz.target import Target

NAME = "planted"


def targets() -> Iterator[Target]:
    """Yield the target, which is in no list."""
    yield Target(NAME, _run, [b"in order", b"to no"], [b"to", b"bug"])


def _run(data: bytes) -> None:
    assert b"bug" not in data, "planted"
