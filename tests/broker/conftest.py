"""A token source for each test: see `tests/support/token_sources.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.token_sources import ScriptedSource


@pytest.fixture
def token_source(folder: Path) -> ScriptedSource:
    """Give a token source whose cache is empty and whose API gives one token after the other."""
    made = ScriptedSource(folder)
    made.answers = [made.token("new")]
    return made


@pytest.fixture
def token_source_at() -> type[ScriptedSource]:
    """Give the way to make more token sources, in one folder or in none."""
    return ScriptedSource
