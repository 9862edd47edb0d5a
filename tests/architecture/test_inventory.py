"""The table of what lies on disk is the same in the code and in the documentation."""

from __future__ import annotations

from pathlib import Path

from credhelper.broker.on_disk import ON_DISK

PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"


def test_the_documentation_shows_the_table_of_the_code() -> None:
    shown = PAGE.read_text().splitlines()
    rows = [f"| {' | '.join(row)} |" for row in ON_DISK]
    assert rows
    first = shown.index(rows[0])
    assert shown[first : first + len(rows)] == rows
    assert not shown[first + len(rows)].startswith("|")
