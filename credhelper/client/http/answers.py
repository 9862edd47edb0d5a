"""What an answer means, from its status, headers and body alone. Pure.

Every word of a server is suspect: it may echo a secret, move a cursor, or go on for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from credhelper.client.http.failures import Failure
from credhelper.client.http.redaction import redacted
from credhelper.core import strict_json
from credhelper.core.model import Secret
from credhelper.core.text import printable
from credhelper.errors import (
    MalformedAnswerError,
    RateLimitedError,
    RejectedError,
    TokenAPIError,
    UnreachableError,
)

WRONG_SECRET = "the key, password or session may be wrong, revoked or expired"  # noqa: S105  # a hint
PORTAL_HINT = "is this the right url, or does a captive portal or proxy answer in its place?"

_CLOCK = 300  # seconds by which clocks may differ before tokens are refused for it
_LONGEST_SAID = 300
_LONGEST_RETRY_AFTER = 86400.0
_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_NOT_DONE = frozenset({429, 503})  # statuses that say that nothing was done yet
_HINTS = {
    401: WRONG_SECRET,
    403: "the grant is known, but not allowed to do this",
    404: "check url and api of the profile: is it a Tokens API, and of this version?",
}
_KINDS = {list: "a list", str: "a string", type(None): "null"}


@dataclass(frozen=True, slots=True)
class Response:
    """A successful answer.

    Parameters:
    - origin: who answered.
    - status, body: what the answer holds.
    - skew: the server's clock minus ours in seconds by its Date, 0 when within the error of
      measurement or unknown.
    """

    origin: str
    status: int
    body: bytes = field(repr=False)
    skew: int

    def members(self) -> dict[str, Any]:
        """Return the JSON object in the body; raises MalformedAnswerError for anything else."""
        try:
            value = strict_json.value(self.body.decode())
        except ValueError:
            what = "HTML" if self.body.lstrip()[:1] == b"<" else "something"
            raise self._malformed(
                f"{what} that is not JSON" if self.body.strip() else "nothing"
            ) from None
        if not isinstance(value, dict):
            kind = _KINDS.get(type(value), "a bare value")
            raise self._malformed(f"{kind} where a JSON object was expected")
        return value

    def _malformed(self, what: str) -> MalformedAnswerError:
        return MalformedAnswerError(
            f"{self.origin} answered {self.status} with {what}", PORTAL_HINT, status=self.status
        )


def refusal(
    asked: str,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    hidden: Sequence[Secret],
    now: float,
) -> Failure:
    """Return what an answer other than 2xx means.

    Parameters:
    - asked: who was asked what, for the message.
    - hidden: secrets of the call, which the server may echo.
    - now: Unix seconds, to count from where the server sent no Date.
    """
    message = f"{asked}: answered {status}{_said(body, hidden)}"
    date = _moment(headers.get("Date"))
    retry_after = _retry_after(headers.get("Retry-After"), now if date is None else date)
    later = f"try again in {retry_after:.0f} s, as the server asks" if retry_after else None
    error: TokenAPIError
    if status == 429:
        error = RateLimitedError(message, later, status=status, retry_after=retry_after)
    elif status == 408 or 500 <= status < 600:
        error = UnreachableError(message, later, status=status, retry_after=retry_after)
    elif 400 <= status < 500:
        hint = _clock_hint(date, now) if status == 401 else None
        error = RejectedError(message, hint or _HINTS.get(status), status=status)
    else:
        what = "a redirect, which is never followed" if 300 <= status < 400 else "no known status"
        error = MalformedAnswerError(f"{message}: {what}", PORTAL_HINT, status=status)
    return Failure(error, unheard=status in _NOT_DONE, transient=status in _TRANSIENT)


def skew(date: str | None, sent: float, received: float) -> int:
    """Return the server's clock minus ours in whole seconds; 0 without a usable `date`.

    Parameters:
    - date: the Date header.
    - sent, received: Unix seconds around the exchange.
    """
    moment = _moment(date)
    if moment is None:
        return 0
    measured = round(moment - (sent + received) / 2)
    # Date has whole seconds, and was written at any moment of the exchange.
    return 0 if abs(measured) <= max(2, (received - sent) / 2) else measured


def _clock_hint(date: float | None, now: float) -> str | None:
    """Return what to do about a clock that is far from the server's; None where it is not."""
    if date is None or abs(date - now) <= _CLOCK:
        return None
    way = "behind" if date > now else "ahead of"
    return f"set this machine's clock: it is {abs(date - now):.0f} s {way} the server's"


def _said(body: bytes, hidden: Sequence[Secret]) -> str:
    try:
        said = strict_json.value(body.decode())
    except ValueError:
        return ""
    if not isinstance(said, dict):
        return ""
    # v1 says code and message; v2 (problem+json) says title and detail.
    words = [said.get(name) for name in ("code", "message", "title", "detail")]
    text = ": ".join(word for word in words if isinstance(word, str) and word)
    text = printable(redacted(text, hidden))
    if len(text) > _LONGEST_SAID:
        text = text[: _LONGEST_SAID - 3] + "..."
    return f": {text}" if text else ""


def _retry_after(value: str | None, now: float) -> float | None:
    value = (value or "").strip()
    if value.isascii() and value.isdigit():
        seconds = float(value[:10])
    else:
        moment = _moment(value)
        if moment is None:
            return None
        seconds = moment - now
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER)


def _moment(date: str | None) -> float | None:
    try:
        moment = parsedate_to_datetime(date or "")
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
