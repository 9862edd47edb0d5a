"""The fault injector, built once a session, and a stage to play on."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

# Behind everything else: what is installed is tested, not the tree it was made from.
sys.path.append(str(Path(__file__).parents[2]))

from integrations.clients import missing  # found by the line above
from tests.faults.injector import NoInjector, build


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give this session the preloaded library; without it skip, or fail if it was promised."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # the workers have that in common
    try:
        return build(folder)
    except NoInjector as why:
        missing("faults", str(why))
