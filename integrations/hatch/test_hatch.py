"""hatch, with the files beside this one, against an index that checks the live token."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.indexed import PLACEHOLDER, SECONDS, USERNAME, Indexed
from integrations.servers.index import wheel
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

    def publish(self, version: str) -> Outcome:
        """Run `hatch publish` on a new wheel."""
        name, content = wheel(version)
        (self.wired.world.home / name).write_bytes(content)
        return self.wired.run(self.hatch, "--no-color", "publish", "--no-prompt", name)

    def works(self, version: str) -> None:
        """Publish, and look at what arrived."""
        outcome = self.publish(version)
        assert outcome.status == 0, outcome
        assert "credhelper" not in outcome.told
        name, content = wheel(version)
        assert self.index.index.files[name] == content


@pytest.fixture
def sit_down(
    client: Callable[[str], str], open_index: Callable[..., Indexed]
) -> Callable[..., Desk]:
    return lambda *options: Desk(open_index(*options), client("hatch"))


def test_two_publications_take_one_token(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down()

    desk.works("1.3")
    desk.works("1.4")

    assert desk.wired.counted() == (1, 0)
    assert {visit.username for visit in desk.index.gate.admitted} == {USERNAME}
    assert not desk.index.gate.refused


def test_an_expired_token_is_renewed_by_the_next_publication(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down("--token-lifetime", str(SECONDS))

    desk.works("1.3")
    desk.wired.wait_until(desk.index.gate.admitted[-1].expires)
    desk.works("1.4")

    assert desk.wired.counted() == (2, 0)
    assert not desk.index.gate.refused


def test_a_host_that_no_profile_names_gets_nothing(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down()
    other = f"127.0.0.1:{desk.index.port}"  # the same server, by a name that no profile has
    desk.name(other)

    outcome = desk.publish("1.3")

    assert outcome.status == 1
    assert outcome.told == "Missing required option: auth\n"
    assert desk.index.gate.visits == []
    assert desk.wired.counted() == (0, 0)


def test_when_nobody_can_renew_hatch_tells_our_reason(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down()
    desk.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})

    outcome = desk.publish("1.3")

    assert outcome.status == 1
    assert "credhelper: POST" in outcome.told
    assert "Missing required option: auth" in outcome.told
    assert desk.index.gate.visits == []
