"""reclient's credentials helper, with the file beside this one, and a caller of our own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.callers import Guarded
from integrations.reclient.caller import HelperError, Reproxy
from tests.support.programs import command

HERE = Path(__file__).parent
PLACEHOLDER = "builds.example.org"
CACHE = "/v2/blobs/x"
SECONDS = 6  # of a short-lived token: long enough for one call on a busy machine


@pytest.fixture
def open_farm(guarded: Callable[..., Guarded]) -> Callable[..., Guarded]:
    def start(*options: str) -> Guarded:
        farm = guarded(*options, folder=HERE, placeholder=PLACEHOLDER, files={CACHE: b"x"})
        program = command("credhelper")[0]
        farm.wired.place(
            HERE / "reproxy.cfg",
            "reproxy.cfg",
            {f"{PLACEHOLDER}:443": farm.host, PLACEHOLDER: farm.host}
            | {"/opt/credhelper/bin/credhelper": program},
        )
        return farm

    return start


def reproxy(farm: Guarded) -> Reproxy:
    return Reproxy(farm, farm.wired.world.home / "reproxy.cfg")


def test_two_builds_call_with_one_token(open_farm: Callable[..., Guarded]) -> None:
    farm = open_farm()
    for _ in range(2):
        one = reproxy(farm)
        assert [one.call(CACHE) for _ in range(3)] == [200] * 3
        assert one.asked == 1
    assert farm.wired.counted() == (1, 0)
    assert {(visit.scheme, visit.admitted) for visit in farm.gate.visits} == {("Bearer", True)}


def test_an_expired_token_is_renewed_by_the_next_call(open_farm: Callable[..., Guarded]) -> None:
    farm = open_farm("--token-lifetime", str(SECONDS))
    one = reproxy(farm)
    assert one.call(CACHE) == 200
    farm.outlive()
    assert one.call(CACHE) == 200
    assert farm.renewed_once()


def test_setup_wires_it_up_and_takes_it_back(open_farm: Callable[..., Guarded]) -> None:
    farm = open_farm()
    farm.wired.unwire("reproxy.cfg", "credentials_helper")
    path = farm.wired.world.home / "reproxy.cfg"
    with farm.wired.set_up("reclient", "--service", f"https://{farm.host}", "--file", str(path)):
        assert reproxy(farm).call(CACHE) == 200
    assert farm.wired.counted() == (1, 0)
    assert not farm.gate.refused


def test_a_service_that_no_profile_names_fails_with_our_reason(
    open_farm: Callable[..., Guarded],
) -> None:
    farm = open_farm()
    config = farm.wired.world.home / "reproxy.cfg"
    config.write_text(config.read_text().replace("https://localhost", "https://127.0.0.1"))
    with pytest.raises(HelperError, match="credhelper: error: no profile covers https://127"):
        reproxy(farm).call(CACHE)
    assert not farm.gate.visits
    assert farm.wired.counted() == (0, 0)


def test_when_nobody_can_renew_the_log_has_our_reason(open_farm: Callable[..., Guarded]) -> None:
    farm = open_farm()
    farm.wired.sandbox.fault({"path": "/v1/tokens", "status": 401, "times": "always"})
    with pytest.raises(HelperError, match="credhelper: error: "):
        reproxy(farm).call(CACHE)
    assert not farm.gate.visits
