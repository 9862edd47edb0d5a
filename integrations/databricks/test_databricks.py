"""The Databricks SDK for Python, with the files beside this one, against a stand-in workspace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integrations.servers.certificates import Certificate
from integrations.servers.gate import Gate
from integrations.servers.web import serving
from integrations.servers.workspace import Workspace
from integrations.wired import Wired
from tests.support.worlds import Outcome

HERE = Path(__file__).parent
HOST = "dbc.example.org"
PROGRAM = "/home/me/bin/credhelper-databricks"
SECONDS = 6  # of a short-lived token: long enough for a program to start on a busy machine
WHO = b"user-sandbox"


class Desk:
    """A user with the SDK, wired up for a workspace."""

    def __init__(
        self, wired: Wired, python: str, certificate: Certificate, stack: ExitStack
    ) -> None:
        self.wired = wired
        self.python = python
        self.workspace = Workspace(Gate(wired.sandbox.url, HOST, bearer=True))
        self.gate = self.workspace.gate
        self.port = stack.enter_context(serving(self.workspace.answer, certificate))
        self.host = f"localhost:{self.port}"
        wired.environ["REQUESTS_CA_BUNDLE"] = str(certificate.authority)
        wired.configure(HERE / "credhelper.toml", {HOST: self.host})
        wired.place(HERE / "credhelper-databricks", "bin/credhelper-databricks", {})
        self.program = wired.world.home / "bin/credhelper-databricks"
        self.program.chmod(0o755)
        self.source = ""

    def wire(self, snippet: str, host: str = "") -> None:
        """Put the SDK's file in place."""
        places = {HOST: host or self.host, PROGRAM: str(self.program)}
        if snippet == "variables.sh":
            self.wired.place(HERE / snippet, ".profile", places)
            self.source = ". ~/.profile; "
        else:
            self.wired.place(HERE / snippet, ".databrickscfg", places)
            self.wired.environ["DATABRICKS_CONFIG_PROFILE"] = "work"

    def ask(self, *seconds: str) -> Outcome:
        """Run the user's program."""
        words = (self.python, str(HERE / "whoami.py"), *seconds)
        return self.wired.run("sh", "-c", f'{self.source}exec "$@"', "sh", *words)

    def works(self, *seconds: str) -> None:
        """Run the user's program, which must tell who the user is."""
        outcome = self.ask(*seconds)
        assert (outcome.status, outcome.told) == (0, ""), outcome
        assert outcome.stdout.split() == [WHO] * (1 + len(seconds))


@pytest.fixture
def sit_down(
    wire: Callable[..., Wired], client: Callable[[str], str], certificate: Certificate
) -> Iterator[Callable[..., Desk]]:
    with ExitStack() as stack:

        def start(*options: str) -> Desk:
            return Desk(wire(*options), client("databricks-sdk"), certificate, stack)

        yield start


@pytest.mark.parametrize("snippet", ["variables.sh", "databrickscfg"])
def test_two_programs_take_one_token(sit_down: Callable[..., Desk], snippet: str) -> None:
    desk = sit_down()
    desk.wire(snippet)

    desk.works()
    desk.works("0")

    assert len(desk.gate.admitted) == 3
    assert {visit.scheme for visit in desk.gate.admitted} == {"Bearer"}
    assert desk.wired.counted() == (1, 0)
    assert not desk.gate.refused


def test_an_expired_token_is_renewed_by_the_next_program(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down("--token-lifetime", str(SECONDS))
    desk.wire("variables.sh")

    desk.works()
    desk.wired.wait_until(desk.gate.admitted[-1].expires)
    desk.works()

    assert desk.wired.counted() == (2, 0)
    assert not desk.gate.refused


def test_setup_wires_the_sdk_up_and_takes_it_back(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down()
    desk.wired.environ["DATABRICKS_CONFIG_PROFILE"] = "work"

    with desk.wired.set_up("databricks", "--service", f"https://{desk.host}"):
        desk.works()
        desk.works()

    assert desk.wired.counted() == (1, 0)
    assert not desk.gate.refused


# The SDK takes an expiry for local time: eight hours off would be a token that seems good for long.
@pytest.mark.parametrize("zone", ["PST8", "JST-9"])
def test_a_program_that_runs_on_has_its_token_renewed_in_any_time_zone(
    sit_down: Callable[..., Desk], zone: str
) -> None:
    desk = sit_down("--token-lifetime", str(SECONDS))
    desk.wire("variables.sh")
    desk.wired.environ["TZ"] = zone

    desk.works(str(SECONDS + 1))

    assert desk.wired.counted() == (2, 0)
    assert not desk.gate.refused


def test_a_host_that_no_profile_names_gets_nothing(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down()
    # The same server, by a name that no profile has.
    desk.wire("variables.sh", f"127.0.0.1:{desk.port}")

    outcome = desk.ask()

    # It goes on to its next way to log in, and has none.
    assert outcome.status == 1
    assert "cannot configure default credentials" in outcome.told
    assert desk.gate.visits == []
    assert desk.wired.counted() == (0, 0)


def test_when_nobody_can_renew_the_sdk_tells_our_reason(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down()
    desk.wire("variables.sh")
    desk.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})

    outcome = desk.ask()

    assert outcome.status == 1
    assert "cannot get access token: credhelper: error: POST" in outcome.told
    assert desk.gate.visits == []
