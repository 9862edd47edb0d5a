"""The kept corpus: inputs that once found something, or lead where seeds do not.

`corpus/NAME.txt` has an input a line: bytes as Latin-1 in a JSON string. Lines that begin with `#`
say what the next one found.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.fuzz.target import Target

FOLDER = Path(__file__).parent / "corpus"


def kept(name: str) -> list[bytes]:
    """Return the inputs that are kept for the target `name`."""
    path = FOLDER / f"{name}.txt"
    lines = path.read_text("ascii").split("\n") if path.is_file() else []
    return [json.loads(line).encode("latin-1") for line in lines if line and line[0] != "#"]


def line(data: bytes) -> str:
    """Return the line that keeps an input."""
    return json.dumps(data.decode("latin-1"))


def inputs(target: Target) -> list[bytes]:
    """Return what is known to be of use: the seeds, and what is kept."""
    return list(dict.fromkeys([*target.seeds, *kept(target.name)]))
