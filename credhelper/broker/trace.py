"""The trace: one line for each decision, for people who want to know why."""

from __future__ import annotations

import os

from credhelper.core import paths
from credhelper.core.model import Secret
from credhelper.core.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


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

    def trace(event: str, **facts: object) -> None:
        pairs = " ".join(f"{name}={_printed(value)}" for name, value in facts.items())
        _append(path, f"credhelper: trace: {os.getpid()} {event} {pairs}\n".encode())

    return trace


def _append(path: str, line: bytes) -> None:
    handle = 2
    try:
        if path:
            handle = os.open(path, _FLAGS, 0o600)
            if paths.regular(os.fstat(handle)):
                os.fchmod(handle, 0o600)  # not /dev/null's mode, which root could change
        os.write(handle, line)
    except OSError:
        return  # a trace is no reason to fail
    finally:
        if handle > 2:
            os.close(handle)


def _printed(value: object) -> str:
    if isinstance(value, Secret):
        return "***"
    text = printable(str(value))
    return repr(text) if " " in text else text
