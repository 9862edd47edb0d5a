"""Tables of points and outcomes: how each fault at each operation of a scenario ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tests.faults import campaign
from tests.faults.injector import Point

_LETTERS = {"right": ".", "refused": "r", "ended": "k", "not reached": "-", "broken": "X"}
_COLUMNS = [name for name in campaign.FAULTS if name != "hang"]
_WIDTH = 48


class Matrix:
    """How the cases of one scenario ended.

    Parameters: `name`, the scenario's; `points`, its operations; `cases`, how many there are.
    Attributes: these; `outcomes`, how many cases ended in which way; `surprises`, how many promises
    are broken that `known.py` does not know of.
    """

    def __init__(self, name: str, points: Sequence[Point], cases: int) -> None:
        self.name = name
        self.points = points
        self.cases = cases
        self.outcomes: Counter[str] = Counter()
        self.surprises = 0
        self._cells: dict[tuple[Point, str], str] = {}

    def note(self, case: campaign.Case, outcome: str, broken: Sequence[str]) -> None:
        """Note how a case ended. Parameters: `outcome`, of `campaign.OUTCOMES`."""
        self.outcomes[outcome] += 1
        self._cells[case.point, case.fault] = _LETTERS[outcome]
        self.surprises += sum(not campaign.finding(case, each) for each in broken)

    def lines(self) -> Iterator[str]:
        """Give a line for each operation that something befell, a letter for each fault."""
        yield ""
        yield f"{self.name}: {len(self.points)} operations"
        for point in self.points:
            cells = "".join(self._cells.get((point, name), " ") for name in _COLUMNS)
            if cells.strip():
                yield f"  {_short(str(point)):{_WIDTH}} {cells.rstrip()}"


def header() -> Iterator[str]:
    """Give the meaning of the letters, and the names of the faults above their columns."""
    for outcome, letter in _LETTERS.items():
        yield f"  {letter}  {outcome}: {campaign.OUTCOMES[outcome]}"
    yield "  +  from then on, on this disk, file or network"
    yield ""
    for row in range(max(map(len, _COLUMNS))):
        letters = "".join(name[row : row + 1] or " " for name in _COLUMNS)
        yield f"  {'':{_WIDTH}} {letters}".rstrip()


def totals(found: Sequence[Matrix]) -> Iterator[str]:
    """Give a line for each scenario, and one for all of them."""
    ways = list(campaign.OUTCOMES)
    yield ""
    yield " ".join([f"{'scenario':18}", "operations", f"{'cases':>7}", *(f"{w:>11}" for w in ways)])
    for one in found:
        yield _total(one.name, len(one.points), one.cases, one.outcomes)
    everything: Counter[str] = sum((one.outcomes for one in found), Counter())
    operations = sum(len(one.points) for one in found)
    yield _total("all", operations, sum(one.cases for one in found), everything)
    yield f"{everything.total()} cases were played"


def _total(name: str, operations: int, cases: int, outcomes: Counter[str]) -> str:
    counts = [f"{outcomes[way]:11}" for way in campaign.OUTCOMES]
    return " ".join([f"{name:18}", f"{operations:10}", f"{cases:7}", *counts])


def _short(text: str) -> str:
    return text if len(text) <= _WIDTH else f"...{text[3 - _WIDTH :]}"
