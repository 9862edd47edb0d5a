"""A private folder, and users other than root."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a private folder."""
    path = tmp_path / "private"
    path.mkdir()
    os.chmod(path, 0o700)
    return path
