"""What holds for every test, of `tests/` and of `integrations/`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Behind everything else: what is installed is tested, not the tree it was made from.
sys.path.append(str(Path(__file__).parent))

from tests.support import inherited, processes, sampling, scratch  # found by the line above


@pytest.hookimpl(trylast=True)  # pytest's own report keeps the colours that it was asked for
def pytest_configure() -> None:
    """Let tests see nothing of the shell that started them. Each worker of xdist does that, too."""
    inherited.reset()
    scratch.in_memory()
    # A busy machine is no failure. What a test says in its own `settings` counts before this.
    settings.register_profile(
        "busy", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
    )
    settings.load_profile("busy")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add options for what takes too long to be run whole each time."""
    parser.addoption(
        "--thorough",
        action="store_true",
        help="run every combination of the tests that are marked `sampled`, as CI does",
    )
    parser.addoption("--herd", type=int, metavar="N", help="herds of N processes in tests/stress")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep a part of the tests that are marked `sampled`, and start early what waits long."""
    # Who names one combination means that one.
    whole = config.getoption("--thorough") or any("[" in word for word in config.args)
    dropped = [] if whole else list(sampling.beyond(items))
    if dropped:
        config.hook.pytest_deselected(items=dropped)
    gone = set(map(id, dropped))
    items[:] = sampling.spread([item for item in items if id(item) not in gone])


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """End what a test leaves running: the next one may share its sandbox."""
    # It comes first, and so ends last: after all that could end them in an orderly way.
    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    if folder:
        processes.end(folder)
