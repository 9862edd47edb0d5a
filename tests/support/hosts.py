"""Hosts of a fleet: scratch worlds with homes of their own, one key and one store."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from credhelper.core import record as records
from credhelper.fleet.seal import new_key
from tests.support.sandboxes import RunningSandbox
from tests.support.worlds import Outcome, World, toml

SHARE = "pipeline"


class Hosts:
    """A fleet: worlds that share a store.

    Parameters: `root`, a folder; `sandbox`, their API; `url`, of the store; `password` and
    `ca_file`, of the store. Attributes: `key`, the fleet's; `canaries`, secrets that nobody may
    show.
    """

    def __init__(
        self,
        root: Path,
        sandbox: RunningSandbox,
        url: str,
        password: str = "",
        ca_file: Path | None = None,
    ) -> None:
        self._root = root
        self._sandbox = sandbox
        self.url = url
        self._password = password
        self._ca_file = ca_file
        self.key = new_key().reveal()
        self.canaries = [self.key, *([password] if password else []), sandbox.api_key]
        self._count = 0

    def host(
        self, *, key: str = "", fleet: Mapping[str, Any] | None = None, **profile: Any
    ) -> World:
        """Return another host.

        Parameters: `key`, the text of its file of the fleet's key; `fleet`, keys of that table on
        top of the usual; `profile`, likewise, None to leave one out.
        """
        root = self._root / f"host-{self._count}"
        self._count += 1
        root.mkdir()
        world = World(root)
        told = {"share": SHARE, **profile}
        kept = {name: value for name, value in told.items() if value is not None}
        world.configure(self._sandbox.url, self._sandbox.api_key, main=kept)
        text = world.config.read_text()
        if "grant" in profile and profile["grant"] is None:
            lines = [line for line in text.split("\n") if not line.startswith("grant = ")]
            text = "\n".join(lines)
        table: dict[str, Any] = {
            "store": self.url,
            "key": {"file": str(world.secret_file("fleet.key", key or self.key))},
        }
        if self._password:
            table["password"] = {"file": str(world.secret_file("store", self._password))}
        if self._ca_file:
            table["ca_file"] = str(self._ca_file)
        table |= fleet or {}
        more = [f"{name} = {toml(value)}" for name, value in table.items()]
        world.config.write_text("\n".join([text, "[fleet]", *more, ""]))
        return world

    def taker(self, **profile: Any) -> World:
        """Return a host that makes no token, and has no key to."""
        return self.host(fleet={"lead": False}, grant=None, **profile)

    def all_get(self, worlds: list[World], *words: str) -> list[Outcome]:
        """Have all hosts ask at once, and return what they were told."""
        running = [world.start("get", *words) for world in worlds]
        return [world.finish(one) for world, one in zip(worlds, running, strict=True)]


def change(world: World, **fields: str) -> None:
    """Change the one record of a host."""
    (path,) = world.records()
    world.rewrite(path, **fields)


def field(world: World, name: str) -> int:
    """Return a number in the one record of a host."""
    (held,) = world.held()
    return records.number(held, name)
