"""Reading what we have on disk, and believing only what is ours.

A record is lines: a format version, then `key=value`, then `end` with a check sum: a disk that
changed a digit of an expiry would have us serve a dead token for years. Readers never lock: writers
replace whole files (see `cache`). Nothing is read from a folder or file that somebody else could
have put there, and nothing here waits: not for a lock, not for a FIFO.
"""

import errno

try:
    # `os` is half C, half Python; the Python half costs more than all the rest of a warm answer.
    import posix as os
except ImportError:
    import os  # type: ignore[no-redef]  # the same names, on a platform that is not POSIX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

HEADER = "credhelper-record 1"
MOST_BYTES = 4 * 1024 * 1024

_PRIME = 2**61 - 1

POSIX = hasattr(os, "geteuid")
_READ = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
)
# The bits of st_mode, as POSIX has them (sys/stat.h): what kind of file, and who else may use it.
_KIND = 0o170000
_REGULAR = 0o100000
_FOLDER = 0o040000
_OTHERS = 0o077


def decode(data: bytes) -> "dict[str, str] | None":
    """Return the fields of a record, or None for anything that is not a whole record."""
    body = data[: data.rfind(b"\n", 0, -1) + 1]
    if data != body + end(body):
        return None
    try:
        lines = data.decode("ascii").split("\n")
    except UnicodeDecodeError:
        return None
    if lines[0] != HEADER:
        return None
    fields = {}
    for line in lines[1:-2]:
        key, equals, value = line.partition("=")
        if not equals:
            return None
        fields[key] = value
    return fields


def end(body: bytes) -> bytes:
    """Return the last line of a record whose other lines are `body`."""
    # Modulo a prime: no change of one byte goes unseen. It guards against accidents only.
    return b"end %x\n" % (int.from_bytes(body, "big") % _PRIME)


def number(fields: "Mapping[str, str]", key: str) -> int:
    """Return field `key` as a whole number; 0 when it is absent or is not one."""
    text = fields.get(key, "")
    digits = text[1:] if text.startswith("-") else text
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 16 else 0


def regular(found: "os.stat_result") -> bool:
    """Tell whether what was found is a regular file."""
    return found.st_mode & _KIND == _REGULAR


def private_folder(folder: str) -> bool:
    """Tell whether `folder` is there, no symlink, ours, and closed to everybody else."""
    try:
        found = os.lstat(folder)
    except OSError:
        return False
    if not POSIX:
        return found.st_mode & _KIND == _FOLDER
    return (
        found.st_mode & _KIND == _FOLDER
        and found.st_uid == os.geteuid()
        and not found.st_mode & _OTHERS
    )


def read_private(path: str) -> bytes | None:
    """Return the bytes of a file of ours, or None when there is none that we may believe.

    Believed is a regular file that is ours, that nobody else can read or write and that is not
    reached through a symlink.
    """
    for _ in range(3):
        try:
            handle = os.open(path, _READ)
        except OSError as error:
            if error.errno == errno.ESTALE:
                continue  # NFS: the name was replaced under us; the next look finds the new file
            return None
        try:
            found = os.fstat(handle)
            if not regular(found) or found.st_size > MOST_BYTES:
                return None
            if POSIX and (found.st_uid != os.geteuid() or found.st_mode & _OTHERS):
                return None
            return os.read(handle, found.st_size + 1)
        except OSError as error:
            if error.errno != errno.ESTALE:
                return None
        finally:
            os.close(handle)
    return None
