"""What a scenario is, and what several of them share."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.faults import promises
from tests.faults.injector import Ended
from tests.faults.stage import OTHER_CID, Stage

DAY = 86400


@dataclass(frozen=True)
class Scenario:
    """One command.

    Attributes: `words` and `stdin`, how it is called; `prepare`, makes the world that it begins in,
    once; `begin`, what is to be made anew each time; `check`, yields what is broken after it ended,
    and runs what a user would run next; `answers`, whether stdout is a token of profile `main`;
    `lives`, whether one was held that still lives; `covers`, the classes of paths (see
    `campaign.class_of`) whose operations it is the sample for; `meanwhile`, what is done to it
    while it runs; `ends`, its exit status without faults; `several`, whether it runs several
    processes, whose operations come in no fixed order.
    """

    name: str
    words: Callable[[Stage], list[str]]
    prepare: Callable[[Stage], None]
    check: Callable[[Stage, Ended], Iterator[str]]
    covers: tuple[str, ...] = ()
    begin: Callable[[Stage], None] = lambda stage: None
    stdin: Callable[[Stage], bytes] = lambda stage: b""
    answers: bool = False
    lives: bool = False
    meanwhile: Callable[[Stage, subprocess.Popen[bytes]], None] | None = None
    ends: int = 0
    several: bool = False


def configured(stage: Stage, **main: object) -> None:
    """Configure `main`, and `other` beside it."""
    api = stage.sandbox
    other = {"cid": OTHER_CID, "services": []}
    stage.world.configure(api.url, api.api_key, main=main, other=other)


def served(stage: Stage) -> None:
    """Have a token of `main` in the cache."""
    configured(stage)
    stage.token = stage.world.get()


def after_get(stage: Stage, ended: Ended) -> Iterator[str]:
    """Check what is left, by a plain get."""
    yield from promises.of_the_next_get(stage)
    yield from promises.of_what_is_left(stage)
