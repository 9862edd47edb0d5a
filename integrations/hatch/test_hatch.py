"""hatch, with the files beside this one, against an index that checks the live token."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from integrations import proofs
from integrations.indexed import PLACEHOLDER, SECONDS, USERNAME, Indexed
from tests.support.worlds import Outcome

HERE = Path(__file__).parent


class Desk:
    """A user with hatch, wired up for an index."""

    def __init__(self, index: Indexed, hatch: str) -> None:
        self.index = index
        self.wired = index.wired
        self.hatch = hatch
        index.configure(HERE / "credhelper.toml")
        self.name(index.host)

    def name(self, host: str) -> None:
        """Let hatch's file name `host`."""
        self.wired.place(HERE / "config.toml", ".config/hatch/config.toml", {PLACEHOLDER: host})

    def publish(self, wheel: str) -> Outcome:
        """Run `hatch publish` on a wheel."""
        return self.wired.run(self.hatch, "--no-color", "publish", "--no-prompt", wheel)

    def works(self) -> None:
        """Publish, and look at what arrived."""
        wheel = self.index.build()
        outcome = self.publish(wheel)
        assert outcome.status == 0, outcome
        assert "credhelper" not in outcome.told
        assert self.index.received(wheel)


@pytest.fixture
def sit_down(
    client: Callable[[str], str], open_index: Callable[..., Indexed]
) -> Callable[..., Desk]:
    return lambda *options: Desk(open_index(*options), client("hatch"))


def test_two_publications_take_one_token(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down()

    proofs.two_runs_take_one_token(desk.index, desk.works)

    assert {visit.username for visit in desk.index.gate.admitted} == {USERNAME}


def test_an_expired_token_is_renewed_by_the_next_publication(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down("--token-lifetime", str(SECONDS))

    proofs.the_next_run_renews(desk.index, desk.works)


def test_a_host_that_no_profile_names_gets_nothing(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down()
    other = f"127.0.0.1:{desk.index.port}"  # the same server, by a name that no profile has
    desk.name(other)

    outcome = desk.publish(desk.index.build())

    assert outcome.status == 1
    assert outcome.told == "Missing required option: auth\n"
    assert desk.index.gate.visits == []
    assert desk.wired.counted() == (0, 0)


def test_when_nobody_can_renew_hatch_tells_our_reason(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down()
    desk.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})

    outcome = desk.publish(desk.index.build())

    assert outcome.status == 1
    assert "credhelper: POST" in outcome.told
    assert "Missing required option: auth" in outcome.told
    assert desk.index.gate.visits == []
