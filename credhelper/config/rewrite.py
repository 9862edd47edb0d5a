"""Replaces the config file: under a lock, whole, and only if it reads back without a mistake."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Mapping

from credhelper.config import parse
from credhelper.core import paths
from credhelper.core.text import printable
from credhelper.errors import CacheError, ConfigError, reason
from credhelper.storage import files, leftovers, locks, ours

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.config.edit import Change

LOCK_WAIT = 10.0


def rewrite(
    path: str,
    lock_path: str,
    environ: Mapping[str, str],
    change: Change,
    judge: Callable[[parse.Config], None] | None = None,
    waiting: locks.Waiting | None = None,
) -> bool:
    """Make `change` to the config file; False, and no new file, when it changes nothing.

    Parameters:
    - path: of the file, absolute.
    - lock_path: absolute, in a private folder.
    - environ: the environment.
    - change: changes plain data.
    - judge: sees the new config before it is written, and may raise.
    - waiting: is open while another writer is waited for.

    Raises ConfigError, LockTimeoutError and CacheError. After an error the file is as it was.
    """
    if not os.path.isabs(path):
        raise ConfigError(f"{printable(path)}: the path of a config file must be absolute")
    from credhelper.config.edit import edited  # late: for who writes

    # Dotfile managers keep the file elsewhere and a symlink here: the symlink stays.
    target = os.path.realpath(path)
    with locks.one_writer(lock_path, "changing the config", LOCK_WAIT, waiting):
        old = paths.read_config(path, ours.judge_config(environ)) or b""
        config = parse.parse(old, path, environ)
        text = old.decode()
        new = edited(text, change)
        if new is None:
            raise ConfigError(
                f"{printable(path)}: this change would damage what is there",
                hint="edit the file by hand",
            )
        if new != text:
            config = parse.parse(new.encode(), path, environ)
        if judge:
            judge(config)
        if new == text:
            return False
        _replace(target, new.encode())
        return True


def _replace(target: str, new: bytes) -> None:
    """Put `new` in the place of `target`, with its mode; 0600 for a new file."""
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
