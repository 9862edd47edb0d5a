"""The trace: one line for each decision, for people who want to know why."""

from __future__ import annotations

import errno
import os

from credhelper.core import paths
from credhelper.core.model import Secret
from credhelper.core.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


# The errors of open for a link, a socket, a FIFO without a reader, and another user's file.
_NOT_OURS = {errno.ELOOP, errno.ENXIO, errno.EACCES, errno.EPERM}
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def silent(event: str, **facts: object) -> None:
    """Trace nothing."""


def tracer(where: str) -> Callable[..., None]:
    """Return the function that traces a decision.

    Parameters:
    - where: the value of `CREDHELPER_TRACE`. Empty or `0` means nowhere, an absolute path a file
      that only we may read (many callers swallow stderr), anything else stderr.
    """
    if not where or where == "0":
        return silent
    path = where if where.startswith("/") else ""
    failed: list[str] = []

    def trace(event: str, **facts: object) -> None:
        pairs = " ".join(f"{name}={_printed(value)}" for name, value in facts.items())
        line = f"credhelper: trace: {os.getpid()} {event} {pairs}\n".encode()
        if not path:
            _say(line)
        elif not _append(path, line) and not failed:
            failed.append(path)
            _say(f"credhelper: warning: no trace: {printable(path)} is not ours alone\n".encode())

    return trace


def _say(line: bytes) -> None:
    try:
        os.write(2, line)
    except OSError:
        pass  # a trace is no reason to fail


def _append(path: str, line: bytes) -> bool:
    """Append `line`; False if the file is not private. A full disk is ignored."""
    try:
        handle = os.open(path, _FLAGS, 0o600)
    except OSError as error:
        return error.errno not in _NOT_OURS
    try:
        found = os.fstat(handle)
        if not paths.ours(found) or found.st_nlink != 1:
            return False
        os.fchmod(handle, 0o600)
        os.write(handle, line)
    except OSError:
        pass
    finally:
        paths.close(handle)
    return True


def _printed(value: object) -> str:
    if isinstance(value, Secret):
        return "***"
    text = printable(str(value))
    return repr(text) if " " in text else text
