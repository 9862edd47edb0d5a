"""The vault client (and OpenBao's, bao) as a caller of our own: its file, its helper, its header.

Written from Vault's page "Custom token helper" and from what OpenBao's client was read to do. It is
neither of the two.
"""

from __future__ import annotations

import re
from pathlib import Path

from integrations.callers import Guarded
from tests.support.worlds import Outcome

_LINE = re.compile(r'^\s*token_helper\s*=\s*"((?:[^"\\]|\\.)*)"\s*$', re.MULTILINE)
_SECONDS = 60.0  # the client itself waits for ever


class HelperError(Exception):
    """The command fails, and quotes the helper."""


class Vault:
    """Commands of the client. Parameters: `guarded`, the world; `prefix`, of its variables."""

    def __init__(self, guarded: Guarded, prefix: str = "VAULT") -> None:
        self._guarded = guarded
        url = f"https://{guarded.host}"
        self._environ = {**guarded.wired.environ, "VAULT_ADDR": url}
        if prefix == "BAO":
            # Two addresses and nothing else; HOME stands in for the password database.
            home = str(guarded.wired.world.home)
            self._environ = {"HOME": home, "BAO_ADDR": url, "VAULT_ADDR": url}
        file = guarded.wired.world.home / f".{'bao' if prefix == 'BAO' else 'vault'}"
        found = _LINE.search(file.read_text())
        assert found, "no token_helper"
        self._helper = found[1].replace('\\"', '"').replace("\\\\", "\\")
        if not Path(self._helper).exists():
            raise HelperError("unknown error getting the external helper path")

    def read(self, path: str) -> int:
        """Read a secret; returns the server's status. Raises HelperError."""
        done = self._run("get")
        if done.status != 0:
            raise HelperError(done.told)
        token = done.stdout.decode()  # as it is: a line feed would be a part of it
        return self._guarded.fetch(path, {"X-Vault-Token": token} if token else {}).status

    def log_in(self, token: str) -> None:
        """Have a token stored. Raises HelperError."""
        done = self._run("store", token.encode())
        if done.status != 0:
            raise HelperError(done.told)
        assert not done.stdout

    def log_out(self) -> None:
        """Have the token erased. Raises HelperError."""
        done = self._run("erase")
        if done.status != 0:
            raise HelperError(done.told)

    def _run(self, verb: str, stdin: bytes = b"") -> Outcome:
        # Through a shell, with the verb behind the path.
        words = ["/bin/sh", "-c", f"{self._helper} {verb}"]
        return self._guarded.launch(words, stdin, seconds=_SECONDS, environ=self._environ)
