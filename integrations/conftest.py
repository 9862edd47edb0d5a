"""Fixtures for real clients: where they are, a world to run them in, servers to meet, a summary."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from integrations import clients
from integrations.callers import Guarded
from integrations.indexed import Indexed
from integrations.scripts import Bench
from integrations.servers import certificates
from integrations.servers.pages import open_pages
from integrations.wired import Wired
from tests.support import table
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import World

# A comparison that fails in there tells what it compared, as one in a test does.
pytest.register_assert_rewrite("integrations.proofs")


@pytest.fixture
def client(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Give this test a way to ask for real clients: see `clients.require`."""
    return lambda name: clients.require(name, request)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> certificates.Certificate:
    """Give this session a certificate for loopback, from an authority of its own."""
    return certificates.make(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def wire(tmp_path: Path, client: Callable[[str], str]) -> Iterator[Callable[..., Wired]]:
    """Give this test a way to wire up a world as a user would, to a sandbox with options."""
    client("credhelper")
    running: list[RunningSandbox] = []

    def start(*options: str) -> Wired:
        running.append(RunningSandbox(*options))
        return Wired(World(tmp_path), running[-1])

    yield start
    for each in running:
        each.stop()


@pytest.fixture
def open_index(
    wire: Callable[..., Wired], certificate: certificates.Certificate
) -> Iterator[Callable[..., Indexed]]:
    """Give this test a way to open a package index, for a sandbox with options."""
    with ExitStack() as stack:
        yield lambda *options: Indexed(wire(*options), certificate, stack)


@pytest.fixture
def guarded(
    wire: Callable[..., Wired], certificate: certificates.Certificate
) -> Iterator[Callable[..., Guarded]]:
    """Give this test a way to start a server for live tokens, and a user: see `Guarded`.

    Parameters of what is given: the sandbox's options; by name, what `Guarded` takes.
    """
    with ExitStack() as stack:
        yield lambda *options, **how: Guarded(wire(*options), certificate, stack, **how)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--proven`, for `make proven`."""
    parser.addoption(
        "--proven",
        action="store_true",
        help="write the clients whose tests pass, with their versions, into proven.toml",
    )


@pytest.fixture
def bench(
    wire: Callable[..., Wired],
    client: Callable[[str], str],
    certificate: certificates.Certificate,
) -> Iterator[Callable[..., Bench]]:
    """Give this test a way to sit a user down: with a library's Python, and the sandbox's options.

    The library's environment has credhelper beside it, as `clients.toml` says.
    """
    with ExitStack() as stack:

        def start(library: str, *options: str) -> Bench:
            place = client(library)
            # A program of ours: the Python beside it is the one that has credhelper.
            python = str(Path(place).parent / "python") if library == "credhelper" else place
            wired = wire(*options)
            pages, port = stack.enter_context(open_pages(wired.sandbox.url, certificate))
            return Bench(wired, python, pages, port, certificate)

        yield start


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say which real clients were met. What skipped, and why, is in pytest's own summary."""
    met = [
        (outcome, report.nodeid.split("/"), value)
        for outcome, reports in terminalreporter.stats.items()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == "client"
    ]
    if met:
        terminalreporter.section("real clients")
        for line in sorted({value for _, _, value in met}):
            terminalreporter.write_line(line)
    if config.getoption("--proven"):
        folders = [(outcome, path[1], client) for outcome, path, client in met if len(path) == 3]
        table.remember(table.passed(folders), datetime.now(UTC).date())
