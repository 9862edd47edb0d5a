"""What a fuzzer is given: a target takes any bytes, and fails where a promise is broken."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

LONGEST = 4096  # bytes of an input
# Seconds of processor time, which a busy machine does not change. Most take a thousandth of it.
MOST_TIME = 20.0


@dataclass(frozen=True)
class Target:
    """A place where bytes of others come in.

    Parameters:
    - name: as on the command line, and of its corpus.
    - run: takes the bytes; raises AssertionError, or what nobody declared, for a broken promise.
    - seeds: inputs that are in order, from which others are made.
    - words: what such inputs are made of.
    """

    name: str
    run: Callable[[bytes], None]
    seeds: Sequence[bytes]
    words: Sequence[bytes] = field(default=())


def hold(target: Target, data: bytes) -> None:
    """Run `target` on `data`, and hold it to its time as well."""
    began = time.process_time()
    target.run(data)
    assert time.process_time() - began < MOST_TIME, "it took far too long"


def text_of(data: bytes) -> str | None:
    """Return `data` as the text that it is in UTF-8; None for what is none."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
