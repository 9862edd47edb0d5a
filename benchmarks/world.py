"""A scratch installation with a sandbox behind it, for benchmarks that need tokens."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import measure


class World:
    """One sandbox and two homes. Parameters: `told`, what the sandbox said; `folder`, scratch.

    `environ` is the environment of the home whose profile has its API key in a file;
    `environ_with_key`, of the one whose profile has it in an environment variable.
    """

    def __init__(self, told: dict[str, Any], folder: Path) -> None:
        self.url = str(told["url"])
        config = str(told["config"])
        in_variable = re.sub("(?m)^grant = .*$", 'grant = { env = "KEY" }', config)
        self.environ = _home(folder / "file", config)
        self.environ_with_key = _home(folder / "variable", in_variable, KEY=str(told["api_key"]))

    def stats(self) -> dict[str, int]:
        """Return the sandbox's counters."""
        with urllib.request.urlopen(f"{self.url}/_sandbox/stats") as answer:
            counters: dict[str, int] = json.load(answer)
            return counters

    def fault(self, fault: dict[str, Any]) -> None:
        """Let the sandbox do wrong: see `credhelper/sandbox/faults.py` for the members."""
        asked = urllib.request.Request(f"{self.url}/_sandbox/faults", json.dumps([fault]).encode())
        urllib.request.urlopen(asked).close()

    def forget(self) -> None:
        """Remove the cache of the home that has its key in a file."""
        shutil.rmtree(self.environ["CREDHELPER_CACHE_DIR"])


def _home(folder: Path, config: str, **more: str) -> dict[str, str]:
    """Write `config` into `folder`, and return an environment whose files are all there."""
    folder.mkdir()
    (folder / "config.toml").write_text(config)
    return measure.clean(
        CREDHELPER_CONFIG=str(folder / "config.toml"),
        CREDHELPER_CACHE_DIR=str(folder / "cache"),
        CREDHELPER_STATE_DIR=str(folder / "state"),
        **more,
    )


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
