"""Backups: a tool's file as it was before the first change, below the state folder."""

from __future__ import annotations

import os
from contextlib import suppress
from hashlib import sha256

from credhelper.setup.disk import Found
from credhelper.storage import files


def folder(state: str) -> str:
    """Return the folder of the backups, below the state folder."""
    return os.path.join(state, "backups")


def path_of(state: str, target: str) -> str:
    """Return where the backup of `target` lies, below the state folder."""
    digest = sha256(target.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return os.path.join(folder(state), f"{os.path.basename(target).lstrip('.')}-{digest}")


def keep(state: str, found: Found) -> str | None:
    """Copy the file to a private backup, and return its path; None if there is no file."""
    if found.data is None:
        return None
    path = path_of(state, found.target)
    files.make_folder(os.path.dirname(path))
    files.replace(path, found.data, durable=True)
    return path


def drop(state: str, target: str) -> None:
    """Remove the backup of `target`: nothing of ours is in it any more."""
    path = path_of(state, target)
    with suppress(OSError):
        os.unlink(path)
    with suppress(OSError):
        os.rmdir(os.path.dirname(path))
