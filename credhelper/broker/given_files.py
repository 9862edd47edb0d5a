"""Notes of the files that tokens were written into for others: `logout` names them."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from credhelper.core import paths
from credhelper.core.digest import sha256
from credhelper.errors import CredhelperError
from credhelper.storage.slot import Slot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.broker.context import Context

_NOTE = ".given"


def note(context: Context, path: str, profile: str) -> None:
    """Note, before it is written, that the file at `path` will hold a token of `profile`."""
    from urllib.parse import quote

    encoded = os.fsencode(path)
    slot = _slot(context, sha256(encoded)[:32] + _NOTE)
    with suppress(CredhelperError):  # the token is worth more than the note
        slot.save({"path": quote(encoded), "profile": profile})


def known(context: Context) -> list[tuple[str, str]]:
    """Return the path of each file that is still there, and the profile whose token it holds."""
    folder = _slot(context, "").folder
    try:
        names = sorted(os.listdir(folder)) if folder else []
    except OSError:
        return []
    found = []
    for name in names:
        if name.endswith(_NOTE):
            from urllib.parse import unquote_to_bytes

            slot = _slot(context, name)
            fields = slot.find() or {}
            path = os.fsdecode(unquote_to_bytes(fields.get("path", "")))
            if os.path.lexists(path):
                found.append((path, fields.get("profile", "")))
    return found


def _slot(context: Context, name: str) -> Slot:
    state = paths.state_dir(context.environ, sys.platform)
    return Slot(state and os.path.join(state, "given"), name, warn=context.warn)
