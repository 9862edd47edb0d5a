"""Writing what we keep on disk: private folders, and files that are replaced whole.

Readers never lock (see `core.paths`), because writers write a new file, flush it and rename it over
the old one. Nothing is written to a folder that somebody else could have put there.
"""

from __future__ import annotations

import fcntl
import os
import stat

from credhelper.core.paths import close
from credhelper.core.text import command, printable, shell_word
from credhelper.errors import CacheError, reason

_CREATE = os.O_CREAT | os.O_NOFOLLOW


def complaint_about(folder: str) -> CacheError | None:
    """Return what is wrong with `folder` as a private folder of ours; None if nothing is.

    A missing folder is fine: we can make it. Raises CacheError if the system does not let us look.
    """
    found = look(folder)
    if found is None:
        return None
    if stat.S_ISLNK(found.st_mode):
        return CacheError(
            f"folder {folder} is a symlink",
            hint="point CREDHELPER_CACHE_DIR or CREDHELPER_STATE_DIR at the folder itself:"
            f" {shell_word(os.path.realpath(folder))}",
        )
    if not stat.S_ISDIR(found.st_mode):
        return CacheError(
            f"{folder} is not a folder",
            hint=f"move it away: {command('mv', folder, folder + '.old')}",
        )
    if found.st_uid != os.geteuid():
        return CacheError(
            f"folder {folder} belongs to another user (uid {found.st_uid})",
            hint=_to_whom(found),
        )
    if found.st_mode & 0o077:
        return CacheError(
            f"folder {folder} is open to other users (mode {stat.S_IMODE(found.st_mode):04o})",
            hint=command("chmod", "700", folder),
        )
    return None


def look(path: str) -> os.stat_result | None:
    """Return what lies at `path`, unfollowed; None if there is nothing.

    Raises CacheError if the system does not tell.
    """
    try:
        return os.lstat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CacheError(f"cannot look at {path}: {reason(error)}") from error


def _to_whom(found: os.stat_result) -> str:
    if os.geteuid() == 0:
        from credhelper.storage import ours

        return ours.as_user(found.st_uid)
    return "set CREDHELPER_CACHE_DIR and CREDHELPER_STATE_DIR to folders of your own"


def make_folder(folder: str) -> None:
    """Create `folder` and its missing parents, each for us alone.

    Raises CacheError when it cannot be made, is not private, or hangs from a folder that others may
    write to, or from somebody else's home while we are root.
    """
    missing = []
    at = folder
    while not os.path.lexists(at):
        missing.append(at)
        at = os.path.dirname(at)
    _distrust(at if missing else os.path.dirname(at), folder)
    for new in reversed(missing):
        try:
            os.mkdir(new, 0o700)
            os.chmod(new, 0o700)  # the umask may have taken our own bits
        except FileExistsError:
            continue  # another process made it: judged below like any other
        except OSError as error:
            raise CacheError(f"cannot make folder {folder}: {reason(error)}") from error
    wrong = complaint_about(folder)
    if wrong:
        raise wrong


def _distrust(ancestor: str, folder: str) -> None:
    from credhelper.storage import ours  # late: who only looks makes no folder

    try:
        wrong = ours.about_way(ancestor)
    except OSError as error:
        raise CacheError(f"cannot look at folder {ancestor}: {reason(error)}") from error
    if wrong:
        raise CacheError(f"folder {printable(folder)} {wrong.why}", wrong.hint)


def _hold(handle: int) -> None:
    # While this lock is held, a sweep knows that the writer lives: see `leftovers`.
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        pass  # no locks here: then a sweep goes by its age


def temporary_name(name: str) -> str:
    """Return a new name for the file that will replace `name`; `leftovers` reads it."""
    return f".{name}.{os.getpid()}.{os.urandom(4).hex()}.tmp"


class Room:
    """A new file whose place on the disk is reserved before its content is known.

    Parameters:
    - path: the file that it will replace.
    - size: bytes, at the least.

    Raises OSError: there is no such room.
    """

    def __init__(self, path: str, size: int) -> None:
        folder, name = os.path.split(path)
        self.temporary = os.path.join(folder, temporary_name(name))
        self.handle = os.open(self.temporary, os.O_WRONLY | os.O_EXCL | _CREATE, 0o600)
        try:
            _hold(self.handle)
            os.fchmod(self.handle, 0o600)
            _write_all(self.handle, bytes(size))
            os.fsync(self.handle)
        except BaseException:
            self.give_back()
            raise

    def fill(self, path: str, data: bytes) -> None:
        """Put `data` at `path` for good. Raises OSError; the old file is then untouched."""
        os.lseek(self.handle, 0, os.SEEK_SET)
        _write_all(self.handle, data)
        os.ftruncate(self.handle, len(data))
        os.fsync(self.handle)
        os.replace(self.temporary, path)
        _flush_folder(None, os.path.dirname(path))

    def give_back(self) -> None:
        """Remove the file, if it has not replaced another one."""
        try:
            os.unlink(self.temporary)
        except OSError:
            pass  # it was renamed already
        close(self.handle)


def has_room(folder: str, size: int) -> bool:
    """Tell whether `replace` could put a file of `size` bytes into `folder`, which is ours."""
    probe = os.path.join(folder, f".room.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    try:
        replace(probe, bytes(size))
        os.unlink(probe)
    except OSError:
        return False
    return True


def replace(path: str, data: bytes, *, durable: bool = False, folder: int | None = None) -> None:
    """Put `data` at `path` whole: a new private file, flushed, renamed over the old one.

    Parameters:
    - durable: also flush the folder, for what cannot be made again.
    - folder: the open handle of the file's folder, where its name might lead elsewhere by now.

    Raises OSError; the old file is then untouched.
    """
    above, name = os.path.split(path)
    if folder is not None:
        above, path = "", name
    temporary = os.path.join(above, temporary_name(name))
    handle = os.open(temporary, os.O_WRONLY | os.O_EXCL | _CREATE, 0o600, dir_fd=folder)
    try:
        try:
            _hold(handle)
            os.fchmod(handle, 0o600)
            _write_all(handle, data)
            os.fsync(handle)
            os.replace(temporary, path, src_dir_fd=folder, dst_dir_fd=folder)
        finally:
            close(handle)
    except BaseException:
        try:
            os.unlink(temporary, dir_fd=folder)
        except OSError:
            pass  # the first error is the one to report
        raise
    if durable:
        _flush_folder(folder, above)


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _flush_folder(folder: int | None, path: str) -> None:
    try:
        handle = os.open(path or ".", os.O_RDONLY, dir_fd=folder)
    except OSError:
        return  # the file was replaced all the same
    try:
        os.fsync(handle)
    except OSError:
        pass  # some file systems cannot flush a folder
    finally:
        close(handle)
