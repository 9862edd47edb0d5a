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
def pytest_configure(config: pytest.Config) -> None:
    """Let tests see nothing of the shell that started them. Each worker of xdist does that, too."""
    inherited.reset()
    scratch.in_memory()
    for marker in (
        "one_in(number): of all combinations of its parameters, run one in so many",
        "waits: it sleeps for most of its time, more than ten seconds",
    ):
        config.addinivalue_line("markers", marker)
    # A busy machine is no failure. What a test says in its own `settings` counts before this.
    settings.register_profile(
        "busy", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
    )
    settings.load_profile("busy")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--thorough`, for what takes too long to be run whole each time."""
    parser.addoption(
        "--thorough",
        action="store_true",
        help="run every combination of parameters and values, where a sample is usual",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what `one_in` does not take, and let no test that waits be among the last."""
    if not config.getoption("--thorough") and not any("[" in word for word in config.args):
        left_out = [item for item in items if not sampling.takes(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if sampling.takes(item)]
    # Not all at the start either: one worker gets many tests in a row, and others have to have
    # something to do while it waits.
    waiting = [item for item in items if item.get_closest_marker("waits")]
    rest = [item for item in items if not item.get_closest_marker("waits")]
    if waiting:
        step = max(1, len(rest) // 2 // len(waiting))
        for number, item in enumerate(waiting):
            rest.insert(number * (step + 1), item)
        items[:] = rest


@pytest.fixture(scope="session")
def thorough(pytestconfig: pytest.Config) -> bool:
    """Tell whether all values are to be tried, where a sample is usual."""
    return bool(pytestconfig.getoption("--thorough"))


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """End what a test leaves running: the next one may share its sandbox."""
    # It comes first, and so ends last: after all that could end them in an orderly way.
    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    if folder:
        processes.end(folder)
