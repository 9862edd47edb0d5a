"""Which front answers a warm request: the native one, or the program file in Python."""

from __future__ import annotations

import os
from collections.abc import Sequence

from credhelper.core.paths import READ, close

NATIVE, PYTHON = "native", "Python"

_NAME = "credhelper"
_ELF = b"\x7fELF"


def of(program: str) -> str | None:
    """Return the front that the program at the path `program` is, or None if it cannot be read."""
    try:
        handle = os.open(program, READ)
    except OSError:
        return None
    try:
        return NATIVE if os.read(handle, len(_ELF)) == _ELF else PYTHON
    except OSError:
        return None
    finally:
        close(handle)


def installed(own: str, executable: str) -> tuple[str, str] | None:
    """Return the front that we lie beside, and its path; None without a program file.

    Parameters: `own`, the first word that we were started with; `executable`, of this Python.
    """
    places: Sequence[str] = (os.path.dirname(executable),)
    if os.path.isabs(own):
        places = (os.path.dirname(own), os.path.dirname(os.path.realpath(own)), *places)
    for place in places:
        path = os.path.join(place, _NAME)
        found = of(path)
        if found:
            return found, path
    return None
