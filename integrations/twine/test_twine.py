"""twine, with the files beside this one, against an index that checks the live token."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from integrations import proofs
from integrations.indexed import PLACEHOLDER, SECONDS, USERNAME, Indexed
from tests.support.worlds import Outcome

HERE = Path(__file__).parent


class Desk:
    """A user with twine, wired up for an index."""

    def __init__(self, index: Indexed, python: str) -> None:
        self.index = index
        self.wired = index.wired
        self.twine = (python, "-m", "twine")
        self.wired.environ["COLUMNS"] = "500"  # or it folds what it tells
        index.configure(HERE / "credhelper.toml")
        self.wired.place(HERE / "pypirc", ".pypirc", {PLACEHOLDER: index.host})

    def upload(self, wheel: str) -> Outcome:
        """Run `twine upload` on a wheel."""
        words = ("upload", "--non-interactive", "--disable-progress-bar", "-r", "work", wheel)
        return self.wired.run(*self.twine, *words)

    def works(self) -> None:
        """Upload, and look at what arrived."""
        wheel = self.index.build()
        outcome = self.upload(wheel)
        assert (outcome.status, outcome.told) == (0, ""), outcome
        assert self.index.received(wheel)


@pytest.fixture
def sit_down(
    client: Callable[[str], str], open_index: Callable[..., Indexed]
) -> Callable[..., Desk]:
    return lambda *options: Desk(open_index(*options), client("twine"))


def test_two_uploads_take_one_token(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down()

    proofs.two_runs_take_one_token(desk.index, desk.works)

    assert {visit.username for visit in desk.index.gate.admitted} == {USERNAME}


def test_an_expired_token_is_renewed_by_the_next_upload(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down("--token-lifetime", str(SECONDS))

    proofs.the_next_run_renews(desk.index, desk.works)


def test_a_host_that_no_profile_names_gets_nothing(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down()
    other = f"127.0.0.1:{desk.index.port}"  # the same server, by a name that no profile has
    desk.wired.place(HERE / "pypirc", ".pypirc", {PLACEHOLDER: other})

    outcome = desk.upload(desk.index.build())

    assert outcome.status == 1
    assert b"Credential not found for username" in outcome.stdout
    assert b"credhelper" not in outcome.stdout + outcome.stderr
    assert desk.index.gate.visits == []
    assert desk.wired.counted() == (0, 0)


def test_when_nobody_can_renew_twine_tells_our_reason(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down()
    desk.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})

    outcome = desk.upload(desk.index.build())

    assert outcome.status == 1
    assert b"Credential not found for username" in outcome.stdout
    told = re.sub(rb"\x1b\[[0-9;]*m", b"", outcome.stdout)
    assert b"credhelper: POST" in told
    assert b"answered 401" in told
    assert desk.index.gate.visits == []
