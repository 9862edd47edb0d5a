"""One target under hypothesis, without a guide: inputs are made of those that are known.

Usage: python -m tests.fuzz.mutated TARGET SECONDS RUNS SEED FILE. An input that breaks a promise is
written to FILE.
"""

from __future__ import annotations

import random
import resource
import sys
import time
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz import corpus
from tests.fuzz.target import LONGEST, Target, hold
from tests.fuzz.targets import find

_A_TIME = 500  # inputs of one run of hypothesis
_MOST_MEMORY = 2 << 30


class Found(Exception):
    """A promise was broken. Parameters: `data`, the input."""

    def __init__(self, data: bytes) -> None:
        super().__init__(corpus.line(data))
        self.data = data


def attack(target: Target, count: int, number: int) -> None:
    """Run `target` on `count` inputs; `number` chooses which. Raises Found."""
    last = [b""]

    @seed(number)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(_like(corpus.inputs(target), [*target.words]))
    def each(data: bytes) -> None:
        last[0] = data
        hold(target, data)

    try:
        each()
    except Exception as error:
        raise Found(last[0]) from error


def _like(known: list[bytes], words: list[bytes]) -> st.SearchStrategy[bytes]:
    """Return a strategy for known inputs that are cut, joined and changed."""
    one = st.sampled_from(known or [b""])
    new = st.sampled_from(words or [b""]) | st.binary(max_size=4)

    @st.composite
    def changed(draw: st.DrawFn) -> bytes:
        data = draw(one)
        for _ in range(draw(st.integers(0, 4))):
            start = draw(st.integers(0, len(data)))
            end = min(len(data), start + draw(st.sampled_from([0, 0, 1, 2, 8, 64])))
            part = draw(
                new | st.just(data[start:end] * 2) | st.tuples(one, st.just(start)).map(_tail)
            )
            data = data[:start] + part + data[end:]
        return data[:LONGEST]

    return changed()


def _tail(of: tuple[bytes, int]) -> bytes:
    data, start = of
    return data[start:]


def main(name: str, seconds: str, runs: str, number: str, path: str) -> None:
    """Attack one target until its time or its runs are over."""
    resource.setrlimit(resource.RLIMIT_DATA, (_MOST_MEMORY, _MOST_MEMORY))
    until, left = time.monotonic() + float(seconds), int(runs)
    numbers = random.Random(number)
    while left and time.monotonic() < until:
        count = min(left, _A_TIME)
        try:
            attack(find(name), count, numbers.getrandbits(64))
        except Found as found:
            Path(path).write_bytes(found.data)
            raise
        left -= count
    sys.stderr.write(f"Done {int(runs) - left} runs\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
