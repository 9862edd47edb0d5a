"""Program files that start coverage, in place of the installed ones in one environment."""

from __future__ import annotations

from pathlib import Path

_BEFORE = "try:\n    if sys.version_info"
# Neither program files nor the keeper and the endpoint load site, through which coverage starts.
_START = """import sys

sys.path.append({site!r})
import os
import posix

import coverage

coverage.Coverage(config_file={config!r}, data_suffix=True).start()
execv = os.execv


def measured(path, words):
    words = list(words)
    if words[1:4] == ["-I", "-S", "-c"]:
        words[4] = {again!r} + words[4]
    execv(path, words)


os.execv = measured
# What is changed in `os` the warm half takes from `posix`.
for name in ("_exit", "fork", "execv", "execve"):
    setattr(posix, name, getattr(os, name))
"""


def install(folder: Path, start: Path, config: Path) -> None:
    """Replace the program files in `folder`.

    Parameters: `start`, where to put what starts coverage; `config`, coverage's own file.
    """
    import coverage  # only that environment has it

    site = str(Path(coverage.__file__).parent.parent)
    start.write_text(_START.format(site=site, config=str(config), again=_again(start)))
    for source in (Path(__file__).parent.parent.parent / "credhelper/bin").iterdir():
        path = folder / source.name
        path.write_text(measured(source.read_text(), start))
        path.chmod(0o755)


def measured(source: str, start: Path) -> str:
    """Return the text of a program file that runs the file `start` first."""
    head, mark, rest = source.partition(_BEFORE)
    assert mark, "the program files have changed"
    return head + _again(start) + mark + rest


def _again(start: Path) -> str:
    return f"exec(open({str(start)!r}).read(), {{}})\n"
