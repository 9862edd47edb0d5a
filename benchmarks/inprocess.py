"""A warm `credhelper.get_token()` in microseconds: `python benchmarks/inprocess.py`."""

from __future__ import annotations

import os
import timeit
from collections.abc import Callable

import world

import credhelper
from credhelper.inprocess import memo

CALLS = 100_000


def main() -> None:
    """Print the best of five for each way to ask, also in ratio to a call of nothing."""
    with world.running() as here:
        os.environ.update(here.environ)
        credentials = credhelper.Credentials(service=here.url)
        plain = {"token": credhelper.get_token()}
        base = best(lambda: plain["token"], CALLS)
        print(f"{base * 1e6:6.2f} us          a dictionary look-up in a lambda")
        for what, call in (
            ("get_token()", credhelper.get_token),
            ("get_token(service=...)", lambda: credhelper.get_token(service=here.url)),
            ("Credentials.token()", credentials.token),
            ("Credentials.token_for(url)", lambda: credentials.token_for(here.url)),
        ):
            tell(what, best(call, CALLS), base)
        memo._UNSEEN = 0.0  # or it would look at the disk once a millisecond only
        tell("get_token(), checked against the disk", best(credhelper.get_token, CALLS), base)


def best(call: Callable[[], object], number: int) -> float:
    """Return what a call takes, in seconds."""
    return min(timeit.repeat(call, number=number, repeat=5)) / number


def tell(what: str, seconds: float, base: float) -> None:
    """Print one line."""
    print(f"{seconds * 1e6:6.2f} us {seconds / base:6.1f} x  {what}")


main()
