"""A scratch installation with a sandbox behind it, for benchmarks that need tokens."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import measure


class World:
    """One sandbox and one home. Parameters: `told`, what the sandbox said; `folder`, scratch."""

    def __init__(self, told: dict[str, Any], folder: Path) -> None:
        self.url = str(told["url"])
        self.config = folder / "config.toml"
        self.config.write_text(str(told["config"]))
        self.environ = measure.clean(
            CREDHELPER_CONFIG=str(self.config),
            CREDHELPER_CACHE_DIR=str(folder / "cache"),
            CREDHELPER_STATE_DIR=str(folder / "state"),
        )

    def stats(self) -> dict[str, int]:
        """Return the sandbox's counters."""
        with urllib.request.urlopen(f"{self.url}/_sandbox/stats") as answer:
            counters: dict[str, int] = json.load(answer)
            return counters


@contextlib.contextmanager
def running(*options: str) -> Iterator[World]:
    """Yield a World whose sandbox was started with `options`, and end it afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        sandbox = subprocess.Popen(
            [sys.executable, "-I", "-m", "credhelper.sandbox", *options], stdout=subprocess.PIPE
        )
        assert sandbox.stdout is not None
        try:
            yield World(json.loads(sandbox.stdout.readline()), Path(folder))
        finally:
            sandbox.terminate()
            sandbox.wait(10)
            sandbox.stdout.close()
