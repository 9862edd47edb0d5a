"""What a keeper needs to know, and how it travels: on a command line, and back through a pipe.

The keeper loads this, so it imports next to nothing.
"""

import _signal  # `signal` builds enums that are never used here
import posix as os  # all that is needed, without what `os` brings along
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, NoReturn

# All signals that would end a keeper, whose command then has a file that goes stale: except those
# of its own mistakes, and those that cannot be caught.
_NAMES = (
    *("HUP", "INT", "QUIT", "TERM", "USR1", "USR2"),
    *("ALRM", "VTALRM", "PROF", "IO", "PWR", "XCPU"),
)
PASSED_ON = (
    *(getattr(_signal, f"SIG{name}") for name in _NAMES if hasattr(_signal, f"SIG{name}")),
    *(range(_signal.SIGRTMIN, _signal.SIGRTMAX + 1) if hasattr(_signal, "SIGRTMIN") else ()),
)
JOB_CONTROL = (_signal.SIGTSTP, _signal.SIGCONT)
MARGIN = 600  # seconds of life that a reader of the file should see, if tokens live that long
_START = "import sys; sys.path.append({!r}); from credhelper.tokenfile.keeper import main; main()"


class Keeping:
    """A token file, and the command for which it is kept fresh.

    Parameters:
    - path: of the token file, absolute; or "" to wait for the command alone.
    - form: the file's format, one of `formats.FORMATS`.
    - profile: a name in the config.
    - service: in normal form, or "".
    - min_ttl: seconds.
    - due: Unix seconds, when to renew next.
    - record: path of the token's record.
    - seen: the record's `stamp` when it was read.
    - written: the file's `stamp` as we left it, or "".
    - warned: the warnings given already, each on a line, as `ascii` has it.
    - child: the command's process, or 0 to keep without a command.
    - folder: removed with the file in the end, or "".
    - refresh_before: seconds of life that the caller likes to see.
    - handle: open, holds the folder's lock; or -1.
    - grant: path of the file with the ready token, which somebody may replace; or "".
    - given: the grant's `stamp` before it was read.
    - beside: the process of an endpoint that serves the command, or 0.
    - line: open, the endpoint ends when it is closed; or -1.
    """

    __slots__ = (
        "beside",
        "child",
        "due",
        "folder",
        "form",
        "given",
        "grant",
        "handle",
        "line",
        "min_ttl",
        "path",
        "profile",
        "record",
        "refresh_before",
        "seen",
        "service",
        "warned",
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
        warned: str = "",
        child: int = 0,
        folder: str = "",
        handle: int = -1,
        refresh_before: int = 0,
        grant: str = "",
        given: str = "",
        beside: int = 0,
        line: int = -1,
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
        self.warned = warned
        self.child = child
        self.folder = folder
        self.handle = handle
        self.refresh_before = refresh_before
        self.grant = grant
        self.given = given
        self.beside = beside
        self.line = line

    def words(self) -> list[str]:
        """Return this as the words of a command line."""
        return [str(getattr(self, name)) for name in self.__slots__]

    @classmethod
    def from_words(cls, words: "Iterable[str]") -> "Keeping":
        """Return what `words` made words of. Raises ValueError for other words."""
        values: dict[str, Any] = dict(zip(cls.__slots__, words, strict=True))
        for name in ("min_ttl", "refresh_before", "child", "handle", "beside", "line"):
            values[name] = int(values[name])
        values["due"] = float(values["due"])
        return cls(**values)


def pack(due: float, record: str, written: str, warned: str) -> bytes:
    """Return what a renewal changes in a `Keeping`, as bytes for a pipe."""
    text = "\0".join((str(due), record, written, warned))  # no path holds a NUL
    return text.encode("utf-8", "surrogateescape")


def unpack(data: bytes) -> tuple[float, str, str, str]:
    """Return what `pack` packed."""
    due, record, written, warned = data.decode("utf-8", "surrogateescape").split("\0")
    return float(due), record, written, warned


def stamp(path: str) -> str:
    """Return what changes with the file at `path`; "" when there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return ""
    return f"{found.st_mtime_ns}:{found.st_ino}"


def watched() -> set[int]:
    """Return the signals to block before a keeper starts: those passed on, and a child's end.

    What a caller's nohup ignores stays ignored, and is left out.
    """
    candidates = (*PASSED_ON, *JOB_CONTROL)
    return {number for number in candidates if _signal.getsignal(number) is not _signal.SIG_IGN} | {
        _signal.SIGCHLD
    }


def become(keeping: Keeping) -> "NoReturn":
    """Turn this process, whose signals are blocked already, into a keeper: this Python anew."""
    package_root = __file__.rsplit("/", 3)[0]
    words = [sys.executable, "-I", "-S", "-c", _START.format(package_root), *keeping.words()]
    for handle in (keeping.handle, keeping.line):
        if handle >= 0:
            os.set_inheritable(handle, True)
    os.execv(sys.executable, words)  # the same program, without what it has loaded
