"""The keeper: one that waits beside a command, or for ever, and keeps a token file fresh.

It is the process that `exec --refresh` and `watch` turn into, and it stays small: it sleeps in the
kernel until the token is due, until a signal comes, or for ten seconds, and loads nothing of what
a renewal takes. Who renews is a child that ends when it has written the file. Signals are blocked
and taken one by one, so none can come between two lines.
"""

import _signal  # `signal` builds enums that are never used here
import posix as os  # see `paths`
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

# All that would end a keeper, and leave its command alone with a file that nobody keeps fresh: but
# for what its own mistakes bring, and for what cannot be caught.
_NAMES = (
    *("HUP", "INT", "QUIT", "TERM", "USR1", "USR2"),
    *("ALRM", "VTALRM", "PROF", "IO", "PWR", "XCPU"),
)
PASSED_ON = (
    *(getattr(_signal, f"SIG{name}") for name in _NAMES if hasattr(_signal, f"SIG{name}")),
    *(range(_signal.SIGRTMIN, _signal.SIGRTMAX + 1) if hasattr(_signal, "SIGRTMIN") else ()),
)
_JOB_CONTROL = (_signal.SIGTSTP, _signal.SIGCONT)
MARGIN = 600  # seconds of life that a reader of the file should see, if tokens live that long

_LONGEST_SLEEP = 10.0  # also a laptop that was shut, and a token that was rejected, are noticed
_SHORTEST_PAUSE, _LONGEST_PAUSE = 2.0, 60.0
_TIMEOUT = 5.0  # seconds for a renewal that is going on when the command ends
_FROM_KERNEL = 128  # si_code: the terminal sent it, to the whole foreground
_START = "import sys; sys.path.append({!r}); from credhelper.tokenfile.keeper import main; main()"


class Told(Exception):
    """There is no new token, and what there is to say has been said."""


class Order:
    """What to keep, and for whom.

    Parameters: `path`, of the file; `form`, its shape; `profile`; `service`, normal form or "";
    `min_ttl`, seconds; `due`, Unix seconds when to look next; `record`, the path of the token's
    record; `seen`, its `stamp` when it was read; `written`, the file's `stamp` as we left it, or
    ""; `said`, the warnings given already, a line each as `ascii` has it; `child`, the process to
    wait for, or 0; `folder`, to remove with the file in the end, or ""; `handle`, which holds the
    folder's lock, or -1.
    """

    __slots__ = (
        "child",
        "due",
        "folder",
        "form",
        "handle",
        "min_ttl",
        "path",
        "profile",
        "record",
        "said",
        "seen",
        "service",
        "written",
    )

    def __init__(
        self,
        path: str,
        form: str,
        profile: str,
        service: str,
        min_ttl: int,
        due: float,
        record: str,
        seen: str,
        written: str = "",
        said: str = "",
        child: int = 0,
        folder: str = "",
        handle: int = -1,
    ) -> None:
        self.path = path
        self.form = form
        self.profile = profile
        self.service = service
        self.min_ttl = min_ttl
        self.due = due
        self.record = record
        self.seen = seen
        self.written = written
        self.said = said
        self.child = child
        self.folder = folder
        self.handle = handle


def watched() -> set[int]:
    """Return the signals to block before a keeper starts: those passed on, and a child's end.

    What a caller's nohup ignores stays ignored, and is left out.
    """
    candidates = (*PASSED_ON, *_JOB_CONTROL)
    return {number for number in candidates if _signal.getsignal(number) is not _signal.SIG_IGN} | {
        _signal.SIGCHLD
    }


def become(order: Order) -> "NoReturn":
    """Turn this process, whose signals are blocked already, into a keeper: this Python anew."""
    package_root = __file__.rsplit("/", 3)[0]
    words = [sys.executable, "-I", "-S", "-c", _START.format(package_root)]
    words += [str(getattr(order, name)) for name in Order.__slots__]
    if order.handle >= 0:
        os.set_inheritable(order.handle, True)
    os.execv(sys.executable, words)  # the same program, without what it has loaded


def main() -> "NoReturn":
    """Keep what the command line orders. Does not return."""
    told = dict(zip(Order.__slots__, sys.argv[1:], strict=True))
    order = Order(
        told["path"],
        told["form"],
        told["profile"],
        told["service"],
        int(told["min_ttl"]),
        float(told["due"]),
        told["record"],
        told["seen"],
        told["written"],
        told["said"],
        int(told["child"]),
        told["folder"],
        int(told["handle"]),
    )
    if order.handle >= 0:
        os.set_inheritable(order.handle, False)
    _leave_streams(order)
    how = keep(order)
    _end_tidily(order)
    _end(*how)


def _leave_streams(order: Order) -> None:
    """Hold neither stdin nor stdout: who is at their other end is to see the command let go."""
    try:
        null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return
    for stream in (0, 1):
        if stream not in (null, order.handle):
            os.dup2(null, stream)
    if null > 1:
        os.close(null)


def keep(order: Order, clock: "Callable[[], float]" = time.time) -> tuple[int, int]:
    """Keep the file fresh until the command ends, or a signal asks a keeper without one to end.

    Returns the exit status and 0, or 0 and the number of the signal to end by.
    """
    due, seen, pause = order.due, order.seen, _SHORTEST_PAUSE
    tell = clock() < due  # who started us has told already what it met
    renewer, pipe = 0, -1
    rest = 0.0  # until when nothing is tried, after something came to nothing
    while True:
        now = clock()
        # Bounded: a clock may be set back.
        resting = now < rest <= now + _LONGEST_PAUSE
        if not renewer and not resting and (now >= due or _changed(order, seen)):
            try:
                renewer, pipe = _renew_apart(order, tell=tell)
            except OSError as error:
                # No process to be had: a command that has taken them all gives some back.
                if tell:
                    _say(_complaint(order, os.strerror(error.errno or 0).lower(), "ulimit -u"))
                tell = False
                due = rest = now + pause
                pause = min(pause * 2, _LONGEST_PAUSE)
        left = _LONGEST_SLEEP if renewer else min(max(due - now, 0.0), _LONGEST_SLEEP)
        number, by_kernel = _next_signal(left)
        if number == _signal.SIGCHLD:
            for pid, status in _ended():
                if pid == order.child:
                    if renewer:
                        _stop(renewer)
                    return _fate(status)
                if pid == renewer:
                    told, renewer = _told(pipe), 0
                    tell = told is not None  # of trouble that lasts, once
                    if told is None:
                        due = rest = clock() + pause
                        pause = min(pause * 2, _LONGEST_PAUSE)
                    else:
                        due, order.record, order.written, order.said = told
                        pause = _SHORTEST_PAUSE
                    seen = stamp(order.record)
        elif number and (order.child or number in _JOB_CONTROL):
            # What the terminal sends, it sends to the command as well; but that it was hung up, to
            # the leader of the session alone.
            leader = number == _signal.SIGHUP and os.getsid(0) == os.getpid()
            if order.child and (leader or not by_kernel):
                os.kill(order.child, number)
            if number == _signal.SIGTSTP:
                _be_stopped()
        elif number:
            return 0, number


def _changed(order: Order, seen: str) -> bool:
    # The file, too: somebody may have emptied it, or written another token into it.
    there = stamp(order.path)
    return stamp(order.record) != seen or not there or there != (order.written or there)


def _be_stopped() -> None:
    """Stop, as whoever started us expects to see, until somebody lets us go on."""
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, {_signal.SIGTSTP})
    os.kill(os.getpid(), _signal.SIGTSTP)
    _signal.pthread_sigmask(_signal.SIG_BLOCK, {_signal.SIGTSTP})


def _stop(renewer: int) -> None:
    """Wait for a renewer to end, and end it if it does not, or if somebody cannot wait.

    It may hold a new session of which nobody else knows yet: the old one may be worth nothing.
    """
    end = time.monotonic() + _TIMEOUT
    try:
        while not os.waitpid(renewer, os.WNOHANG)[0]:
            left = end - time.monotonic()
            idle = (0, _signal.SIGCHLD, *_JOB_CONTROL)
            if left <= 0 or _next_signal(min(left, 0.5))[0] not in idle:
                os.kill(renewer, _signal.SIGKILL)
                os.waitpid(renewer, 0)  # it might write into the folder that is about to go
                return
    except ChildProcessError:
        pass  # it had ended


def _renew_apart(order: Order, *, tell: bool) -> tuple[int, int]:
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
        if order.handle >= 0:
            os.close(order.handle)
        _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
        for number in PASSED_ON:
            if _signal.getsignal(number) is not _signal.SIG_IGN:
                _signal.signal(number, _signal.SIG_DFL)
        due, record, said = _renew(order, tell=tell)
        # Between the parts what no path can hold.
        told = "\0".join((str(due), record, stamp(order.path), said))
        os.write(writer, told.encode("utf-8", "surrogateescape"))
    except Told:
        os._exit(1)
    except BaseException as error:  # noqa: BLE001  # as at the edge: its class alone
        if tell:
            # Without what an upgrade may have taken away since.
            hint = "was credhelper upgraded or removed since this was started?"
            _say(_complaint(order, type(error).__name__, hint))
        os._exit(1)
    os._exit(0)


def _complaint(order: Order, why: str, hint: str) -> bytes:
    return (
        f"credhelper: warning: could not keep {order.path!a} fresh: {why}\n"
        f"credhelper: hint: {hint}\n"
    ).encode()


def _say(lines: bytes) -> None:
    try:
        os.write(2, lines)
    except OSError:
        pass  # the terminal is gone: no reason to let the token go as well


def _renew(
    order: Order, *, tell: bool, clock: "Callable[[], float]" = time.time
) -> tuple[float, str, str]:
    """Write the file anew; return when to look again, the record, and what has been said by now.

    The heavy half, in a child.
    """
    environ = _environment()
    from credhelper.broker import answer, trace
    from credhelper.broker.context import Context
    from credhelper.core import service
    from credhelper.core.model import Request
    from credhelper.core.text import complaint
    from credhelper.errors import CredhelperError
    from credhelper.tokenfile import folder as runtime
    from credhelper.tokenfile import formats

    said = order.said.split("\n")

    def warn(message: str, hint: str | None) -> None:
        if tell and ascii(message) not in said:
            said.append(ascii(message))
            _say(complaint(message, hint).replace(b": error:", b": warning:", 1))

    context = Context(environ, warn=warn, trace=trace.tracer(environ.get("CREDHELPER_TRACE", "")))
    request = Request(
        "get",
        profile=order.profile,
        service=service.parse(order.service) if order.service else None,
        min_ttl=order.min_ttl,
        margin=MARGIN,
    )
    try:
        credential, record = answer.get_with_record(context, request)
        if order.folder:
            runtime.begin_again(order.folder, order.child)
        folder = context.cache_folder()
        formats.update(order.path, order.form, request, credential, folder)
    except CredhelperError as error:
        warn(f"could not keep {order.path} fresh: {error.message}", error.hint)
        raise Told from error
    if credential.fresh_until <= clock():
        raise Told  # served stale, with a warning: it must be tried again soon
    return credential.fresh_until, record, "\n".join(said)


def _environment() -> dict[str, str]:
    # Not `posix.environ`: the other half reads names and values as text.
    import os as whole

    return dict(whole.environ)


def _told(pipe: int) -> tuple[float, str, str, str] | None:
    data = b""
    while chunk := os.read(pipe, 65536):
        data += chunk
    os.close(pipe)
    if not data:
        return None
    due, record, written, said = data.decode("utf-8", "surrogateescape").split("\0")
    return float(due), record, written, said


def _next_signal(seconds: float) -> tuple[int, bool]:
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


def _ended() -> "Sequence[tuple[int, int]]":
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


def _fate(status: int) -> tuple[int, int]:
    if os.WIFSIGNALED(status):
        return 0, os.WTERMSIG(status)
    return os.WEXITSTATUS(status), 0


def stamp(path: str) -> str:
    """Return what changes with the file at `path`; "" when there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return ""
    return f"{found.st_mtime_ns}:{found.st_ino}"


def _end_tidily(order: Order) -> None:
    if not order.folder:
        return
    try:
        # With what a renewer left that was ended in the middle of writing.
        names = [
            name
            for name in os.listdir(order.folder)
            if name.startswith(".token.") or name == "command"
        ]
    except OSError:
        names = []
    parts = [(os.unlink, f"{order.folder}/{name}") for name in names]
    for remove, path in (*parts, (os.unlink, order.path), (os.rmdir, order.folder)):
        try:
            remove(path)
        except OSError:
            pass  # gone already


def _end(status: int, number: int) -> "NoReturn":
    """End with this status, or by this signal: whoever waits for us sees how the command ended."""
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
