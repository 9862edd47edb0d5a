"""A failure as a record: its fields, and which processes it counts for."""

from __future__ import annotations

from credhelper import errors
from credhelper.core.record import number
from credhelper.core.text import printable
from credhelper.errors import CredhelperError, TokenAPIError

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
    told = {
        "at": str(int(now * 1000)),
        "until": str(int((now + seconds) * 1000)),
        "class": type(error).__name__,
        "grant": grant,
        "message": printable(error.message).encode("ascii", "backslashreplace").decode(),
        "hint": printable(error.hint or "").encode("ascii", "backslashreplace").decode(),
        "retryable": str(int(error.retryable)),
    }
    if isinstance(error, TokenAPIError):
        if error.status is not None:
            told["status"] = str(error.status)
        if error.retry_after is not None:
            told["retry_after"] = str(int(error.retry_after * 1000))
    return told


def revive(fields: Mapping[str, str]) -> CredhelperError:
    """Return the error that `fields` remember."""
    kind = _class_of(fields)
    message, hint = fields.get("message", ""), fields.get("hint") or None
    retryable = fields.get("retryable") == "1"
    if issubclass(kind, TokenAPIError):
        return kind(
            message,
            hint,
            status=number(fields, "status") if "status" in fields else None,
            retry_after=number(fields, "retry_after") / 1000 if "retry_after" in fields else None,
            retryable=retryable,
        )
    return kind(message, hint, retryable=retryable)


def _class_of(fields: Mapping[str, str]) -> type[CredhelperError]:
    found = getattr(errors, fields.get("class", ""), None)
    if isinstance(found, type) and issubclass(found, CredhelperError):
        return found
    return CredhelperError


def counts(fields: Mapping[str, str], now: float, since: float) -> bool:
    """Tell whether a failure counts for a process that asked at `since`; both in Unix seconds."""
    since = int(since * 1000) / 1000  # as exact as the time of the failure
    at, until = number(fields, "at") / 1000, number(fields, "until") / 1000
    # A time in the future is of another clock, so it says nothing.
    return at <= now + 1 and (since < until or since <= at)
