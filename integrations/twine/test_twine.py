"""twine, with the files beside this one, against an index that checks the live token."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.indexed import PLACEHOLDER, SECONDS, USERNAME, Indexed
from integrations.servers.index import wheel
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

    def upload(self, version: str) -> Outcome:
        """Run `twine upload` on a new wheel."""
        name, content = wheel(version)
        (self.wired.world.home / name).write_bytes(content)
        words = ("upload", "--non-interactive", "--disable-progress-bar", "-r", "work", name)
        return self.wired.run(*self.twine, *words)

    def works(self, version: str) -> None:
        """Upload, and look at what arrived."""
        outcome = self.upload(version)
        assert (outcome.status, outcome.told) == (0, ""), outcome
        name, content = wheel(version)
        assert self.index.index.files[name] == content


@pytest.fixture
def sit_down(
    client: Callable[[str], str], open_index: Callable[..., Indexed]
) -> Callable[..., Desk]:
    return lambda *options: Desk(open_index(*options), client("twine"))


def test_two_uploads_take_one_token(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down()

    desk.works("1.3")
    desk.works("1.4")

    assert desk.wired.counted() == (1, 0)
    assert {visit.username for visit in desk.index.gate.admitted} == {USERNAME}
    assert not desk.index.gate.refused


def test_an_expired_token_is_renewed_by_the_next_upload(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down("--token-lifetime", str(SECONDS))

    desk.works("1.3")
    desk.wired.wait_until(desk.index.gate.admitted[-1].expires)
    desk.works("1.4")

    assert desk.wired.counted() == (2, 0)
    assert not desk.index.gate.refused


def test_a_host_that_no_profile_names_gets_nothing(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down()
    other = f"127.0.0.1:{desk.index.port}"  # the same server, by a name that no profile has
    desk.wired.place(HERE / "pypirc", ".pypirc", {PLACEHOLDER: other})

    outcome = desk.upload("1.3")

    assert outcome.status == 1
    assert b"Credential not found for username" in outcome.stdout
    assert b"credhelper" not in outcome.stdout + outcome.stderr
    assert desk.index.gate.visits == []
    assert desk.wired.counted() == (0, 0)


def test_when_nobody_can_renew_twine_tells_our_reason(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down()
    desk.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})

    outcome = desk.upload("1.3")

    assert outcome.status == 1
    assert b"Credential not found for username" in outcome.stdout
    told = re.sub(rb"\x1b\[[0-9;]*m", b"", outcome.stdout)
    assert b"credhelper: POST" in told
    assert b"answered 401" in told
    assert desk.index.gate.visits == []
