"""The keeper: a small process that waits, and has a child renew a token file when it is due.

`exec --refresh` and `watch` turn into it. It sleeps in the kernel until the token is due, until a
signal comes, or for ten seconds, and loads nothing of what a renewal takes: the child loads that,
writes the file, and ends. Signals are blocked and taken one by one, so none can come between two
lines.
"""

import _signal  # `signal` builds enums that are never used here
import posix as os  # all that is needed, without what `os` brings along
import sys
import time

from credhelper.core import ending
from credhelper.tokenfile import signals
from credhelper.tokenfile.keeping import (
    JOB_CONTROL,
    PASSED_ON,
    Keeping,
    stamp,
    unpack,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

# Also a laptop that was shut, and a token that was rejected or rotated, are noticed.
_LONGEST_SLEEP = 10.0
_SHORTEST_PAUSE, _LONGEST_PAUSE = 2.0, 60.0
_TIMEOUT = 5.0  # seconds for a renewal that is going on when the command ends
_REFRESH = 30.0  # seconds more for one that has sent a refresh, and cannot be broken off
_ALONE = (
    b"credhelper: warning: the endpoint for AWS keys was killed: the command gets no more of them\n"
    b"credhelper: hint: start the command again\n"
)
_KIND, _FOLDER = 0o170000, 0o040000  # bits of st_mode


def main() -> "NoReturn":
    """Keep the file that the command line names. Does not return."""
    keeping = Keeping.from_words(sys.argv[1:])
    for handle in (keeping.handle, keeping.line):
        if handle >= 0:
            os.set_inheritable(handle, False)
    _leave_streams(keeping)
    how = keep(keeping)
    _end_tidily(keeping)
    signals.end(*how)


def _leave_streams(keeping: Keeping) -> None:
    """Hold neither stdin nor stdout: who is at their other end is to see the command let go."""
    try:
        null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return
    for stream in (0, 1):
        if stream not in (null, keeping.handle, keeping.line):
            os.dup2(null, stream)
    if null > 1:
        _close(null)


def keep(
    keeping: Keeping,
    clock: "Callable[[], float]" = time.time,
    monotonic: "Callable[[], float]" = time.monotonic,
) -> tuple[int, int]:
    """Keep the file fresh until the command ends, or a signal asks a keeper without one to end.

    Returns the exit status and 0, or 0 and the number of the signal to end by.
    """
    due, seen, pause = keeping.due, keeping.seen, _SHORTEST_PAUSE
    warn = clock() < due  # whoever started us has warned already of what it met
    renewer, pipe = 0, -1
    rest = 0.0  # until when nothing is tried, after something came to nothing
    apart = monotonic() - clock()  # as they were when `due` was told
    while True:
        now = clock()
        # Bounded: a clock may be set back.
        resting = now < rest <= now + _LONGEST_PAUSE
        # By both clocks: one may be set back, the other one rests while a laptop sleeps.
        behind = max(0.0, monotonic() - now - apart)
        over = now + behind >= due
        if keeping.path and not renewer and not resting and (over or _changed(keeping, seen)):
            keeping.given = stamp(keeping.grant)  # before it is read: it may change meanwhile
            try:
                renewer, pipe = _start_renewer(keeping, behind, warn=warn)
            except OSError as error:
                # No process to be had: a command that has taken them all gives some back.
                if warn:
                    _say(_complaint(keeping, os.strerror(error.errno or 0).lower(), "ulimit -u"))
                warn = False
                due = rest = now + pause
                pause = min(pause * 2, _LONGEST_PAUSE)
        waits = renewer or not keeping.path
        left = _LONGEST_SLEEP if waits else min(max(due - now - behind, 0.0), _LONGEST_SLEEP)
        number, by_kernel = signals.next_signal(left)
        if number == _signal.SIGCHLD:
            ended = signals.ended_children()
            if keeping.beside in dict(ended):
                keeping.beside = 0
                if keeping.child not in dict(ended):
                    _say(_ALONE)
            for pid, status in ended:
                if pid == keeping.child:
                    if renewer:
                        _stop(renewer)
                    return signals.fate(status)
                if pid == renewer:
                    renewed, renewer = _result(pipe), 0
                    warn = renewed is not None  # of trouble that lasts, once
                    if renewed is None:
                        due = rest = clock() + pause
                        pause = min(pause * 2, _LONGEST_PAUSE)
                    else:
                        due, keeping.record, keeping.written, keeping.warned = renewed
                        apart = monotonic() - clock()
                        pause = _SHORTEST_PAUSE
                    seen = stamp(keeping.record)
        elif number and (keeping.child or number in JOB_CONTROL):
            # What the terminal sends, it sends to the command as well; but that it was hung up, to
            # the leader of the session alone.
            leader = number == _signal.SIGHUP and os.getsid(0) == os.getpid()
            if keeping.child and (leader or not by_kernel):
                os.kill(keeping.child, number)
            if number == _signal.SIGTSTP:
                signals.stop_here()
        elif number:
            return 0, number


def _changed(keeping: Keeping, seen: str) -> bool:
    # The file, too: somebody may have emptied it, or written another token into it.
    there = stamp(keeping.path)
    if stamp(keeping.grant) not in ("", keeping.given):
        return True  # it was rotated; one that is missing is about to be
    return stamp(keeping.record) != seen or not there or there != (keeping.written or there)


def _stop(renewer: int) -> None:
    """Wait for a renewer, or who has one, to end; end it if it does not, or somebody cannot wait.

    It may hold a new session of which nobody else knows yet: the old one may be worth nothing. So
    it is told to end first, which waits for a refresh, and killed after that.
    """
    end = time.monotonic() + _TIMEOUT
    told = False
    idle = (0, _signal.SIGCHLD, *JOB_CONTROL)
    try:
        while not os.waitpid(renewer, os.WNOHANG)[0]:
            left = end - time.monotonic()
            hurry = left <= 0 or signals.next_signal(min(left, 0.5))[0] not in idle
            if hurry and not told:
                os.kill(renewer, _signal.SIGTERM)
                told, end = True, time.monotonic() + _REFRESH
            elif left <= 0:
                os.kill(renewer, _signal.SIGKILL)
                os.waitpid(renewer, 0)  # it might write into the folder that is about to go
                return
    except ChildProcessError:
        pass  # it had ended


def _start_renewer(keeping: Keeping, behind: float = 0.0, *, warn: bool) -> tuple[int, int]:
    """Start a child that renews the token; return its process, and the pipe of its result.

    Parameters:
    - behind: seconds that the clock was set back since the token was due at a later time.

    Raises OSError when no process is to be had.
    """
    reader, writer = os.pipe()
    try:
        child = os.fork()
    except OSError:
        os.close(reader)
        os.close(writer)
        raise
    if child:
        os.close(writer)
        return child, reader
    try:
        for handle in (keeping.handle, keeping.line):
            if handle >= 0:
                _close(handle)
        for number in PASSED_ON:
            if _signal.getsignal(number) is not _signal.SIG_IGN:
                _signal.signal(number, _signal.SIG_DFL)
        ending.listen()  # it cleans up, and a refresh comes to its end
        _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
        # Not `posix.environ`: the renewal reads names and values as text.
        from os import environ

        from credhelper.tokenfile import renewer

        renewed = renewer.renew(keeping, environ, _say if warn else None, behind)
        if renewed is None:
            os._exit(1)
        os.write(writer, renewed)
    except BaseException as error:  # noqa: BLE001  # as at the edge: its class alone
        if warn and not isinstance(error, ending.Ended):
            # By hand: an upgrade may have taken away what words a complaint elsewhere.
            hint = "was credhelper upgraded or removed since this was started? start it again"
            _say(_complaint(keeping, type(error).__name__, hint))
        os._exit(1)
    os._exit(0)


def _close(handle: int) -> None:
    try:
        os.close(handle)
    except OSError:
        pass  # as `core.paths.close`, which a keeper does without


def _complaint(keeping: Keeping, why: str, hint: str) -> bytes:
    return (
        f"credhelper: warning: could not keep {keeping.path!a} fresh: {why}\n"
        f"credhelper: hint: {hint}\n"
    ).encode()


def _say(lines: bytes) -> None:
    try:
        os.write(2, lines)
    except OSError:
        pass  # the terminal is gone: no reason to let the token go as well


def _result(pipe: int) -> tuple[float, str, str, str] | None:
    """Return what the renewer whose pipe this is has changed; None when it came to nothing."""
    data = b""
    while chunk := os.read(pipe, 65536):
        data += chunk
    _close(pipe)
    return unpack(data) if data else None


def _end_tidily(keeping: Keeping) -> None:
    if keeping.beside:
        _close(keeping.line)
        os.kill(keeping.beside, _signal.SIGCONT)  # somebody may have stopped it
        _stop(keeping.beside)
    if keeping.folder:
        _remove(keeping.folder)


def _remove(path: str) -> None:
    """Remove a file, or a folder with all that is in it."""
    try:
        if os.lstat(path).st_mode & _KIND != _FOLDER:
            os.unlink(path)
            return
        for name in os.listdir(path):
            _remove(f"{path}/{name}")
        os.rmdir(path)
    except OSError:
        pass  # gone already
