"""The config file in the place of the old one: whole, with its mode, and by its owner alone."""

from __future__ import annotations

import errno
import os
import stat

from credhelper.core.text import printable
from credhelper.errors import CacheError, reason
from credhelper.storage import files, leftovers, ours


def replace(target: str, new: bytes) -> None:
    """Put `new` in the place of `target`, with its mode; 0600 for a new file.

    Parameters: `target`, absolute, no symlink. Raises CacheError.
    """
    folder = os.path.dirname(target)
    shown = printable(target)
    try:
        if not os.path.isdir(folder):
            files.make_folder(folder)
        wrong = ours.about_way(folder)
        if wrong:
            raise CacheError(f"{shown} {wrong.why}", wrong.hint)
        mode = _mode(target)
        leftovers.sweep(*os.path.split(target))
        files.replace(target, new, durable=True)
        if mode is not None:
            os.chmod(target, mode)
    except OSError as error:
        hint = "mount the folder instead of the file" if error.errno == errno.EBUSY else None
        raise CacheError(f"cannot write {shown}: {reason(error)}", hint) from error


def _mode(target: str) -> int | None:
    try:
        found = os.stat(target)
    except FileNotFoundError:
        return None
    if found.st_uid != os.geteuid():
        # A rename would make us the owner of the file.
        raise CacheError(
            f"{printable(target)} belongs to another user (uid {found.st_uid})",
            hint=ours.as_user(found.st_uid),
        )
    return stat.S_IMODE(found.st_mode)
