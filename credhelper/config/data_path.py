"""Reads the path of data in a profile's `aws`: `/runs/42/` in v2, `gds://VOLUME/runs/42/` in v1.

A path that ends in `/` is a folder, any other a file. It is sent as it stands, and only the data
that lies at the very same characters counts: so a path has one spelling.
"""

from __future__ import annotations

import re
from collections.abc import Callable

GDS = "gds://"
_VOLUME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def in_project(text: str) -> str:
    """Return `text` if it is a path in a project of v2; raises ValueError."""
    if not text.startswith("/"):
        raise ValueError("expected a path that begins with '/', as in '/runs/42/'")
    _check(text, "the whole project has no keys of its own")
    return text


def in_volume(text: str) -> str:
    """Return `text` if it is a path in a volume of v1; raises ValueError."""
    volume, slash, path = text.removeprefix(GDS).partition("/")
    if not text.startswith(GDS) or not _VOLUME.fullmatch(volume) or not slash:
        raise ValueError("expected 'gds://VOLUME/PATH', as in 'gds://my-volume/runs/42/'")
    if "," in path or "*" in path:
        # Each request names a list of patterns: there is no way to say that they are none.
        raise ValueError("must not hold ',' or '*', which v1 reads as more than one path")
    _check(slash + path, "for a whole volume, give its id: volume = 'ID'")
    return text


# By the name of the API: see `profile.APIS`.
CHECKS: dict[str, Callable[[str], str]] = {"iap": in_volume, "ica": in_project}


def _check(path: str, root: str) -> None:
    names = path[1:].removesuffix("/").split("/")
    if names == [""] and path == "/":
        raise ValueError(f"expected a folder or file: {root}")
    if any(name in ("", ".", "..") for name in names):
        raise ValueError("must have neither '//' nor '.' or '..' between its slashes")
