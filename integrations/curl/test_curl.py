"""curl, with the files beside this one, against a server that checks the live token."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.callers import Guarded
from tests.support.worlds import Outcome

HERE = Path(__file__).parent
PLACEHOLDER = "files.example.org"
FILES = {"/reads.txt": b"ACGT\n", "/index.txt": b"1\n"}
SECONDS = 6  # of a short-lived token: long enough for one script on a busy machine
# The script; what it prints; how it shows the token.
SCRIPTS = {
    "config.sh": (b"ACGT\n", "Bearer"),
    "header.sh": (b"ACGT\n1\n", "Bearer"),
    "netrc.sh": (b"ACGT\n", "Basic"),
}


class Reader:
    """A user with a script, and a server. Attributes: `server`; `script`."""

    def __init__(self, server: Guarded, script: str) -> None:
        self.server = server
        self.script = script
        self._path = str(server.place(script, script))
        self._folder = server.wired.world.root / "empty"
        self._folder.mkdir()
        server.wired.environ |= {
            "CURL_CA_BUNDLE": server.authority,
            "TMPDIR": str(self._folder),
        }

    def run(self) -> Outcome:
        """Run the script; nothing stays behind."""
        outcome = self.server.wired.run("/bin/sh", self._path)
        assert list(self._folder.iterdir()) == []
        return outcome

    def works(self) -> None:
        """Run the script, which must print what the server has."""
        outcome = self.run()
        assert (outcome.status, outcome.told) == (0, ""), outcome
        assert outcome.stdout == SCRIPTS[self.script][0]


@pytest.fixture(params=SCRIPTS)
def start(
    guarded: Callable[..., Guarded], client: Callable[[str], str], request: pytest.FixtureRequest
) -> Callable[..., Reader]:
    client("curl")

    def made(*options: str) -> Reader:
        server = guarded(*options, folder=HERE, placeholder=PLACEHOLDER, files=FILES)
        return Reader(server, request.param)

    return made


def test_two_runs_take_one_token(start: Callable[..., Reader]) -> None:
    reader = start()

    reader.works()
    reader.works()

    assert {(visit.scheme, visit.admitted) for visit in reader.server.gate.visits} == {
        (SCRIPTS[reader.script][1], True)
    }
    assert reader.server.wired.counted() == (1, 0)


def test_an_expired_token_is_renewed_by_the_next_run(start: Callable[..., Reader]) -> None:
    reader = start("--token-lifetime", str(SECONDS))

    reader.works()
    reader.server.outlive()
    reader.works()

    assert reader.server.renewed_once()


def test_a_host_that_no_profile_names_gets_nothing(start: Callable[..., Reader]) -> None:
    reader = start()
    # The script is as it was, but the config names another host.
    reader.server.wired.configure(HERE / "credhelper.toml", {})

    outcome = reader.run()

    assert outcome.status != 0
    assert outcome.stdout == b""
    assert f"no profile names https://{reader.server.host}" in outcome.told, outcome
    # The pipe's curl goes on without a token; the others do not come so far.
    seen = {(visit.scheme, visit.admitted) for visit in reader.server.gate.visits}
    assert seen == ({("", False)} if reader.script == "config.sh" else set())
    assert reader.server.wired.counted() == (0, 0)


def test_trouble_is_told_with_its_next_step(start: Callable[..., Reader]) -> None:
    reader = start()
    reader.server.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})

    outcome = reader.run()

    assert outcome.status != 0
    assert outcome.stdout == b""
    assert "answered 401" in outcome.told, outcome
    assert "credhelper: hint:" in outcome.told
    assert reader.server.gate.admitted == []
