"""docs/sandbox.md tells of everything that there is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TEXT = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text()


@pytest.fixture
def known(ask: Callable[..., Any]) -> list[str]:
    message: str = ask("POST", "/_sandbox/faults", body=[{"?": 1}]).json["message"]
    return message.rpartition("known are ")[2].split(", ")


def test_every_fault_is_documented(known: list[str]) -> None:
    assert len(known) > 15
    assert [name for name in known if f"\n| `{name}` |" not in TEXT] == []


def test_every_counter_is_documented(ask: Callable[..., Any]) -> None:
    for name in ask("GET", "/_sandbox/stats").json:
        assert f"`{name}`" in TEXT


def test_every_documented_door_opens(ask: Callable[..., Any]) -> None:
    doors = [line.split("`")[1] for line in TEXT.splitlines() if line.startswith("| `")]
    requests = [door.split() for door in doors if " /" in door]
    assert len(requests) == 29
    for method, path in requests:
        assert ask(method, path).status not in (404, 405)
