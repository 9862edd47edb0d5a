"""Other tools' files on disk: read and checked first, then replaced whole.

A symlink stays, and its target is changed. Mode, group, extended attributes, byte order mark and
line ends stay as they are. Where one of them cannot be kept, the change is refused.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass, field

from credhelper.core.paths import READ, close
from credhelper.core.text import command, printable
from credhelper.errors import CacheError, ConfigError, reason
from credhelper.storage import ours

_BOM = b"\xef\xbb\xbf"
_MOST_BYTES = 4 * 1024 * 1024
_TEMPORARY = ".credhelper-"
_BY_HAND = "add the lines by hand: --print shows them"


@dataclass(frozen=True)
class Found:
    """A tool's file as it is.

    Parameters: `path`, as the tool names it; `target`, where it really is; `data`, its bytes, or
    None if it is not there; `status` of the target, if it is there; `missing`, folders above the
    target that are not there, the outermost first.
    """

    path: str
    target: str
    data: bytes | None = field(repr=False)
    status: os.stat_result | None
    missing: tuple[str, ...]

    @property
    def marked(self) -> bool:
        """Whether a byte order mark stands first."""
        return (self.data or b"").startswith(_BOM)

    @property
    def text(self) -> str:
        """The text, without a byte order mark; bytes that are not UTF-8 survive a round trip."""
        return (self.data or b"").removeprefix(_BOM).decode("utf-8", "surrogateescape")

    def bytes_of(self, text: str) -> bytes:
        """Return `text` as this file's bytes."""
        mark = _BOM if self.marked else b""
        return mark + text.encode("utf-8", "surrogateescape")


def look(path: str) -> Found:
    """Return the file at `path` as it is. Raises ConfigError for a file that we do not change."""
    target = os.path.realpath(path)
    shown = printable(path)
    try:
        handle = os.open(target, READ)
    except (FileNotFoundError, NotADirectoryError):
        return Found(path, target, None, None, tuple(_missing(os.path.dirname(target), shown)))
    except OSError as error:
        raise ConfigError(
            f"{shown}: cannot be read: {reason(error)}", command("ls", "-l", path)
        ) from error
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(
                f"{shown}: not a regular file", f"see what it is: {command('ls', '-ld', path)}"
            )
        with open(handle, "rb", closefd=False) as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            f"{shown}: cannot be read: {reason(error)}", command("ls", "-l", path)
        ) from error
    finally:
        close(handle)
    if len(data) > _MOST_BYTES:
        raise ConfigError(f"{shown}: larger than {_MOST_BYTES // 1024 // 1024} MiB", _BY_HAND)
    if b"\0" in data:
        raise ConfigError(f"{shown}: holds a NUL byte: it is not text in UTF-8", _BY_HAND)
    return Found(path, target, data, status, ())


def _unreadable(path: str, error: OSError) -> ConfigError:
    why = f"{printable(path)}: cannot be read: {reason(error)}"
    return ConfigError(why, f"see whose it is: {command('ls', '-l', path)}")


def refuse_unwritable(found: Found) -> None:
    """Raise CacheError if `found` could not be replaced without harm."""
    shown = printable(found.path)
    folder = os.path.dirname(found.target)
    if found.status is not None:
        if found.status.st_uid != os.geteuid():
            raise CacheError(
                f"{shown} belongs to another user (uid {found.status.st_uid})",
                hint=ours.as_user(found.status.st_uid),
            )
        if not found.status.st_mode & stat.S_IWUSR:
            raise CacheError(
                f"{shown} is read-only (mode {stat.S_IMODE(found.status.st_mode):04o})",
                hint="if no other program makes it: " + command("chmod", "u+w", found.target),
            )
        if found.status.st_nlink > 1:
            raise CacheError(
                f"{shown} has {found.status.st_nlink} names (hard links): a new file would part"
                " them",
                hint=_BY_HAND,
            )
    _refuse_folder(os.path.dirname(found.missing[0]) if found.missing else folder, shown)


def _refuse_folder(folder: str, shown: str) -> None:
    try:
        status = os.stat(folder)
    except OSError as error:
        why = f"cannot write {shown}: folder {printable(folder)}: {reason(error)}"
        raise CacheError(why, command("ls", "-ld", folder)) from error
    writable = status.st_mode & stat.S_IWUSR or status.st_uid != os.geteuid()
    if not writable or not os.access(folder, os.W_OK | os.X_OK):
        raise CacheError(
            f"cannot write {shown}: folder {printable(folder)} is read-only",
            hint="let whoever makes this file add the lines: --print shows them",
        )


def place_of_link(path: str) -> tuple[str, ...]:
    """Return the missing folders above a symlink at `path`, outermost first.

    Raises ConfigError, or CacheError where the link could not be made.
    """
    shown = printable(path)
    missing = _missing(os.path.dirname(path), shown)
    _refuse_folder(os.path.dirname(missing[0] if missing else path), shown)
    return tuple(missing)


def make_folder(folder: str) -> bool:
    """Make `folder` for us alone; False if it is there already."""
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        return False
    os.chmod(folder, 0o700)  # the umask may have taken our own bits
    return True


def put(found: Found, data: bytes | None) -> None:
    """Put `data` in the place of `found`, whole, 0600 if it is new; None removes the file.

    Raises OSError, and CacheError when another program has changed the file meanwhile.
    """
    if data is None:
        _unchanged(found)
        os.unlink(found.target)
        return
    temporary = f"{found.target}{_TEMPORARY}{os.getpid()}-{os.urandom(4).hex()}"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        try:
            with open(handle, "wb", closefd=False) as file:
                file.write(data)
            if found.status is not None:
                _like(handle, found.target, found.status)
            os.fsync(handle)
        finally:
            close(handle)
        _unchanged(found)
        os.replace(temporary, found.target)
    except BaseException:
        with suppress(OSError):  # the first error is the one to report
            os.unlink(temporary)
        raise


def put_back(found: Found) -> None:
    """Undo a `put`: write the file as it was found."""
    put(look(found.path), found.data)


def left_beside(target: str) -> str:
    """Return the pattern of the temporary files that a killed `put` leaves beside `target`."""
    return rf"{re.escape(os.path.basename(target) + _TEMPORARY)}\d+-[0-9a-f]{{8}}"


def sweep(folder: str, pattern: str) -> None:
    """Remove the files in `folder` whose whole name matches: their writer was killed."""
    with suppress(OSError):  # tidiness is not worth an error
        for name in os.listdir(folder):
            if re.fullmatch(pattern, name):
                os.unlink(os.path.join(folder, name))


def _like(handle: int, target: str, status: os.stat_result) -> None:
    """Give the new file the old one's group, attributes and mode."""
    if os.fstat(handle).st_gid != status.st_gid:
        try:
            os.fchown(handle, -1, status.st_gid)
        except PermissionError as error:
            raise CacheError(
                f"cannot keep the group of {printable(target)} (gid {status.st_gid})",
                hint=_BY_HAND,
            ) from error
    if hasattr(os, "listxattr"):
        try:
            for name in os.listxattr(target):
                os.setxattr(handle, name, os.getxattr(target, name))
        except OSError:
            pass  # a file system without them, or labels that the system gives by itself
    os.fchmod(handle, stat.S_IMODE(status.st_mode))


def _unchanged(found: Found) -> None:
    now = look(found.path)
    if (now.target, now.data) != (found.target, found.data):
        raise CacheError(
            f"{printable(found.path)} was changed by another program just now", hint="try again"
        )


def _missing(folder: str, shown: str) -> list[str]:
    missing = []
    while not os.path.isdir(folder):
        if os.path.lexists(folder):
            raise ConfigError(
                f"{shown}: {printable(folder)} is not a folder",
                f"see what it is: {command('ls', '-l', folder)}",
            )
        missing.append(folder)
        folder = os.path.dirname(folder)
    return missing[::-1]
