"""flytekit, with the files beside this one, against an admin service that asks a gate."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integrations.servers.certificates import Certificate
from integrations.servers.gate import Gate
from integrations.servers.web import Answer, Request, serving
from integrations.wired import Wired
from tests.support.programs import clean_environment
from tests.support.worlds import TIMEOUT, Outcome

HERE = Path(__file__).parent
SERVER = HERE.parent / "servers/flyte_admin.py"
HOST = "api.example.org"
SECONDS = 6  # of a short-lived token: long enough for a program to start on a busy machine


class Desk:
    """A user with flytekit, wired up for a platform."""

    def __init__(
        self, wired: Wired, python: str, certificate: Certificate, stack: ExitStack
    ) -> None:
        self.wired = wired
        self.python = python
        self.gate = Gate(wired.sandbox.url, HOST, bearer=True)
        gate = stack.enter_context(serving(self._answer, certificate))
        url = f"https://localhost:{gate}/"
        self.port = stack.enter_context(running(python, certificate, url))
        wired.environ["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] = str(certificate.authority)
        wired.configure(HERE / "credhelper.toml", {HOST: f"localhost:{self.port}"})
        self.name(f"localhost:{self.port}")

    def name(self, host: str) -> None:
        """Let Flyte's file name `host`."""
        self.wired.place(HERE / "config.yaml", ".flyte/config.yaml", {HOST: host})

    def ask(self, *seconds: str) -> Outcome:
        """Run the user's program."""
        return self.wired.run(self.python, str(HERE / "version.py"), *seconds)

    def works(self, *seconds: str) -> None:
        """Run the user's program, which must be told the version."""
        outcome = self.ask(*seconds)
        assert outcome.status == 0, outcome
        assert outcome.stdout.split() == [b"1.2.3"] * (1 + len(seconds))

    def _answer(self, request: Request) -> Answer:
        return Answer(401 if self.gate.admit(request.headers.get("Authorization")) is None else 200)


@contextlib.contextmanager
def running(python: str, certificate: Certificate, gate: str) -> Iterator[int]:
    """Run an admin service for the time of a `with`; yields its port."""
    files = (certificate.chain, certificate.key, certificate.authority)
    process = subprocess.Popen(
        [python, str(SERVER), *map(str, files), gate],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=clean_environment("/nonexistent"),
        cwd="/",
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(TIMEOUT)
        process.stdout.close()


@pytest.fixture
def sit_down(
    wire: Callable[..., Wired], client: Callable[[str], str], certificate: Certificate
) -> Iterator[Callable[..., Desk]]:
    with ExitStack() as stack:

        def start(*options: str) -> Desk:
            return Desk(wire(*options), client("flytekit"), certificate, stack)

        yield start


def test_two_programs_take_one_token(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down()

    desk.works()
    desk.works("0")

    assert len(desk.gate.admitted) == 3
    assert {visit.scheme for visit in desk.gate.admitted} == {"Bearer"}
    assert desk.wired.counted() == (1, 0)
    assert not desk.gate.refused


def test_setup_wires_flyte_up_and_takes_it_back(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down()
    config = desk.wired.world.home / ".flyte/config.yaml"
    config.write_text(f"admin:\n    # the platform\n    endpoint: dns:///localhost:{desk.port}\n")

    with desk.wired.set_up("flyte", "--service", f"https://localhost:{desk.port}"):
        desk.works()

    assert desk.wired.counted() == (1, 0)
    assert not desk.gate.refused


def test_a_program_that_runs_on_has_its_token_renewed(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down("--token-lifetime", str(SECONDS))

    desk.works(str(SECONDS + 1))

    # It knows no expiry, and asks again when it is refused.
    assert len(desk.gate.refused) == 1
    assert len(desk.gate.admitted) == 2
    assert desk.wired.counted() == (2, 0)


def test_a_host_that_no_profile_names_gets_nothing(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down()
    desk.name(f"127.0.0.1:{desk.port}")  # the same server, by a name that no profile has

    outcome = desk.ask()

    assert outcome.status == 1
    assert "no profile covers https://127.0.0.1" in outcome.told
    assert {visit.scheme for visit in desk.gate.visits} == {""}
    assert desk.wired.counted() == (0, 0)


def test_when_nobody_can_renew_flytekit_tells_our_reason(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down()
    desk.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})

    outcome = desk.ask()

    assert outcome.status == 1
    assert "credhelper: error: POST" in outcome.told
    assert {visit.scheme for visit in desk.gate.visits} == {""}
