"""What the endpoint of AWS keys needs to know, and how it travels: never on a command line.

The endpoint loads this, so it imports next to nothing.
"""

import posix as os  # all that is needed, without what `os` brings along
import sys

from credhelper.core.model import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

MARGIN = 1200  # seconds ahead of their end, at which keys are renewed if they live that long
_MOST_BYTES = 1 << 20  # of what travels: a mistake of ours is no reason to read for ever
_START = "import sys; sys.path.append({!r}); from credhelper.agent.endpoint import main; main()"


class Serving:
    """Keys that are served, and what it takes to renew them.

    Parameters:
    - profile: a name in the config.
    - refresh_before: seconds of life that the caller likes the keys to have.
    - token: what a request must hold.
    - path: of the file that holds the token, too, absolute.
    - keys: the JSON document that a request gets; empty where a renewal brought none.
    - expires: Unix seconds, when the keys end.
    - due: Unix seconds, when to renew them next.
    - warned: the warnings given already, each on a line, as `ascii` has it.
    - trouble: why the last renewal came to nothing, one line, or "".
    """

    __slots__ = (
        "due",
        "expires",
        "keys",
        "path",
        "profile",
        "refresh_before",
        "token",
        "trouble",
        "warned",
    )

    def __init__(
        self,
        profile: str,
        refresh_before: int,
        token: Secret,
        path: str,
        keys: Secret,
        expires: int,
        due: float,
        warned: str = "",
        trouble: str = "",
    ) -> None:
        self.profile = profile
        self.refresh_before = refresh_before
        self.token = token
        self.path = path
        self.keys = keys
        self.expires = expires
        self.due = due
        self.warned = warned
        self.trouble = trouble

    def pack(self) -> bytes:
        """Return this as bytes for a pipe, which begin with their length."""
        values = (
            *(self.profile, str(self.refresh_before), self.token.reveal(), self.path),
            *(self.keys.reveal(), str(self.expires), str(self.due), self.warned, self.trouble),
        )
        data = "\0".join(values).encode("utf-8", "surrogateescape")  # no value holds a NUL
        return b"%d\n%b" % (len(data), data)


def unpack(data: bytes) -> Serving | None:
    """Return what `pack` packed; None when that is not whole. Raises ValueError for other bytes."""
    head, line_feed, rest = data.partition(b"\n")
    if not line_feed or len(rest) < int(head):
        return None
    values = rest.decode("utf-8", "surrogateescape").split("\0")
    profile, refresh_before, token, path, keys, expires, due, warned, trouble = values
    return Serving(
        profile,
        int(refresh_before),
        Secret(token),
        path,
        Secret(keys),
        int(expires),
        float(due),
        warned,
        trouble,
    )


def receive(handle: int) -> Serving | None:
    """Return what somebody sends through a pipe or socket; None when it ends before that is whole.

    Raises ValueError for what `pack` did not make.
    """
    data = b""
    while (found := unpack(data)) is None:
        chunk = os.read(handle, 65536)
        data += chunk
        if not chunk or len(data) > _MOST_BYTES:
            return None
    return found


def become(listener: int, line: int) -> "NoReturn":
    """Turn this process into an endpoint: this Python anew.

    Parameters:
    - listener: a socket that listens on loopback.
    - line: a socket, whose other end sends a `Serving`, is told when that is served, and is closed
      when the endpoint shall end.
    """
    for handle in (listener, line):
        os.set_inheritable(handle, True)
    start = _START.format(__file__.rsplit("/", 3)[0])
    words = [sys.executable, "-I", "-S", "-c", start, str(listener), str(line)]
    os.execv(sys.executable, words)  # the same program, without what it has loaded
