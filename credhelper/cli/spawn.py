"""Commands that `exec` starts: in place of this process, or beside the keeper of a token file."""

from __future__ import annotations

import errno
import os
import signal
from typing import NoReturn

from credhelper.cli import aws_endpoint, verbosity
from credhelper.cli.output import complain, flush
from credhelper.core.paths import close
from credhelper.core.text import quoted
from credhelper.errors import CredhelperError, reason
from credhelper.tokenfile import folder, formats, keeping

_CANNOT_RUN, _NO_COMMAND = 126, 127
_STOPS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


def run_beside_keeper(
    kept: keeping.Keeping,
    text: str,
    command: tuple[str, ...],
    environ: dict[str, str],
    beside: aws_endpoint.Beside | None = None,
) -> NoReturn:
    """Start `command`, and turn into the keeper of its token file. Does not return.

    Parameters:
    - kept: for the keeper; its `child`, `written`, `beside` and `line` are set here.
    - text: what the token file holds first.
    - environ: of the command.
    - beside: an endpoint to start before the command.

    Raises CredhelperError.
    """
    if kept.path:
        formats.put(kept.path, text.encode())
        kept.written = keeping.stamp(kept.path)
    flush()
    told = hush() if verbosity.current().quiet else -1
    # Block the keeper's signals: none may come between the start of the command and its keeper.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, keeping.watched())
    try:
        if beside:
            kept.beside, kept.line = beside.start()
        _start(kept, command, environ, before, told)
    except BaseException:
        _speak(told)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        raise
    keeping.become(kept)


def hush() -> int:
    """Give up stderr, for who keeps running with -q: what it would say are warnings.

    Returns a copy of what stderr was, which no other program gets.
    """
    told = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    close(nowhere)
    return told


def _speak(told: int) -> None:
    """Have the stderr that `hush` returned again; nothing for -1."""
    if told >= 0:
        os.dup2(told, 2)


def _start(
    kept: keeping.Keeping,
    command: tuple[str, ...],
    environ: dict[str, str],
    before: set[int],
    told: int,
) -> None:
    """Start `command` in a child process.

    Parameters:
    - before: the signals blocked in it.
    - told: its stderr, or -1 where it is ours.
    """
    kept.child = os.fork()
    if kept.child == 0:
        status = _CANNOT_RUN
        try:
            close(kept.handle)
            _speak(told)
            # Before the command does anything: `logout` names the folders of those that run.
            folder.serve(kept.folder, os.getpid())
            status = replace_process(command, environ, before)
            flush()
        finally:
            os._exit(status)


def replace_process(
    command: tuple[str, ...], environ: dict[str, str], mask: set[int] | None = None
) -> int:
    """Turn this process into `command`; return an exit status only if that cannot be done.

    Parameters:
    - environ: of the command.
    - mask: the signals that the command finds blocked; None for those that are blocked now.
    """
    flush()
    for number in _STOPS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    for number in _IGNORED_BY_PYTHON:
        signal.signal(number, signal.SIG_DFL)
    if mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    try:
        if not command[0]:
            raise FileNotFoundError
        os.execvpe(command[0], list(command), environ)  # noqa: S606  # that is what exec is for
    except (FileNotFoundError, NotADirectoryError):
        complain(CredhelperError(f"command {quoted(command[0])} not found"))
        return _NO_COMMAND
    except (OSError, ValueError) as error:
        refused = error if isinstance(error, OSError) else OSError(errno.EINVAL, "")
        why = reason(refused).lower()
        hint = "does it begin with a #! line?" if refused.errno == errno.ENOEXEC else None
        complain(CredhelperError(f"command {quoted(command[0])} cannot be run: {why}", hint))
        return _CANNOT_RUN
