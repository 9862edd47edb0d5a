"""reproxy as a caller of our own: its flags, how it runs the helper, and when it asks again.

Written from remote-apis-sdks' flags (`--credentials_helper`, `--credentials_helper_args`) and what
its package credshelper was read to expect. It is not reproxy.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from pathlib import Path
from typing import Any

from integrations.callers import UNTIL_IT_ENDS, Guarded

_EARLY = 300  # seconds before the expiry at which it asks again
_SECONDS = 60.0  # it waits longer for the first answer


class HelperError(Exception):
    """Starting fails; the helper's stderr is in the log."""


class Reproxy:
    """One reproxy process. Attributes: `asked`, how often the helper ran."""

    def __init__(self, guarded: Guarded, config: Path) -> None:
        self.asked = 0
        self._guarded = guarded
        lines = [line.strip() for line in config.read_text().splitlines()]
        self._flags = dict(line.split("=", 1) for line in lines if line and line[0] != "#")
        self._headers: dict[str, str] = {}
        self._expiry = 0.0

    def call(self, path: str) -> int:
        """Call the service; returns its status. Raises HelperError."""
        if time.time() > self._expiry - _EARLY:
            self._ask()
        return self._guarded.fetch(path, self._headers).status

    def _ask(self) -> None:
        self.asked += 1
        words = [self._flags["credentials_helper"], *self._flags["credentials_helper_args"].split()]
        done = self._guarded.launch(words, UNTIL_IT_ENDS, seconds=_SECONDS)
        if done.status != 0:
            raise HelperError(done.told)
        answer: dict[str, Any] = json.loads(done.stdout)
        if not answer.get("token") or not answer.get("headers"):
            raise HelperError("both token and headers are needed")
        assert all(isinstance(value, str) for value in answer["headers"].values())
        # Go's time.UnixDate, and no other form.
        form = "%a %b %d %H:%M:%S UTC %Y"
        told = dt.datetime.strptime(answer["expiry"], form).replace(tzinfo=dt.UTC)
        self._expiry = told.timestamp()
        if self._expiry < time.time():
            raise HelperError("the helper's token has expired")
        self._headers = answer["headers"]
