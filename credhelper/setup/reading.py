"""What stands in tools' files, for the modules of `tools`; and what they say of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from credhelper.core.text import printable
from credhelper.errors import ConfigError, UsageError
from credhelper.setup.formats import documents, ini
from credhelper.setup.plan import Finding, WiringRequest

BY_HAND = "fix it first, or add the lines by hand: --print shows them"

_Read = TypeVar("_Read")


def unreadable(path: str, error: ValueError) -> ConfigError:
    """Return the complaint about the file at `path` that its format's `error` makes."""
    return ConfigError(f"{printable(path)}: {error}", getattr(error, "hint", BY_HAND))


def document(request: WiringRequest, path: str, kind: str) -> dict[str, Any]:
    """Return what the file at `path` says, {} where there is none; `kind` as for `documents`.

    Raises ConfigError for one that cannot be read.
    """
    return _read(request, path, lambda text: documents.document(kind, text))


def sections(
    request: WiringRequest,
    path: str,
    read: Callable[[str], dict[str, dict[str, str]]] = ini.sections_in,
) -> dict[str, dict[str, str]]:
    """Return the sections of the file at `path`, as `document`. Parameters: `read`, its reader."""
    return _read(request, path, read)


def _read(
    request: WiringRequest, path: str, read: Callable[[str], Mapping[str, _Read]]
) -> dict[str, _Read]:
    try:
        return dict(read(request.read(path) or ""))
    except ValueError as error:
        if request.lenient:
            return {}
        raise unreadable(path, error) from error


def unwired(request: WiringRequest, path: str, what: str, kind: str) -> Finding:
    """Return what a check saw in the file at `path` that does not lead to us.

    Parameters:
    - what: it does not name.
    - kind: what it would be for: `a server`, at the service.
    """
    return Finding(trouble=f"{path} names no {what} for {kind} at {request.service}")


def called(request: WiringRequest, name: str, odd: str, who: str) -> str:
    """Return how to call our program `name`.

    Parameters:
    - odd: a character that the tool could not write, as a regular expression.
    - who: who would have to write it, and a verb: `rclone has`.

    Raises UsageError for a path with such a character in it.
    """
    found = request.program.called(name)
    if re.search(odd, found):
        raise UsageError(
            f"{who} no way to write this path: {found}",
            hint="put a link to it into a folder with a plainer name, first on PATH",
        )
    return found
