"""docs/demo.svg, README's picture: the first steps of `credhelper demo` in a terminal.

`python -m tests.support.picture` writes it (`make docs`): it runs the demo, and puts fixed values
in the place of what differs from run to run. A test compares it to what the demo prints today.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path

PICTURE = Path(__file__).parent.parent.parent / "docs" / "demo.svg"

_PORT, _FINGERPRINT, _UNTIL, _SECONDS = "8080", "5ca1ab1e", "2026-01-02 03:04:05 +00:00", "20"
_COLUMNS, _LINE, _CHARACTER, _MARGIN = 80, 18, 8, 16  # characters, then pixels
_HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" role="img">
<title>credhelper demo</title>
<style>
text {{ font: 13px ui-monospace, Menlo, Consolas, monospace; fill: #d6dae0; white-space: pre }}
.step {{ fill: #ffffff; font-weight: bold }}
.typed {{ fill: #8ec7ff }}
.ok {{ fill: #8fd694 }}
</style>
<rect width="100%" height="100%" rx="8" fill="#1d2129"/>
"""


def picture(printed: str) -> str:
    """Return the picture of a demo.

    Parameters: `printed`, all that `credhelper demo` wrote to stdout.
    """
    lines = [line for long in _shown(fixed(printed)) for line in _wrapped(long)]
    width = 2 * _MARGIN + _COLUMNS * _CHARACTER
    height = 2 * _MARGIN + len(lines) * _LINE
    texts = [
        f'<text x="{_MARGIN}" y="{_MARGIN + (number + 1) * _LINE - 5}"{_kind(line)}>'
        f"{escape(line, quote=False)}</text>"
        for number, line in enumerate(lines)
        if line
    ]
    return _HEAD.format(width=width, height=height) + "\n".join(texts) + "\n</svg>\n"


def fixed(printed: str) -> str:
    """Return what a demo printed, with fixed values for its port, ids, times and duration."""
    text = re.sub(r"(http://127\.0\.0\.1:)\d+", rf"\g<1>{_PORT}", printed)
    text = re.sub(r"\btoken [0-9a-f]{8}\b", f"token {_FINGERPRINT}", text)
    text = re.sub(r"\bone until [\d-]+ [\d:]+ [+-][\d:]+", f"one until {_UNTIL}", text)
    return re.sub(r"\bpassed, in \d+ s\b", f"passed, in {_SECONDS} s", text)


def _shown(text: str) -> Iterator[str]:
    """Yield the command, the log-in and the tools' answers: the rest is longer than a screen."""
    steps = re.split(r"^(?=\d+\. )", text, flags=re.MULTILINE)
    yield "$ credhelper demo"
    for step in steps[2:7]:
        yield from step.rstrip("\n").split("\n")
        yield ""
    yield next(line for line in text.split("\n") if line.startswith("All "))


def _wrapped(line: str) -> list[str]:
    """Return the line as a terminal of 80 columns shows it."""
    return [line[at : at + _COLUMNS] for at in range(0, len(line), _COLUMNS)] or [""]


def _kind(line: str) -> str:
    for pattern, kind in ((r"\d+\. ", "step"), (r" *\$ ", "typed"), (r"   ok: |All ", "ok")):
        if re.match(pattern, line):
            return f' class="{kind}"'
    return ""


if __name__ == "__main__":
    demo = Path(sys.executable).parent / "credhelper"
    done = subprocess.run([demo, "demo"], stdout=subprocess.PIPE, text=True, check=True)
    PICTURE.write_text(picture(done.stdout))
