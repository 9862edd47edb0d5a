"""DVC, with the files beside this one, against a WebDAV server that checks the live token."""

from __future__ import annotations

import shutil
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
SECONDS = 15  # of a short-lived token: long enough for one command, which takes seconds to start
TEXT = b"ACGT\n" * 1000


class Depot:
    """A server for files, and a user with a project whose DVC is wired up for it.

    Attributes: `wired`; `gate`, what the server saw; `files`, what it holds; `host`, as the user's
    files name it; `project`, a folder.
    """

    def __init__(
        self, wired: Wired, program: str, certificate: Certificate, stack: ExitStack
    ) -> None:
        self.wired = wired
        self.gate = Gate(wired.sandbox.url, PLACEHOLDER, bearer=True)
        self.files: dict[str, bytes] = {}
        door = webdav.behind(self.gate, self.files)
        self.host = f"localhost:{stack.enter_context(serving(door, certificate))}"
        self.project = wired.world.home / "project"
        self._program = program
        wired.environ |= {"SSL_CERT_FILE": str(certificate.authority), "DVC_NO_ANALYTICS": "1"}

    def wire(self) -> None:
        """Put the files in place, as the README tells, and one file under DVC's care."""
        places = {PLACEHOLDER: self.host}
        self.wired.configure(HERE / "credhelper.toml", places)
        self.wired.place(HERE / "config", ".config/dvc/config", places)
        self.project.mkdir()
        self.works("init", "--no-scm", "--quiet")
        (self.project / "reads.txt").write_bytes(TEXT)
        self.works("add", "--quiet", "reads.txt")

    def run(self, *words: str) -> Outcome:
        """Run DVC in the project."""
        return self.wired.run(self._program, *words, cwd=self.project)

    def works(self, *words: str) -> bytes:
        """Run DVC, which must succeed; returns what it prints."""
        outcome = self.run(*words)
        assert outcome.status == 0, outcome
        return outcome.stdout

    def lose(self) -> None:
        """Forget the file, and what DVC kept of it here."""
        (self.project / "reads.txt").unlink()
        shutil.rmtree(self.project / ".dvc/cache")


@pytest.fixture
def open_depot(
    wire: Callable[..., Wired], client: Callable[[str], str], certificate: Certificate
) -> Iterator[Callable[..., Depot]]:
    program = client("dvc")
    with ExitStack() as stack:
        yield lambda *options: Depot(wire(*options), program, certificate, stack)


def test_what_is_pulled_is_what_was_pushed(open_depot: Callable[..., Depot]) -> None:
    depot = open_depot()
    depot.wire()

    depot.works("push", "--remote", "files")
    assert TEXT in depot.files.values()
    depot.lose()
    depot.works("pull", "--remote", "files")

    assert (depot.project / "reads.txt").read_bytes() == TEXT
    assert {visit.scheme for visit in depot.gate.admitted} == {"Bearer"}
    assert not depot.gate.refused
    assert depot.wired.counted() == (1, 0)


def test_setup_wires_dvc_up_and_takes_it_back(open_depot: Callable[..., Depot]) -> None:
    depot = open_depot()
    depot.wire()
    depot.wired.unwire(".config/dvc/config", "bearer_token_command")

    # What DVC keeps in the project, it changes as it likes: so that is not there yet.
    kept = depot.project.rename(depot.wired.world.root / "kept")
    # The remote is found by its URL.
    with depot.wired.set_up("dvc", "--service", f"https://{depot.host}"):
        shutil.copytree(kept, depot.project)
        depot.works("push", "--remote", "files")
    assert TEXT in depot.files.values()
    assert depot.wired.counted() == (1, 0)
    assert not depot.gate.refused


def test_an_expired_token_is_renewed_by_the_next_command(
    open_depot: Callable[..., Depot],
) -> None:
    depot = open_depot("--token-lifetime", str(SECONDS))
    depot.wire()

    depot.works("push", "--remote", "files")
    depot.lose()
    depot.wired.wait_until(depot.gate.admitted[-1].expires)
    depot.works("pull", "--remote", "files")

    assert depot.wired.counted() == (2, 0)


def test_a_host_that_no_profile_names_gets_nothing(open_depot: Callable[..., Depot]) -> None:
    depot = open_depot()
    depot.wire()
    # The remote is as it was, but the config names another host.
    depot.wired.configure(HERE / "credhelper.toml", {})

    outcome = depot.run("push", "--remote", "files")

    assert outcome.status != 0
    # DVC keeps our words to itself, and tells the status: 3 is "nothing for this host".
    assert "non-zero exit status 3" in outcome.told, outcome
    assert depot.gate.admitted == depot.gate.refused == []
    assert depot.wired.counted() == (0, 0)
