"""Tokens that this process remembers, and for how long it may believe each one.

A warm call is a look into a dictionary, and once a millisecond a `stat` of the record. No program
can start and end in less, so a program sees at its next call what another one renewed, rejected or
revoked. After a second an entry is no longer believed, so that a changed config or grant is noticed
then. Another `environ` and another `CREDHELPER_PROFILE` are noticed at once.

Reading and writing one entry needs no lock, so a fork may come at any moment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import stat as _stat

_TRUSTED = 1.0  # seconds between two looks at config, environment and grant
_UNSEEN = 0.001  # seconds between two looks at the record
_MOST_KNOWN = 1000
_CHOICE = "CREDHELPER_PROFILE"

Key = tuple[str | None, str | None, int, int]  # profile, service, least life, when to renew


class Known:
    """A token, and how long to believe it.

    Attributes:
    - token, and the path of its record with the record's stamp.
    - until: when to ask anew, in Unix seconds.
    - unseen: until when not even to look at the record.
    - lives: until when the token is good for this caller.
    - environ; choice, variable and chosen: how to look up the terminal's choice, and what it was.
    """

    __slots__ = (
        "choice",
        "chosen",
        "environ",
        "lives",
        "record",
        "stamp",
        "token",
        "unseen",
        "until",
        "variable",
    )

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.choice, self.variable = _lookup_in(environ)
        self.chosen = self.choice(self.variable)
        self.token = ""
        self.record = ""
        self.stamp: tuple[int, int] | None = None
        self.until = self.unseen = self.lives = 0.0

    def take(self, token: str, record: str) -> None:
        """Hold `token`, and the stamp of the file `record` as it is now."""
        self.token = token
        self.record = record
        self.stamp = _stamp(record)


_memo: dict[Key, Known] = {}


def remembered(
    profile: str | None,
    service: str | None,
    min_ttl: int,
    refresh_before: int,
    environ: Mapping[str, str],
    clock: Callable[[], float],
    stale: bool,
) -> str | None:
    """Return what `get_token` would, from memory; None where it would have to look further.

    Parameters:
    - stale: whether a token will do that it is time to renew, but that is still good. For callers
      that would only wait for a renewal that is going on. It has no default, and no argument is
      passed by name: CPython calls such a function fastest.
    """
    known = _memo.get((profile, service, min_ttl, refresh_before))
    if (
        known is None
        or environ is not known.environ
        or known.choice(known.variable) != known.chosen
    ):
        return None
    now = clock()
    # The lower bounds are for a clock that was set back.
    if known.unseen - _UNSEEN <= now < known.unseen:
        return known.token
    ends = known.lives if stale else known.until
    if not known.until - _TRUSTED <= now < ends or _stamp(known.record) != known.stamp:
        return None
    known.unseen = min(known.until, now + _UNSEEN)
    return known.token


def keep(key: Key, known: Known, good: float, now: float) -> None:
    """Remember `known`, which is `good` until then, for a second at most."""
    known.until = min(good, now + _TRUSTED)
    known.unseen = min(known.until, now + _UNSEEN)
    if len(_memo) >= _MOST_KNOWN and key not in _memo:
        try:
            del _memo[next(iter(_memo))]  # the oldest
        except (KeyError, RuntimeError, StopIteration):
            pass  # another thread was at it
    _memo[key] = known


def drop(token: str) -> None:
    """Forget all entries that hold `token`."""
    for key, known in list(_memo.items()):
        if known.token == token:
            _memo.pop(key, None)


def forget() -> None:
    """Forget all entries."""
    _memo.clear()


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        found = _stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def _lookup_in(environ: Mapping[str, str]) -> tuple[Callable[[object], object], object]:
    # `os.environ` encodes and decodes at each look; the plain dictionary below it does not.
    plain, encode = getattr(environ, "_data", None), getattr(environ, "encodekey", None)
    if isinstance(plain, dict) and encode is not None:
        return plain.get, encode(_CHOICE)
    return environ.get, _CHOICE  # type: ignore[return-value]  # it is asked for this key only
