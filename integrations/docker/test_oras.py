"""oras, and its library for Python, with the files beside this one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from integrations.docker.harbour import HERE, SECONDS, Harbour, good
from integrations.servers.certificates import Certificate
from tests.support.worlds import Outcome

ARTIFACT = "team/notes:1"
PYTHON = """\
import sys, time
import oras.client

time.sleep = lambda seconds: None  # it waits minutes before it gives up
verb, target = sys.argv[1:]
client = oras.client.OrasClient(auth_backend="basic")
try:
    if verb == "push":
        client.push(target=target, files=["notes.txt"])
    else:
        client.pull(target=target, outdir="pulled")
except Exception as error:
    sys.exit(str(error))
"""


class Boat:
    """One of the two clients, in a harbour. Attributes: `harbour`; `notes`, what is pushed."""

    def __init__(self, words: list[str], harbour: Harbour, certificate: Certificate) -> None:
        self.harbour = harbour
        self.notes = "something to keep\n"
        self._words = words
        self._home = harbour.wired.world.home
        (self._home / "notes.txt").write_text(self.notes)
        # For oras and for the requests library.
        harbour.wired.environ |= {
            "SSL_CERT_FILE": str(certificate.authority),
            "REQUESTS_CA_BUNDLE": str(certificate.authority),
        }

    def push(self) -> Outcome:
        """Push the notes to the registry."""
        return self._run("push", "notes.txt")

    def pull(self) -> str:
        """Pull what is in the registry; returns the text of the notes."""
        good(self._run("pull", "--output=pulled"))
        return (self._home / "pulled/notes.txt").read_text()

    def _run(self, verb: str, more: str) -> Outcome:
        target = f"{self.harbour.host}/{ARTIFACT}"
        library = "-c" in self._words
        return self.harbour.wired.run(*self._words, verb, target, *([] if library else [more]))


@pytest.fixture(params=["oras", "oras-py"])
def launch(
    open_harbour: Callable[..., Harbour],
    client: Callable[[str], str],
    certificate: Certificate,
    request: pytest.FixtureRequest,
) -> Callable[..., Boat]:
    program = client(request.param)
    words = [program, "-c", PYTHON] if request.param == "oras-py" else [program]

    def start(*options: str, auth: str = "basic") -> Boat:
        return Boat(words, open_harbour(*options, auth=auth), certificate)

    return start


# The library keeps its first registry token, which is good for reading, and cannot push with it.
@pytest.mark.parametrize(
    ("launch", "auth"),
    [("oras", "basic"), ("oras", "token"), ("oras-py", "basic")],
    indirect=["launch"],
)
def test_what_is_pulled_is_what_was_pushed(launch: Callable[..., Boat], auth: str) -> None:
    boat = launch(auth=auth)
    boat.harbour.wire()

    good(boat.push())
    assert boat.pull() == boat.notes

    assert {(visit.scheme, visit.username) for visit in boat.harbour.gate.admitted} == {
        ("Basic", "oauth2")
    }
    assert not boat.harbour.gate.refused
    assert boat.harbour.wired.counted() == (1, 0)


def test_an_expired_token_is_renewed_by_the_next_command(launch: Callable[..., Boat]) -> None:
    boat = launch("--token-lifetime", str(SECONDS))
    boat.harbour.wire()

    good(boat.push())
    boat.harbour.wired.wait_until(boat.harbour.gate.admitted[-1].expires)
    assert boat.pull() == boat.notes

    assert boat.harbour.wired.counted() == (2, 0)
    assert not boat.harbour.gate.refused


def test_a_registry_that_no_profile_names_gets_nothing(launch: Callable[..., Boat]) -> None:
    boat = launch()
    boat.harbour.wire()
    # The client still asks us about it, but the config names another.
    boat.harbour.wired.configure(HERE / "credhelper.toml", {})

    outcome = boat.push()

    assert outcome.status != 0
    assert boat.harbour.gate.admitted == []
    assert boat.harbour.gate.visits
    assert boat.harbour.wired.counted() == (0, 0)


@pytest.mark.parametrize("launch", ["oras"], indirect=True)
def test_trouble_with_a_registry_that_is_ours_is_told_and_ends_the_command(
    launch: Callable[..., Boat],
) -> None:
    boat = launch()
    boat.harbour.wire()
    boat.harbour.wired.sandbox.fault({"path": "/v1/tokens", "status": 403, "times": "always"})

    outcome = boat.push()

    assert outcome.status != 0
    assert "answered 403" in outcome.told, outcome
    assert boat.harbour.gate.admitted == boat.harbour.gate.refused == []


@pytest.mark.parametrize("launch", ["oras"], indirect=True)
def test_the_user_name_can_say_that_the_token_is_an_identity_token(
    launch: Callable[..., Boat],
) -> None:
    boat = launch(auth="token")
    boat.harbour.wire('username = "<token>"')

    good(boat.push())
    assert boat.pull() == boat.notes

    assert {visit.scheme for visit in boat.harbour.gate.admitted} == {"Bearer"}
    assert boat.harbour.wired.counted() == (1, 0)
