"""Herds of the size that was asked for, and a table of what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from tests.support.herds import Herd
from tests.support.programs import INSTALLED
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World, tokens_in

# A program file starts in some 15 ms, `python -m` in more: fewer where nothing is installed.
USUAL = 200 if INSTALLED else 40
_ROW = "{:74} {:>9} {:>8} {:>7} {:>6} {:>8}"


class Begin(Protocol):
    """Begins a herd.

    Parameters: `part`, 2 for half of the usual number; `profiles`, which they ask for in turn;
    `words` and `stdin`, what they are called with instead of `get`.
    """

    def __call__(
        self, part: int, *profiles: str, words: list[str] | None = None, stdin: bytes = b""
    ) -> Herd: ...


@pytest.fixture
def herd(
    request: pytest.FixtureRequest,
    scratch_world: World,
    running_sandbox: RunningSandbox,
    tmp_path: Path,
) -> Iterator[Begin]:
    """Give this test a way to begin herds: of `--herd` processes, or of the usual number."""
    wanted = request.config.getoption("--herd")
    begun: list[Herd] = []

    def begin(
        part: int, *profiles: str, words: list[str] | None = None, stdin: bytes = b""
    ) -> Herd:
        calls = [words or ["get"]] * (wanted or USUAL // part)
        if profiles:
            each = [["get", "--profile", name] for name in profiles]
            calls = [each[number % len(each)] for number in range(len(calls))]
        begun.append(Herd(scratch_world, tmp_path / f"herd-{len(begun)}", calls, stdin))
        return begun[-1]

    yield begin
    told = [one for each in begun for one in each.told]
    ends = Counter(status for status, _, _ in told)
    tokens = {token for _, stdout, _ in told for token in tokens_in(stdout)}
    stats = running_sandbox.stats()
    counts = (ends[0], len(told) - ends[0], len(tokens), stats["requests"])
    row = _ROW.format(request.node.name.removeprefix("test_")[:74], len(told), *counts)
    request.node.user_properties.append(("herd", row))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table, where a size was asked for."""
    if not terminalreporter.config.getoption("--herd"):
        return
    rows = {
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == "herd"
    }
    heads = ("herd", "processes", "answered", "refused", "tokens", "requests")
    terminalreporter.section("herds")
    for line in (_ROW.format(*heads), *sorted(rows)):
        terminalreporter.write_line(line)
