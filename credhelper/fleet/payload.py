"""What hosts tell each other, sealed: a value or a failure as a record's text. Pure.

No URL and no service is in it: where a token is sent is each host's own business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from credhelper import errors
from credhelper.core import record
from credhelper.core.record import GIVEN, number
from credhelper.errors import RateLimitedError, RejectedError, UnreachableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.errors import TokenAPIError

GENERATION = "generation"  # fields of the local record: of the value in it
MAKER = "maker"  # the host that made it
WHOSE = "whose"  # a digest of whose it is
SPREAD = "spread"  # when this host looks for the next one: other hosts do at other moments
SESSION_DUE = "session_due"  # when the session that hosts share is due, on the API's clock
PREVIOUS = "previous"  # of a session: the psToken before it
ENDED = "ended"  # of a session that was logged out of: digests of what was revoked

_MADE = ("kind", "issued", "not_before", "expires", "assumed", "token", MAKER)
TOKEN = (*_MADE, GIVEN, SESSION_DUE)  # fields of a value that other hosts read
SESSION = (*_MADE, PREVIOUS, ENDED)
# What the server said. What the network did is one host's own affair.
SHARED = (RejectedError, RateLimitedError, UnreachableError)
_LAST_PART = 10  # of a token's life, in which hosts look for the next one
_LONGEST_PART = 3600  # seconds
MARGIN = 60  # seconds of life that callers want, unless they say otherwise
_LONGEST_FAILURE = 61  # seconds


def pack(fields: Mapping[str, str], delta: float, keys: Sequence[str] = TOKEN) -> bytes:
    """Return the record `fields` as other hosts may read it.

    Parameters:
    - delta: seconds that the store's clock is ahead of ours.
    - keys: the fields that are told: `TOKEN` or `SESSION`.
    """
    told = {key: fields[key] for key in keys if key in fields}
    ahead = number(fields, "skew") - delta
    return record.encode({**told, "ahead": str(round(ahead))})


def unpack(
    data: bytes, delta: float, host: str, keys: Sequence[str] = TOKEN
) -> dict[str, str] | None:
    """Return the fields of a record for this host; None for what is no value.

    Parameters:
    - delta: seconds that the store's clock is ahead of ours.
    - host: this host's name.
    - keys: as for `pack`.
    """
    fields = record.decode(data)
    told = {key: fields[key] for key in keys if key in fields} if fields else {}
    if not fields or not (told.get("token") or ENDED in told) or not told.get("kind"):
        return None
    # A member could plant what no file here may hold, and no terminal show.
    if not all(value.isascii() and value.isprintable() for value in told.values()):
        return None
    return {**told, "host": host, "skew": str(number(fields, "ahead") + round(delta))}


def pack_failure(error: TokenAPIError, now: float, seconds: float, fingerprint: str) -> bytes:
    """Return a failure as other hosts may read it.

    Parameters:
    - now: Unix seconds on the store's clock.
    - seconds: how long it counts.
    - fingerprint: of the grant that failed; "" if it is not known.
    """
    fields = {
        "class": type(error).__name__,
        "status": str(error.status or 0),
        "until": str(int((now + seconds) * 1000)),
        "from": fingerprint,
    }
    return record.encode(fields)


def unpack_failure(
    data: bytes, now: float, waited: float = 0.0
) -> tuple[TokenAPIError, str, float, int] | None:
    """Return a failure, whose grant failed, the seconds that it counts, and its end; None for none.

    Parameters:
    - now: Unix seconds on the store's clock.
    - waited: seconds since the caller asked: one that counted then counts still.
    """
    fields = record.decode(data) or {}
    kind = getattr(errors, fields.get("class", ""), None)
    left = number(fields, "until") / 1000 - now
    if kind not in SHARED or not -waited < left <= _LONGEST_FAILURE:
        return None
    status = number(fields, "status")
    told: TokenAPIError = kind(
        f"the API answered {status} to another host of the fleet, which asked for the same token",
        status=status,
        retry_after=max(left, 0.0) if kind is RateLimitedError else None,
    )
    return told, fields.get("from", ""), max(left, 0.0), number(fields, "until")


def spread(
    fields: Mapping[str, str], now: float, part: float, margin: float = MARGIN
) -> dict[str, str]:
    """Return the fields that say when this host looks for the next token.

    It is a moment in a tenth of the token's life, and in an hour: hosts that got it together do not
    ask for the next one together. It comes before the caller's margin. Otherwise all whose moment
    lies in the margin would ask in the second in which it begins.

    Parameters:
    - now: Unix seconds.
    - part: from 0 to 1: which moment.
    - margin: seconds of life that callers want.
    """
    life = number(fields, "expires") - number(fields, "issued")
    ends = number(fields, "expires") - number(fields, "skew") - min(margin, life / 2)
    begins = max(ends - min(life / _LAST_PART, _LONGEST_PART), now)
    looks = int(begins + part * max(0.0, ends - begins))
    due = number(fields, "due")
    return {SPREAD: str(looks), "due": str(min(due, looks) if due else looks)}


def adopted(
    fields: dict[str, str], now: float, chance: Callable[[], float], margin: float
) -> dict[str, str]:
    """Return the fields that say when this host looks again, for a token that another host made.

    Where hosts share the session as well, each of them sees in time that it is due: in the quarter
    of its idle life that follows the moment at which its maker does.

    Parameters: as for `spread`; `fields`, from which the session's own moment is taken; `chance`,
    returns any number from 0 to 1.
    """
    told = number({SESSION_DUE: fields.pop(SESSION_DUE, "")}, SESSION_DUE)
    if told:
        begins = told - number(fields, "skew")
        fields["due"] = str(int(begins + chance() * max(0.0, begins - now) / 2))
    return spread(fields, now, chance(), margin)


def is_spread(fields: Mapping[str, str]) -> bool:
    """Tell whether the record is due for nothing but the next look."""
    return bool(number(fields, SPREAD)) and fields.get(SPREAD) == fields.get("due")
