"""A day of a fleet, simulated: `python benchmarks/fleet_sim.py [HOSTS]`. Prints a table.

Each host asks for a token at random moments, as its tools do, and follows the algorithm that
docs/fleet.md describes: its own file first, then one question to the store, then perhaps the API.
The same seed gives the same table. Counts are exact for the model; nothing here measures time.
"""

from __future__ import annotations

import heapq
import random
import sys
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from credhelper.fleet import payload

DAY = 86400.0
HOUR = 3600.0
HOSTS = 10_000
SEED = 14

MARGIN = 60  # seconds of life that most callers should have
EARLY = 10  # seconds: a token counts as expired that much before its end
LEASE = 10.0  # seconds, to prepare
CALL = 22.0  # seconds, for the call
REST = 15.0  # seconds that a host leaves a store alone which did not answer
PREPARE = (0.05, 0.3)  # seconds from the first look to the second
API = (0.2, 1.5)  # seconds that the API takes
TURN = 0.002  # seconds from a question to the store to its answer
TIMEOUT = 2.0  # seconds after which a store counts as silent
POLL = (0.03, 0.5)  # seconds between the looks of a host that waits: at first, and at most
GROWTH = 1.5  # of that, from one look to the next
MOST_CALLS = 1.25  # goals: of day / life, and requests a second for each host after the start
MOST_LATER = 0.01
SETTLING = 60.0  # seconds after the last host's start that still belong to the start


class Case(NamedTuple):
    """One row.

    Members:
    - name.
    - life: of a token, in seconds.
    - start: over how many seconds hosts start.
    - each: seconds between two gets of a host, on average.
    - down: when the store does not answer, as pairs of begin and end.
    - margin: seconds of life that callers want.
    - known: the margin that `spread` was told.
    - spread: whether hosts look at moments of their own.
    - early: whether a host whose store is gone makes its own token at a moment of its own, instead
      of when callers need one.
    """

    name: str
    life: float
    start: float
    each: float
    down: tuple[tuple[float, float], ...] = ()
    margin: float = MARGIN
    known: float = MARGIN
    spread: bool = True
    early: bool = False


class Host:
    """What one host knows. Times are of the API's clock; `error`, how wrong it judges them."""

    __slots__ = ("base", "due", "error", "expires", "generation", "polls", "rest", "since")

    def __init__(self, error: float) -> None:
        self.generation = 0.0  # of the last token that it had from the store, or gave to it
        self.base = 0.0  # the store's generation when it began to lead
        self.expires = 0.0
        self.due = 0.0
        self.rest = 0.0
        self.since = -1.0  # since when it waits for a token without one
        self.polls = 0
        self.error = error


def looks_at(now: float, expires: float, life: float, margin: float, part: float) -> float:
    """Return when a host looks for a later token, in Unix seconds: what its record would say.

    Parameters: `now` and `expires`, Unix seconds; `life`, seconds; `margin`, that `spread` is told;
    `part`, this host's own number from 0 to 1 for this token.
    """
    fields = {"issued": str(int(expires - life)), "expires": str(int(expires))}
    return float(payload.spread(fields, now, part, margin)["due"])


class Fleet:
    """One case, hosts and the store together, as a queue of events.

    Attributes: `calls`, of the API, by second; `asked`, requests that the store answered, by
    second; `tried`, requests that it did not; `stale`, gets that were answered with an expired
    token; `waited`, the longest that a host was without one.
    """

    def __init__(self, case: Case, hosts: int) -> None:
        self.case = case
        self.calls: Counter[int] = Counter()
        self.asked: Counter[int] = Counter()
        self.tried = 0
        self.stale = 0
        self.waited = 0.0
        self._random = random.Random(SEED)
        self._generation = 0.0
        self._expires = 0.0
        self._until = -1.0  # the end of the lease that somebody has
        self._owner: Host | None = None
        self._queue: list[tuple[float, int, Callable[[float, Host], None], Host]] = []
        self._number = 0
        for _ in range(hosts):
            # A host measures how far clocks are apart by one question: half its turn is unknown.
            host = Host(self._random.uniform(-1.0, 1.0))
            self._at(self._random.uniform(0.0, case.start), self._get, host)

    def run(self) -> None:
        """Let the day pass."""
        while self._queue:
            now, _, what, host = heapq.heappop(self._queue)
            if now < DAY:
                what(now, host)

    # What happens to one host.

    def _get(self, now: float, host: Host) -> None:
        """Answer a get as the algorithm does; between these moments all gets find a fresh token."""
        if self._alive(now, host) and now < self._stale_at(host):
            self._serve(now, host)
        elif now < host.rest:
            self._without(now, host)
        elif self._down(now):
            self.tried += 1
            if self._alive(now, host):
                host.rest = now + REST
                self._without(now, host)
            else:
                # A host with nothing tries twice.
                self.tried += 1
                again = now + 2 * TIMEOUT + self._random.uniform(0.2, 1.0)
                host.rest = again + REST
                self._wait(now, host)
                self._at(again, self._alone, host)
        else:
            self._ask(now)
            if self._generation > host.generation and self._enough(now, host):
                self._adopt(now, host)
            elif now >= self._until:
                self._until, self._owner = now + LEASE, host
                if not self._alive(now, host):
                    self._wait(now, host)
                self._at(now + self._random.uniform(*PREPARE), self._confirm, host)
            elif self._alive(now, host):
                self._serve(now, host)
            else:
                self._wait(now, host)
                first, most = POLL
                pause = min(most, first * GROWTH**host.polls) * self._random.uniform(0.5, 1.5)
                host.polls += 1
                self._at(now + TURN + pause, self._get, host)

    def _confirm(self, now: float, host: Host) -> None:
        """Look again before the call."""
        if self._down(now):
            self.tried += 1
            host.rest = now + REST
            self._without(now, host)
            return
        self._ask(now)
        if self._owner is host:
            host.base = self._generation
            self._until = now + CALL
            self.calls[int(now)] += 1
            self._at(now + self._random.uniform(*API), self._publish, host)
        else:
            self._get(now, host)

    def _publish(self, now: float, host: Host) -> None:
        """Keep the new token, and give it to the others if nobody was faster."""
        expires = now + self.case.life
        generation = max(host.base + 0.001, now)
        if self._down(now):
            self.tried += 1
            host.rest = now + REST
        else:
            self._ask(now)
            if self._generation in (0.0, host.base):
                self._generation, self._expires = generation, expires
            if self._owner is host:
                self._until, self._owner = -1.0, None
        self._take(now, host, generation, expires)

    def _without(self, now: float, host: Host) -> None:
        """Answer a get without the store: it has a token to spare, or makes one for itself."""
        if now + host.error < (self._early(host) if self.case.early else self._soft(host)):
            self._serve(now, host)
        else:
            if not self._alive(now, host):
                self._wait(now, host)
            self._alone(now, host)

    def _alone(self, now: float, host: Host) -> None:
        """Make a token for this host alone."""
        self.calls[int(now)] += 1
        self._at(now + self._random.uniform(*API), self._keep, host)

    def _keep(self, now: float, host: Host) -> None:
        self._take(now, host, host.generation, now + self.case.life)

    def _adopt(self, now: float, host: Host) -> None:
        self._take(now, host, self._generation, self._expires)

    def _take(self, now: float, host: Host, generation: float, expires: float) -> None:
        """Write a token into this host's file, and serve it."""
        host.generation, host.expires = generation, expires
        case = self.case
        part = self._random.random() if case.spread else 0.0
        host.due = (
            looks_at(now, expires, case.life, case.known, part)
            if case.spread
            else expires - case.margin
        )
        if host.since >= 0.0:
            self.waited = max(self.waited, now - host.since)
            host.since = -1.0
        host.polls = 0
        self._serve(now, host)

    def _serve(self, now: float, host: Host) -> None:
        """Answer with the host's token. Its next get that is no plain look into its file comes."""
        if now >= host.expires:
            self.stale += 1
        after = max(now, self._stale_at(host), min(host.rest, host.expires - EARLY))
        self._at(after + self._random.expovariate(1 / self.case.each), self._get, host)

    def _wait(self, now: float, host: Host) -> None:
        if host.since < 0.0:
            host.since = now

    # What is true at a moment.

    def _alive(self, now: float, host: Host) -> bool:
        return now + host.error < host.expires - EARLY

    def _enough(self, now: float, host: Host) -> bool:
        """Tell whether the store's token is fresh for this caller."""
        return now + host.error < self._expires - min(self.case.margin, self.case.life / 2)

    def _soft(self, host: Host) -> float:
        """Return when the token is too old for callers."""
        return host.expires - min(self.case.margin, self.case.life / 2)

    def _stale_at(self, host: Host) -> float:
        return min(self._soft(host), host.due) - host.error

    def _early(self, host: Host) -> float:
        """Return when a host whose store is gone makes its own token, before callers need it."""
        return (host.due + self._soft(host)) / 2

    def _down(self, now: float) -> bool:
        return any(begin <= now < end for begin, end in self.case.down)

    def _ask(self, now: float) -> None:
        self.asked[int(now)] += 1

    def _at(self, moment: float, what: Callable[[float, Host], None], host: Host) -> None:
        self._number += 1
        heapq.heappush(self._queue, (moment, self._number, what, host))


def outages(begin: float, length: float, each: float) -> tuple[tuple[float, float], ...]:
    """Return outages of `length` seconds, from `begin` on, every `each` seconds."""
    count = int((DAY - begin) / each) + 1
    return tuple((begin + n * each, begin + n * each + length) for n in range(count))


def cases() -> list[Case]:
    """Return the rows of the table."""
    rows = [
        Case(f"{life} h, {how}, {kind}", life * HOUR, start, each)
        for life in (24, 1)
        for how, start in (("together", 1.0), ("over an hour", HOUR))
        for kind, each in (("busy", 10.0), ("occasional", HOUR / 2))
    ]
    busy = Case("", HOUR, 1.0, 10.0)
    # Hosts begin to look for the fourth token at `window`, and have all looked `width` later.
    width = HOUR / 10
    window = 3 * (HOUR - MARGIN - width)
    first = ((window, window + HOUR / 2),)
    half = ((window + width / 2, window + width / 2 + HOUR / 2),)
    day = ((HOUR / 2, DAY),)
    return [
        *rows,
        busy._replace(name="1 h, together, a get each second", each=1.0),
        busy._replace(name="the same, no spread", each=1.0, spread=False),
        busy._replace(name="1 h, callers want 15 min", margin=900),
        busy._replace(name="the same, and the spread knows", margin=900, known=900),
        busy._replace(name="1 h, store down 1 min of 30", down=outages(HOUR, 60.0, HOUR / 2)),
        busy._replace(name="1 h, store down 30 min, half have looked", down=half),
        busy._replace(name="1 h, store down 30 min, nobody has looked", down=first),
        busy._replace(name="the same, no spread", down=first, spread=False),
        busy._replace(name="the same, makes its own early", down=first, early=True),
        busy._replace(name="1 h, store down for the rest of the day", down=day),
        busy._replace(name="the same, makes its own early", down=day, early=True),
    ]


COLUMNS = (
    "tokens and hosts",
    "API calls",
    "of day / life",
    "API peak /s",
    "store requests",
    "of them a host and life",
    "store peak at start /s",
    "later /s",
    "longest wait s",
    "expired served",
    "goals",
)


def row(case: Case, hosts: int) -> list[str]:
    """Return the cells of a case."""
    fleet = Fleet(case, hosts)
    fleet.run()
    calls, asked = sum(fleet.calls.values()), sum(fleet.asked.values())
    started = case.start + SETTLING
    at_start = max((count for second, count in fleet.asked.items() if second < started), default=0)
    later = max((count for second, count in fleet.asked.items() if second >= started), default=0)
    missed = []
    if fleet.stale:
        missed.append("expired")
    # One token more than the day has lives: the last one is made before the day ends.
    if not case.down and calls - 1 > MOST_CALLS * DAY / case.life:
        missed.append("calls")
    if case.spread and later > MOST_LATER * hosts:
        missed.append("later peak")
    return [
        case.name,
        str(calls),
        f"{calls * case.life / DAY:.2f}",
        str(max(fleet.calls.values())),
        str(asked),
        f"{asked / hosts / (DAY / case.life):.1f}",
        str(at_start),
        str(later),
        f"{fleet.waited:.1f}",
        str(fleet.stale),
        f"missed: {', '.join(missed)}" if missed else "met",
    ]


def main() -> None:
    """Print the table."""
    hosts = int(sys.argv[1]) if len(sys.argv) > 1 else HOSTS
    print(f"{hosts} hosts, one day, seed {SEED}:\n")
    print(f"| {' | '.join(COLUMNS)} |")
    print(f"|---|{'--:|' * (len(COLUMNS) - 1)}")
    for case in cases():
        print(f"| {' | '.join(row(case, hosts))} |", flush=True)


if __name__ == "__main__":
    main()
