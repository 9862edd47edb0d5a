"""How keys, values and headers are spelled in TOML, in the way that the text has already."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def key(name: str) -> str:
    """Return one key as TOML spells it, in quotes where it needs them."""
    return name if _BARE.fullmatch(name) else _text(name)


def header(place: Iterable[str | int]) -> str:
    """Return the header of the table at `place`."""
    return f"[{'.'.join(key(str(one)) for one in place)}]"


def value(wanted: Any, like: str = "") -> str:
    """Return a value on one line.

    Parameters:
    - wanted: text, a number, a truth, or a list or table of such.
    - like: how the value before it is spelled: text keeps its quotes.
    """
    if isinstance(wanted, str):
        literal = like.startswith("'") and wanted.isprintable() and "'" not in wanted
        return f"'{wanted}'" if literal else _text(wanted)
    if isinstance(wanted, list):
        return f"[{', '.join(map(value, wanted))}]"
    if isinstance(wanted, dict):
        return f"{{{', '.join(pair(name, one) for name, one in wanted.items())}}}"
    return json.dumps(wanted)


def pair(name: str, wanted: Any) -> str:
    """Return a key and its value."""
    return f"{key(name)} = {value(wanted)}"


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
