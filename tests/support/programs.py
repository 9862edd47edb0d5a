"""The programs as a user has them: the wheel's files, or the tree where nothing is installed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_BIN = Path(sys.executable).parent
_TREE = Path(__file__).parent.parent.parent
_CALLED = (
    "import sys; sys.argv[0] = {!r}; from credhelper import entry; unserved = entry.main();"
    " from credhelper.edge import main; main.main(*unserved)"
)

INSTALLED = (_BIN / "credhelper").is_file()


def command(program: str = "credhelper") -> list[str]:
    """Return the words that start `program`.

    That is the program file beside this Python where the wheel is installed; otherwise this Python
    with the tree's package, as `clean_environment` lets it be found, and without the current folder
    on its path (-P), which the program files do not have either.
    """
    if INSTALLED:
        return [str(_BIN / program)]
    return [sys.executable, "-P", "-c", _CALLED.format(program)]


def python_program() -> Path:
    """Return the program file in Python: the tree's, where the native front is in its place."""
    program = _BIN / "credhelper"
    native = program.is_file() and program.read_bytes().startswith(b"\x7fELF")
    return _TREE / "credhelper/bin/credhelper" if native else program


def clean_environment(home: Path | str) -> dict[str, str]:
    """Return PATH, HOME and LANG, and nothing else that this machine happens to set."""
    environ = {"PATH": f"{_BIN}:/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8"}
    if not INSTALLED:
        environ["PYTHONPATH"] = str(_TREE)
    return environ


def python_environment() -> dict[str, str]:
    """Return the environment in which this Python finds the package under test."""
    environ = {"PATH": os.defpath, "LANG": "C.UTF-8"}
    if not INSTALLED:
        environ["PYTHONPATH"] = str(_TREE)
    return environ
