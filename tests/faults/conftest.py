"""The fault injector, built once a session, and a stage to play on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from integrations.clients import missing
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
