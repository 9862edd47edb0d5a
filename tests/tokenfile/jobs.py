"""What the tests of kept token files share: waiting, run folders, and when a token expires."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.worlds import World

TIMEOUT = 60.0


def expiry_of(token: str) -> int:
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return int(claims["exp"])


def run_folders(world: World) -> list[Path]:
    return sorted((world.root / "run" / "credhelper").glob("run-*"))


def until(happened: Callable[[], object], what: str) -> None:
    end = time.monotonic() + TIMEOUT
    while not happened():
        assert time.monotonic() < end, what
        time.sleep(0.05)
