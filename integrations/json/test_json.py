"""The json protocol, with the program beside this one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.callers import Guarded
from tests.support.worlds import Outcome

HERE = Path(__file__).parent
PROGRAM = HERE / "download.py"
PLACEHOLDER = "files.example.org"
FILES = {"/one": b"first\n", "/two": b"second\n"}
SECONDS = 6  # of a short-lived token: long enough for one download on a busy machine


@pytest.fixture
def start(guarded: Callable[..., Guarded]) -> Callable[..., Guarded]:
    def begin(*options: str) -> Guarded:
        server = guarded(*options, folder=HERE, placeholder=PLACEHOLDER, files=FILES)
        server.wired.environ["SSL_CERT_FILE"] = server.authority
        return server

    return begin


def download(server: Guarded, *paths: str) -> Outcome:
    urls = [f"https://{server.host}{path}" for path in paths]
    return server.launch([sys.executable, str(PROGRAM), *urls], b"", seconds=60)


def test_two_programs_download_with_one_token(start: Callable[..., Guarded]) -> None:
    server = start()
    for _ in range(2):
        outcome = download(server, "/one", "/two", "/one")
        assert (outcome.status, outcome.told) == (0, "")
        assert outcome.stdout == b"first\nsecond\nfirst\n"
    assert server.wired.counted() == (1, 0)
    assert {(visit.scheme, visit.admitted) for visit in server.gate.visits} == {("Bearer", True)}


def test_an_expired_token_is_renewed_by_the_next_program(start: Callable[..., Guarded]) -> None:
    server = start("--token-lifetime", str(SECONDS))
    assert download(server, "/one").stdout == b"first\n"
    server.outlive()
    assert download(server, "/one").stdout == b"first\n"
    assert server.renewed_once()


def test_a_token_that_was_refused_is_rejected_and_the_next_one_is_good(
    start: Callable[..., Guarded],
) -> None:
    server = start()
    assert download(server, "/one").status == 0
    server.wired.sandbox.revoke_all()
    # The first refusal of so young a token may only mean "not yet": it is kept.
    assert "401" in download(server, "/one").told
    assert download(server, "/one").stdout == b"first\n"
    assert server.wired.counted() == (2, 0)


def test_a_service_that_no_profile_names_is_told_with_a_hint(start: Callable[..., Guarded]) -> None:
    server = start()
    server.host = server.host.replace("localhost", "127.0.0.1")
    outcome = download(server, "/one")
    assert (outcome.status, outcome.stdout) == (1, b"")
    assert outcome.told.startswith("no profile names https://127.0.0.1")
    assert "credhelper profile add" in outcome.told
    assert not server.gate.visits
