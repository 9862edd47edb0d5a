"""helm and its charts in a registry, with docker's file."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from integrations.docker.harbour import HERE, SECONDS, Harbour, good
from integrations.servers.certificates import Certificate
from tests.support.worlds import Outcome

CHART = "apiVersion: v2\nname: pipeline\nversion: 1.0.0\n"
PACKED = "pipeline-1.0.0.tgz"


class Chartroom:
    """A chart, packed, and a harbour for it. Attributes: `harbour`."""

    def __init__(self, helm: str, harbour: Harbour, certificate: Certificate) -> None:
        self.harbour = harbour
        self._helm = helm
        self._trust = f"--ca-file={certificate.authority}"
        self._home = harbour.wired.world.home
        (self._home / "chart").mkdir()
        (self._home / "chart/Chart.yaml").write_text(CHART)
        good(harbour.wired.run(helm, "package", "chart"))

    def push(self) -> Outcome:
        """Push the chart to the registry."""
        place = f"oci://{self.harbour.host}/charts"
        return self.harbour.wired.run(self._helm, "push", self._trust, PACKED, place)

    def pull(self) -> bool:
        """Pull the chart from the registry; returns whether it is the one that was pushed."""
        chart = f"oci://{self.harbour.host}/charts/pipeline"
        more = ("--version=1.0.0", f"--destination={self._home}/chart")
        good(self.harbour.wired.run(self._helm, "pull", self._trust, chart, *more))
        return (self._home / "chart" / PACKED).read_bytes() == (self._home / PACKED).read_bytes()


@pytest.fixture
def launch(
    open_harbour: Callable[..., Harbour], client: Callable[[str], str], certificate: Certificate
) -> Callable[..., Chartroom]:
    helm = client("helm")
    return lambda *options, auth="basic": Chartroom(
        helm, open_harbour(*options, auth=auth), certificate
    )


@pytest.mark.parametrize("auth", ["basic", "token"])
def test_what_is_pulled_is_what_was_pushed(launch: Callable[..., Chartroom], auth: str) -> None:
    room = launch(auth=auth)
    room.harbour.wire()

    good(room.push())
    assert room.pull()

    assert {(visit.scheme, visit.username) for visit in room.harbour.gate.admitted} == {
        ("Basic", "oauth2")
    }
    assert not room.harbour.gate.refused
    assert room.harbour.wired.counted() == (1, 0)


def test_an_expired_token_is_renewed_by_the_next_command(launch: Callable[..., Chartroom]) -> None:
    room = launch("--token-lifetime", str(SECONDS))
    room.harbour.wire()

    good(room.push())
    room.harbour.wired.wait_until(room.harbour.gate.admitted[-1].expires)
    assert room.pull()

    assert room.harbour.wired.counted() == (2, 0)
    assert not room.harbour.gate.refused


def test_a_registry_that_no_profile_names_gets_nothing(launch: Callable[..., Chartroom]) -> None:
    room = launch()
    room.harbour.wire()
    # The client still asks us about it, but the config names another.
    room.harbour.wired.configure(HERE / "credhelper.toml", {})

    outcome = room.push()

    assert outcome.status == 1
    assert "basic credential not found" in outcome.told
    assert room.harbour.gate.admitted == []
    assert room.harbour.wired.counted() == (0, 0)


def test_trouble_with_a_registry_that_is_ours_is_told_and_ends_the_command(
    launch: Callable[..., Chartroom],
) -> None:
    room = launch()
    room.harbour.wire()
    room.harbour.wired.sandbox.fault({"path": "/v1/tokens", "status": 403, "times": "always"})

    outcome = room.push()

    assert outcome.status == 1
    assert "answered 403" in outcome.told, outcome
    assert room.harbour.gate.admitted == room.harbour.gate.refused == []
