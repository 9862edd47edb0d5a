"""curl, with the files beside this one, against a server that checks the live token."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from integrations import proofs
from integrations.callers import Guarded
from integrations.scripts import ShellScript

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


@pytest.fixture(params=SCRIPTS)
def script(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def start(
    guarded: Callable[..., Guarded], client: Callable[[str], str], script: str
) -> Callable[..., ShellScript]:
    client("curl")

    def made(*options: str) -> ShellScript:
        server = guarded(*options, folder=HERE, placeholder=PLACEHOLDER, files=FILES)
        trust = {"CURL_CA_BUNDLE": server.authority}
        return ShellScript(server, script, SCRIPTS[script][0], trust)

    return made


def test_two_runs_take_one_token(start: Callable[..., ShellScript], script: str) -> None:
    user = start()
    proofs.two_runs_take_one_token(user.server, user.works, SCRIPTS[script][1])


def test_an_expired_token_is_renewed_by_the_next_run(start: Callable[..., ShellScript]) -> None:
    user = start("--token-lifetime", str(SECONDS))
    proofs.the_next_run_renews(user.server, user.works)


def test_a_host_that_no_profile_names_gets_nothing(
    start: Callable[..., ShellScript], script: str
) -> None:
    user = start()
    proofs.another_host_gets_nothing(user, HERE / "credhelper.toml")
    # The pipe's curl goes on without a token; the others do not come so far.
    seen = {visit.scheme for visit in user.server.gate.visits}
    assert seen == ({""} if script == "config.sh" else set())


def test_trouble_is_told_with_its_next_step(start: Callable[..., ShellScript]) -> None:
    proofs.trouble_is_told_with_its_next_step(start())
