"""Signals and children as a keeper sees them: taken one by one, and passed on as they came.

It loads what the keeper has loaded, and nothing more.
"""

import _signal  # `signal` builds enums that are never used here
import posix as os  # all that is needed, without what `os` brings along

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

_FROM_KERNEL = 128  # si_code: the terminal sent it, to the whole foreground


def next_signal(seconds: float) -> tuple[int, bool]:
    """Return the next signal and whether the kernel sent it; 0 when `seconds` have passed."""
    blocked = _signal.pthread_sigmask(_signal.SIG_BLOCK, ())
    if hasattr(_signal, "sigtimedwait"):
        found = _signal.sigtimedwait(blocked, seconds)
        return (0, False) if found is None else (found.si_signo, found.si_code == _FROM_KERNEL)
    # macOS: no such call, and no word of who sent it. There a command gets Ctrl-C twice.
    _signal.pthread_sigmask(_signal.SIG_BLOCK, {_signal.SIGALRM})
    _signal.setitimer(_signal.ITIMER_REAL, max(seconds, 0.001))
    number = _signal.sigwait({*blocked, _signal.SIGALRM})
    _signal.setitimer(_signal.ITIMER_REAL, 0)
    return (0 if number == _signal.SIGALRM else number), False


def stop_here() -> None:
    """Stop, as our parent expects to see, until a SIGCONT comes."""
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, {_signal.SIGTSTP})
    os.kill(os.getpid(), _signal.SIGTSTP)
    _signal.pthread_sigmask(_signal.SIG_BLOCK, {_signal.SIGTSTP})


def ended_children() -> "Sequence[tuple[int, int]]":
    """Return the process and the wait status of each child that has ended."""
    found = []
    try:
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            found.append((pid, status))
    except ChildProcessError:
        pass  # all have ended
    return found


def fate(status: int) -> tuple[int, int]:
    """Return the exit status and 0, or 0 and the signal, of a child with this wait status."""
    if os.WIFSIGNALED(status):
        return 0, os.WTERMSIG(status)
    return os.WEXITSTATUS(status), 0


def end(status: int, number: int) -> "NoReturn":
    """End with this status, or by this signal: our parent sees how the command ended."""
    if number:
        _no_core()
        _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
        try:
            _signal.signal(number, _signal.SIG_DFL)
        except (OSError, ValueError):
            pass  # SIGKILL and SIGSTOP have no handlers
        os.kill(os.getpid(), number)
        status = 128 + number  # a signal that ends nobody by itself
    os._exit(status)


def _no_core() -> None:
    # The command's core is the one that somebody may want.
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError):
        pass
