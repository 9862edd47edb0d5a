"""rclone, with the files beside this one, against a WebDAV server that checks the live token."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integrations.servers import webdav
from integrations.servers.certificates import Certificate
from integrations.servers.gate import Gate
from integrations.servers.web import serving
from integrations.wired import Wired
from tests.support.worlds import Outcome

HERE = Path(__file__).parent
PLACEHOLDER = "files.example.org"
SECONDS = 6  # of a short-lived token: long enough for one command on a busy machine
TEXT = b"ACGT\n" * 1000


class Depot:
    """A server with files, and a user whose rclone is wired up for it.

    Attributes: `wired`; `gate`, what the server saw; `files`, what it holds; `host`, as the user's
    files name it.
    """

    def __init__(
        self, wired: Wired, program: str, certificate: Certificate, stack: ExitStack
    ) -> None:
        self.wired = wired
        self.gate = Gate(wired.sandbox.url, PLACEHOLDER, bearer=True)
        self.files = {"run/one.txt": b"the first text\n"}
        door = webdav.behind(self.gate, self.files)
        self.host = f"localhost:{stack.enter_context(serving(door, certificate))}"
        self._program = program
        wired.environ["SSL_CERT_FILE"] = str(certificate.authority)

    def wire(self, *more: str) -> None:
        """Put the files in place, as the README tells; `more` are lines of credhelper's config."""
        places = {PLACEHOLDER: self.host}
        self.wired.configure(HERE / "credhelper.toml", places, *more)
        self.wired.place(HERE / "rclone.conf", ".config/rclone/rclone.conf", places)

    def run(self, *words: str) -> Outcome:
        """Run rclone, which would try ten times where we know that it cannot work."""
        return self.wired.run(self._program, *words, "--retries=1", "--low-level-retries=1")

    def works(self, *words: str) -> bytes:
        """Run rclone, which must succeed; returns what it prints."""
        outcome = self.run(*words)
        assert outcome.status == 0, outcome
        return outcome.stdout


@pytest.fixture(params=["rclone", "rclone-new"])
def open_depot(
    wire: Callable[..., Wired],
    client: Callable[[str], str],
    certificate: Certificate,
    request: pytest.FixtureRequest,
) -> Iterator[Callable[..., Depot]]:
    program = client(request.param)
    with ExitStack() as stack:
        yield lambda *options: Depot(wire(*options), program, certificate, stack)


@pytest.fixture
def depot(open_depot: Callable[..., Depot]) -> Depot:
    return open_depot()


def test_what_is_fetched_is_what_was_sent(depot: Depot) -> None:
    depot.wire()
    sent, fetched = (depot.wired.world.home / name for name in ("sent.txt", "fetched.txt"))
    sent.write_bytes(TEXT)

    assert depot.works("lsf", "files:run") == b"one.txt\n"
    depot.works("copyto", str(sent), "files:run/two.txt")
    assert depot.files["run/two.txt"] == TEXT
    depot.works("copyto", "files:run/two.txt", str(fetched))

    assert fetched.read_bytes() == TEXT
    assert {(visit.scheme, visit.admitted) for visit in depot.gate.visits} == {("Bearer", True)}
    assert depot.wired.counted() == (1, 0)


def test_an_expired_token_is_renewed_by_the_next_command(
    open_depot: Callable[..., Depot],
) -> None:
    depot = open_depot("--token-lifetime", str(SECONDS))
    depot.wire()

    depot.works("lsf", "files:run")
    depot.wired.wait_until(depot.gate.admitted[-1].expires)
    depot.works("lsf", "files:run")

    assert depot.wired.counted() == (2, 0)
    assert not depot.gate.refused


def test_a_host_that_no_profile_names_gets_nothing(depot: Depot) -> None:
    depot.wire()
    # The remote is as it was, but the config names another host.
    depot.wired.configure(HERE / "credhelper.toml", {})

    outcome = depot.run("lsf", "files:run")

    assert outcome.status != 0
    assert f"credhelper: error: no profile covers https://{depot.host}" in outcome.told, outcome
    assert depot.gate.visits == []
    assert depot.wired.counted() == (0, 0)


def test_trouble_is_told_with_its_next_step(depot: Depot) -> None:
    depot.wire()
    depot.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})

    outcome = depot.run("lsf", "files:run")

    assert outcome.status != 0
    assert "answered 401" in outcome.told, outcome
    assert "credhelper: hint:" in outcome.told
    assert depot.gate.visits == []


def test_a_revoked_token_stays_until_a_person_logs_out(depot: Depot) -> None:
    depot.wire()
    depot.works("lsf", "files:run")
    depot.wired.sandbox.revoke_all()

    # rclone asks again after a 401, but nothing in this protocol says why it asks.
    assert depot.run("lsf", "files:run").status != 0
    assert depot.wired.counted() == (1, 0)

    outcome = depot.wired.run("credhelper", "logout")
    assert outcome.status == 0, outcome
    depot.works("lsf", "files:run")
    assert depot.wired.counted() == (2, 0)


def test_setup_wires_rclone_up_and_takes_it_back(depot: Depot) -> None:
    depot.wire()
    depot.wired.unwire(".config/rclone/rclone.conf", "bearer_token_command")

    # The remote is found by its URL.
    with depot.wired.set_up("rclone", "--service", f"https://{depot.host}"):
        assert depot.works("cat", "files:run/one.txt") == b"the first text\n"
        assert depot.wired.counted() == (1, 0)
