"""A release as users install it: `python -m release.installed FOLDER`, with what was built.

pip takes the pure wheel, and pipx and uv the one with the native front for this machine, each into
an empty home. There it must tell its version, run the demo and have its manual pages, and leave
nothing when it is removed. What it needs comes from the registry.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.tags import sys_tags
from packaging.utils import parse_wheel_filename

BIN = Path(sys.executable).parent
EXTRA = "[sandbox]"
NAME = "credhelper"
# What pip, pipx and uv keep for themselves; and pipx its locks and logs.
_THEIRS = {".cache", "__pycache__"}
_TRIES = 3
PAGE = f"share/man/man1/{NAME}.1"
# What leads to the registry; nothing else of the shell that asks comes along.
_KEPT = ("PIP_", "UV_", "SSL_", "REQUESTS_", "HTTP_", "HTTPS_", "NO_PROXY", "http", "no_proxy")


@dataclass(frozen=True)
class Way:
    """One way to install: the commands, and where it puts what is looked at, below the home."""

    install: tuple[str, ...]
    remove: tuple[str, ...]
    program: str
    page: str


def ways(home: Path) -> dict[str, Way]:
    """Return all ways by name; a wheel's path goes behind the words of `install`."""
    pip = (str(home / "venv/bin/python"), "-m", "pip", "--disable-pip-version-check")
    pipx, uv = str(BIN / "pipx"), str(BIN / "uv")
    return {
        "pip": Way(
            (*pip, "install", "--quiet"),
            (*pip, "uninstall", "--quiet", "--yes", NAME),
            "venv/bin",
            f"venv/{PAGE}",
        ),
        "pipx": Way(
            (pipx, "install", "--quiet"), (pipx, "uninstall", NAME), ".local/bin", f".local/{PAGE}"
        ),
        "uv": Way(
            (uv, "tool", "install", "--quiet", "--python", sys.executable),
            (uv, "tool", "uninstall", "--quiet", NAME),
            ".local/bin",
            f".local/share/uv/tools/{NAME}/{PAGE}",
        ),
    }


def main(folder: Path) -> None:
    """Install in each way, and print a line for each. Raises SystemExit."""
    wheels = sorted(fitting(folder), key=lambda wheel: "none-any" not in wheel.name)
    if not wheels:
        raise SystemExit(f"{folder} has no wheel for this machine")
    for name in ways(folder):
        wheel = wheels[0 if name == "pip" else -1]
        with tempfile.TemporaryDirectory() as scratch:
            print(f"{name}: {wheel.name}", flush=True)
            _tried(Path(scratch), name, wheel)


def fitting(folder: Path) -> Iterator[Path]:
    """Give the wheels that this Python would install."""
    known = set(sys_tags())
    for wheel in folder.glob("*.whl"):
        if parse_wheel_filename(wheel.name)[3] & known:
            yield wheel


def _tried(home: Path, name: str, wheel: Path) -> None:
    way = ways(home)[name]
    kept = {key: text for key, text in os.environ.items() if key.startswith(_KEPT)}
    environ = {**kept, "HOME": str(home), "PATH": f"{home / way.program}:/usr/bin:/bin"}

    def run(*words: str) -> str:
        done = subprocess.run(
            words, env=environ, cwd=home, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{words}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    if name == "pip":
        run(sys.executable, "-m", "venv", str(home / "venv"))
    run(*way.install, f"{wheel}{EXTRA}")
    version = run(NAME, "--version").strip()
    (passed,) = [line for line in _demo(run).split("\n") if line.startswith("All ")]
    if not (home / way.page).is_file():
        raise SystemExit(f"{name}: there is no {way.page}")
    print(f"  {version}; demo: {passed}", flush=True)
    run(*way.remove)
    left = [
        str(path.relative_to(home))
        for path in sorted(home.rglob(f"*{NAME}*"))
        if not _THEIRS.intersection(path.parts) and path.suffix not in (".log", ".lock")
    ]
    if left:
        raise SystemExit(f"{name} leaves {left}")


def _demo(run: Callable[..., str]) -> str:
    """Run the demo, and again where the machine was too slow for its tokens of a few seconds."""
    for number in range(_TRIES):
        try:
            return run(NAME, "demo")
        except SystemExit as failed:
            if number == _TRIES - 1:
                raise
            print(f"  the demo failed, and runs again: {failed}", flush=True)
    raise AssertionError("no try was made")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
