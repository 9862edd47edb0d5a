"""A failure as a record: its fields, and which processes it counts for."""

from __future__ import annotations

from credhelper import errors
from credhelper.core.record import number
from credhelper.core.text import printable
from credhelper.errors import CredhelperError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def fields_of(error: CredhelperError, grant: str, now: float, seconds: float) -> dict[str, str]:
    """Return the fields that remember `error`.

    Parameters:
    - grant: the stamp of the grant that failed.
    - now: Unix seconds.
    - seconds: how long it counts.
    """
    return {
        "at": str(int(now * 1000)),
        "until": str(int((now + seconds) * 1000)),
        "class": type(error).__name__,
        "grant": grant,
        "message": printable(error.message).encode("ascii", "backslashreplace").decode(),
        "hint": printable(error.hint or "").encode("ascii", "backslashreplace").decode(),
        "retryable": str(int(error.retryable)),
    }


def revive(fields: Mapping[str, str]) -> CredhelperError:
    """Return the error that `fields` remember."""
    kind = getattr(errors, fields.get("class", ""), None)
    if not (isinstance(kind, type) and issubclass(kind, CredhelperError)):
        kind = CredhelperError
    error = kind(fields.get("message", ""), fields.get("hint") or None)
    error.retryable = fields.get("retryable") == "1"
    return error


def counts(fields: Mapping[str, str], now: float, since: float) -> bool:
    """Tell whether a failure counts for a process that asked at `since`; both in Unix seconds."""
    since = int(since * 1000) / 1000  # as exact as the time of the failure
    at, until = number(fields, "at") / 1000, number(fields, "until") / 1000
    # A time in the future is of another clock, so it says nothing.
    return at <= now + 1 and (since < until or since <= at)
