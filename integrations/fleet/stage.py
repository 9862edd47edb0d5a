"""Hosts of a fleet, played by homes: each has its own files, and one sandbox counts for all."""

from __future__ import annotations

import shutil
from pathlib import Path

from integrations.wired import UPSTREAM, Wired
from tests.support.sandboxes import RunningSandbox
from tests.support.stores import Store
from tests.support.worlds import World

HERE = Path(__file__).parent
STORE = "rediss://credhelper@redis.example.org:6379/0"
OWN = ".config/credhelper"  # below a home
SECRETS = ("fleet.key", "store.password", "redis-ca.pem")


class Stage:
    """A sandbox, a store, and hosts that are wired up with the files beside this one.

    Parameters: `root`, where their homes are; `sandbox`; `store`, with TLS and an account.
    """

    def __init__(self, root: Path, sandbox: RunningSandbox, store: Store) -> None:
        self.sandbox = sandbox
        self.store = store
        self._root = root

    def host(self, name: str, config: str = "credhelper.toml", like: Wired | None = None) -> Wired:
        """Return a host.

        Parameters: `config`, the file that it has; `like`, the host whose secrets of the fleet it
        has. It has an API key if its config names one.
        """
        folder = self._root / name
        folder.mkdir()
        host = Wired(World(folder), self.sandbox)
        host.world.canaries.append(self.store.password)
        places = {UPSTREAM: self.sandbox.url, STORE: self.store.url}
        host.place(HERE / config, f"{OWN}/config.toml", places)
        (host.world.home / OWN).chmod(0o700)
        if "api-key" in (HERE / config).read_text():
            self.write(host, "api-key", self.sandbox.api_key)
        if like:
            for secret in SECRETS:
                shutil.copy2(like.world.home / OWN / secret, host.world.home / OWN / secret)
        return host

    def write(self, host: Wired, name: str, text: str) -> None:
        """Put a secret of a host where its config says."""
        path = host.world.home / OWN / name
        path.touch(0o600)
        path.write_text(text)
