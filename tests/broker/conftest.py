"""A desk for each test: see `tests/support/desks.py`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.desks import Desk


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give the cache folder of this test, which is there and private."""
    path = tmp_path / "cache"
    path.mkdir(mode=0o700)
    os.chmod(path, 0o700)
    return path


@pytest.fixture
def desk(folder: Path) -> Desk:
    """Give a desk whose cache is empty and whose API gives one token after the other."""
    made = Desk(folder)
    made.answers = [made.token("new")]
    return made


@pytest.fixture
def desk_at() -> type[Desk]:
    """Give the way to make more desks, in one folder or in none."""
    return Desk
