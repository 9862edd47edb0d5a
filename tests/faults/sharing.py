"""Scenarios of hosts that share one token: the one that makes it, and one that takes it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from credhelper.fleet.seal import new_key
from tests.faults.scenario import Scenario, after_get
from tests.faults.stage import URL, Stage
from tests.support.stores import Single
from tests.support.worlds import World, toml

_SHARE = "pipeline"


def _member(world: World, stage: Stage, key: str, *, lead: bool) -> None:
    """Configure a host. Parameters: `key`, the fleet's; `lead`, whether it makes tokens."""
    assert stage.store
    world.configure(stage.sandbox.url, stage.sandbox.api_key, main={"share": _SHARE})
    text = world.config.read_text()
    if not lead:
        text = "\n".join(line for line in text.split("\n") if not line.startswith("grant = "))
        (world.root / "api-key").unlink()
    told = {
        "store": stage.store.url,
        "key": {"file": str(world.secret_file("fleet.key", key))},
        "lead": lead,
    }
    more = [f"{name} = {toml(value)}" for name, value in told.items()]
    world.config.write_text("\n".join([text, "[fleet]", *more, ""]))


def _store(stage: Stage) -> None:
    folder = Path(stage.later.enter_context(tempfile.TemporaryDirectory()))
    stage.store = Single(folder / "store")
    stage.later.callback(stage.store.stop)


def _alone(stage: Stage) -> None:
    _store(stage)
    _member(stage.world, stage, new_key().reveal(), lead=True)


def _empty(stage: Stage) -> None:
    assert stage.store
    stage.store.reset()


def _given(stage: Stage) -> None:
    _store(stage)
    key = new_key().reveal()
    _member(stage.world, stage, key, lead=False)
    leader = World(Path(stage.later.enter_context(tempfile.TemporaryDirectory())))
    _member(leader, stage, key, lead=True)
    stage.token = leader.get()


SCENARIOS = (
    Scenario("fleet-leader", lambda stage: ["get"], _alone, after_get, begin=_empty, answers=True),
    Scenario("fleet-taker", lambda stage: ["get", URL], _given, after_get, answers=True),
)
