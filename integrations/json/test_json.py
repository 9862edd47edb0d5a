"""The json protocol, with the programs beside this one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.callers import Guarded
from tests.support.worlds import Outcome

HERE = Path(__file__).parent
# The program, what runs it, and whether it goes on to a second URL and rejects what was refused.
PROGRAMS = {
    "download.py": (sys.executable, True),
    "download.mjs": ("node", True),
    "download.sh": ("curl", False),
}
PLACEHOLDER = "files.example.org"
FILES = {"/one": b"first\n", "/two": b"second\n"}
SECONDS = 6  # of a short-lived token: long enough for one download on a busy machine


class Reader:
    """A user of a program, and a server. Attributes: `server`; `long`, whether it does more."""

    def __init__(self, server: Guarded, words: list[str], *, long: bool) -> None:
        self.server = server
        self.long = long
        self._words = words
        names = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE")
        server.wired.environ |= dict.fromkeys(names, server.authority)

    def download(self, *paths: str) -> Outcome:
        """Run the program with URLs of the server."""
        urls = [f"https://{self.server.host}{path}" for path in paths]
        return self.server.launch([*self._words, *urls], b"", seconds=60)


@pytest.fixture(params=PROGRAMS)
def start(
    guarded: Callable[..., Guarded], client: Callable[[str], str], request: pytest.FixtureRequest
) -> Callable[..., Reader]:
    runs, long = PROGRAMS[request.param]
    runs = client(runs) if runs in ("node", "curl") else runs
    words = ["/bin/sh" if request.param == "download.sh" else runs, str(HERE / request.param)]

    def begin(*options: str) -> Reader:
        server = guarded(*options, folder=HERE, placeholder=PLACEHOLDER, files=FILES)
        return Reader(server, words, long=long)

    return begin


def test_two_programs_download_with_one_token(start: Callable[..., Reader]) -> None:
    reader = start()
    for _ in range(2):
        outcome = reader.download("/one", *(["/two", "/one"] if reader.long else []))
        assert (outcome.status, outcome.told) == (0, ""), outcome
        assert outcome.stdout == (b"first\nsecond\nfirst\n" if reader.long else b"first\n")
    assert reader.server.wired.counted() == (1, 0)
    assert {(visit.scheme, visit.admitted) for visit in reader.server.gate.visits} == {
        ("Bearer", True)
    }


def test_an_expired_token_is_renewed_by_the_next_program(start: Callable[..., Reader]) -> None:
    reader = start("--token-lifetime", str(SECONDS))
    assert reader.download("/one").stdout == b"first\n"
    reader.server.outlive()
    assert reader.download("/one").stdout == b"first\n"
    assert reader.server.renewed_once()


@pytest.mark.parametrize("start", ["download.py", "download.mjs"], indirect=True)
def test_a_token_that_was_refused_is_rejected_and_the_next_one_is_good(
    start: Callable[..., Reader],
) -> None:
    reader = start()
    assert reader.download("/one").status == 0
    reader.server.wired.sandbox.revoke_all()
    # The first refusal of so young a token may only mean "not yet": it is kept.
    assert "401" in reader.download("/one").told
    assert reader.download("/one").stdout == b"first\n"
    assert reader.server.wired.counted() == (2, 0)


def test_a_service_that_no_profile_names_is_told_with_a_hint(start: Callable[..., Reader]) -> None:
    reader = start()
    reader.server.host = reader.server.host.replace("localhost", "127.0.0.1")
    outcome = reader.download("/one")
    assert (outcome.status, outcome.stdout) == (1, b"")
    assert outcome.told.startswith("no profile covers https://127.0.0.1"), outcome
    assert "credhelper profile add" in outcome.told
    assert not reader.server.gate.visits
