"""Running a program that prints a secret: no shell, no terminal, and a deadline."""

from __future__ import annotations

import os
import selectors
import signal
import stat
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

MOST_BYTES = 64 * 1024

_GRACE = 1.0
_LOOK_AGAIN = 0.05


class Unfinished(Exception):
    """We ended the child, because it took too long or printed too much."""


def find(program: str, environ: Mapping[str, str], *, but: str = "") -> str | None:
    """Return the absolute path of `program`, or None.

    Only absolute entries of PATH count: an empty or relative one means the current directory, where
    others may have put files. Parameters: `but`, the file name of another program: links to that do
    not count.
    """
    if program.startswith("/"):
        return program if _runs(program) else None
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder, program)
        if not folder.startswith("/") or not _runs(path):
            continue
        if not but or os.path.basename(os.path.realpath(path)) != but:
            return path
    return None


def run(arguments: Sequence[str], environ: Mapping[str, str], deadline: float) -> tuple[int, bytes]:
    """Return the exit status and the output of a program.

    Parameters: `arguments`, an absolute path first; `environ`, its whole environment; `deadline`,
    seconds. It runs in `/`, without stdin, in a session of its own. Its stderr is dropped, as it
    may hold the secret. Processes that it leaves behind go on. Raises Unfinished after ending it
    and its process group, and OSError when it does not start.
    """
    until = time.monotonic() + deadline
    process = subprocess.Popen(
        arguments,
        bufsize=0,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env=dict(environ),
        start_new_session=True,
    )
    assert process.stdout is not None  # noqa: S101  # for mypy: it is a pipe
    try:
        return _collect(process, process.stdout.fileno(), until, deadline)
    except BaseException:
        # Ctrl-C does not reach another session: so we pass it on.
        _end(process)
        raise
    finally:
        with suppress(OSError):
            process.stdout.close()


def _runs(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode) and os.access(path, os.X_OK)
    except OSError:
        return False


def _collect(
    process: subprocess.Popen[bytes], handle: int, until: float, deadline: float
) -> tuple[int, bytes]:
    os.set_blocking(handle, False)
    data = b""
    with selectors.DefaultSelector() as selector:
        selector.register(handle, selectors.EVENT_READ)
        while True:
            # The end is checked before the output is read: so no output is missed, and
            # grandchildren that keep the pipe open are not waited for.
            ended = process.poll() is not None
            chunk = _read(handle)
            data += chunk or b""
            if len(data) > MOST_BYTES:
                raise Unfinished(f"printed more than {MOST_BYTES // 1024} KiB")
            if chunk:
                continue
            if ended:
                return process.returncode, data
            left = until - time.monotonic()
            if left <= 0:
                raise Unfinished(f"did not end within {deadline:g} s")
            if chunk is None:
                selector.select(min(left, _LOOK_AGAIN))
            else:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(left)


def _read(handle: int) -> bytes | None:
    """Return the output that is there; b'' at its end, None if there may be more later."""
    try:
        return os.read(handle, MOST_BYTES)
    except BlockingIOError:
        return None


def _end(process: subprocess.Popen[bytes]) -> None:
    for number, timeout in ((signal.SIGTERM, _GRACE), (signal.SIGKILL, _GRACE)):
        # The group may be gone, or its leader may have become another user's process.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout)
