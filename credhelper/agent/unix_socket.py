"""The socket of an agent: in a private folder of ours, put there and taken away under a lock."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from credhelper.core.text import command, printable
from credhelper.errors import CacheError, CredhelperError, UsageError, reason
from credhelper.storage import files

_BACKLOG = 1024
_WAIT = 5.0  # seconds for another agent that starts or ends in the same folder
_PAUSE = 0.05
_LOOK = 1.0  # seconds for somebody at the socket to take a connection
_MOST_PATH = 107 if sys.platform == "linux" else 103  # bytes: `sun_path` without its NUL

Identity = tuple[int, int]  # device and inode


def listen(path: str, *, for_others: bool) -> tuple[socket.socket, Identity]:
    """Return a socket that listens at `path`, and what tells it from another one there.

    A socket at which nobody listens any more is replaced.

    Parameters:
    - path: absolute. Its folder is made if it is missing.
    - for_others: whether other users may connect, as far as they can reach it.

    Raises CredhelperError when somebody listens there already, CacheError for a folder that is not
    private and for what is no socket, UsageError for a path that is too long.
    """
    if len(os.fsencode(path)) > _MOST_PATH:
        raise UsageError(
            f"the path of a socket has at most {_MOST_PATH} bytes: {printable(path)}",
            hint="choose a shorter one: --socket PATH",
        )
    folder = os.path.dirname(path)
    try:
        files.make_folder(folder)
    except CacheError as error:
        # What makes a folder of ours private would harm one that others share, such as /tmp.
        other = os.path.join(folder, "credhelper-agent", "socket")
        hint = f"choose a folder that only this uses, such as: {command('--socket', other)}"
        raise CacheError(error.message, hint) from None
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _alone(folder):
            _clear(path)
            before = os.umask(0o111 if for_others else 0o177)
            try:
                listener.bind(path)
            finally:
                os.umask(before)
            listener.listen(_BACKLOG)
            listener.setblocking(False)
            return listener, _identity(os.lstat(path))
    except OSError as error:
        listener.close()
        raise CacheError(f"cannot listen at {printable(path)}: {reason(error)}") from None
    except BaseException:
        listener.close()
        raise


def withdraw(path: str, ours: Identity) -> None:
    """Remove the socket at `path` if it is still ours. Never raises."""
    with suppress(OSError, CredhelperError), _alone(os.path.dirname(path)):
        if _identity(os.lstat(path)) == ours:
            os.unlink(path)


def peer(connection: socket.socket) -> int:
    """Return the user id of who is at the other end. Raises OSError."""
    peercred = getattr(socket, "SO_PEERCRED", None)
    if peercred is not None:
        data = connection.getsockopt(socket.SOL_SOCKET, peercred, struct.calcsize("3i"))
        return int(struct.unpack("3i", data)[1])
    # macOS: SOL_LOCAL and LOCAL_PEERCRED of sys/un.h; a version, then the user.
    data = connection.getsockopt(0, 1, 76)
    return int(struct.unpack_from("2I", data)[1])


def _identity(found: os.stat_result) -> Identity:
    return found.st_dev, found.st_ino


@contextmanager
def _alone(folder: str) -> Iterator[None]:
    """Hold the lock of `folder`: the kernel's, on the folder itself, so that no file is left."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        until = time.monotonic() + _WAIT
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise CredhelperError(
                        f"another agent has been starting in {printable(folder)} for {_WAIT:.0f} s",
                        hint="try again, or choose another folder: --socket PATH",
                        retryable=True,
                    ) from None
                time.sleep(_PAUSE)
        yield
    finally:
        os.close(handle)


def _clear(path: str) -> None:
    """Remove a socket at which nobody listens. Raises CredhelperError for anything else."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise CacheError(
            f"{printable(path)} exists, and is not a socket",
            hint=f"move it away: {command('mv', path, path + '.old')}",
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as there:
        there.settimeout(_LOOK)
        try:
            there.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except (BlockingIOError, TimeoutError):
            pass  # its queue is full: somebody has it
    raise CredhelperError(
        f"an agent listens at {printable(path)} already",
        hint=f"use that one, or choose another: {command('--socket', path + '.2')}",
    )
