"""The claims of a token: its times, its owner and what it is for. Pure.

The signature is not checked: a helper that forwards a token is not its audience, and has no key.
So claims decide when to renew and what `status` shows, never what anybody may do.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from typing import Any

from credhelper.core import strict_json
from credhelper.core.model import JWT, SESSION, Secret, Token
from credhelper.core.text import printable
from credhelper.errors import MalformedAnswerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.core.model import Kind

ASSUMED_LIFETIME = 300
LONGEST_TOKEN = 65535

_LAST_SECOND = 253402300799  # 9999-12-31T23:59:59Z, the last that RFC 3339 can write
_SHOWN = ("uid", "sub", "name", "username", "tid", "cid", "cwid", "aud", "scope", "mem")
_LONGEST_SHOWN = 200
_MOST_SKEW = 86400  # seconds that a Date header is believed, where a token does not bear it out
_SLACK = 60  # seconds between a server that makes tokens and one that sends its Date
_FIRST_ODD_NUMBER = 1 << 64
_LITERALS = frozenset({"null", "none", "undefined"})


def token_from(
    value: object,
    *,
    kind: Kind,
    now_local: float,
    skew: int,
    session_lifetime: int = 0,
    member: str = "access_token",
) -> Token:
    """Return the token that the API gave as `value`, with what is known of its life.

    Parameters:
    - kind: `jwt` or `session`.
    - now_local: Unix seconds on this host's clock.
    - skew: the server's clock minus ours in seconds.
    - session_lifetime: seconds of idle life that the administrator allows a psToken.
    - member: the answer's name for it.

    A JWT without a usable `exp` is assumed to live `ASSUMED_LIFETIME` seconds. Raises
    MalformedAnswerError, which never holds the value.
    """
    flaw = token_flaw(value)
    if flaw or not isinstance(value, str):
        raise MalformedAnswerError(f"the server's {member} {flaw}")
    claims = payload(value) if kind == JWT else None
    expires_at = _seconds((claims or {}).get("exp"), math.floor)
    made_at = _seconds((claims or {}).get("iat"), math.floor)
    if expires_at is not None:
        skew = _believed(skew, int(now_local), made_at, expires_at)
    issued_at = int(now_local) + skew
    assumed = expires_at is None
    if expires_at is None:
        expires_at = issued_at + (session_lifetime if kind == SESSION else ASSUMED_LIFETIME)
    return Token(
        Secret(value),
        kind=kind,
        issued_at=issued_at,
        expires_at=expires_at,
        not_before=_seconds((claims or {}).get("nbf"), math.ceil) or 0,
        skew=skew,
        assumed=assumed,
    )


def _believed(skew: int, now: int, made_at: int | None, expires_at: int) -> int:
    """Return `skew`, or another one where the token itself says that a Date header was wrong.

    Its maker's clock is past `made_at`: so it never lives longer from now on than from then.
    """
    if made_at is None:
        return skew if abs(skew) <= _MOST_SKEW else 0
    if not made_at - _SLACK <= now + skew < expires_at and made_at - _SLACK <= now < expires_at:
        skew = 0
    return max(skew, made_at - now) if made_at < expires_at else skew


def refuse_dead(token: Token, now_local: float) -> None:
    """Raise MalformedAnswerError, with both clocks, for a token that is expired on arrival."""
    if token.expires_at <= token.issued_at:
        from email.utils import formatdate

        raise MalformedAnswerError(
            f"the new token had already expired at {formatdate(token.expires_at, usegmt=True)}:"
            f" the server's Date says {formatdate(token.issued_at, usegmt=True)},"
            f" the local clock {formatdate(now_local, usegmt=True)}",
            hint="check this host's clock, and the token lifetime set by your administrator",
        )


def token_flaw(value: object) -> str:
    """Return why `value` cannot be a token, as the end of a sentence; empty if it can.

    A token is 1 to 65535 printable ASCII characters without blanks, quotes and backslashes, and
    not a word that careless programs print for nothing. Anything else could break out of a header,
    a line protocol or a shell.
    """
    if not isinstance(value, str):
        return "is missing or not a string"
    if not value:
        return "is empty"
    if len(value) > LONGEST_TOKEN:
        return f"is longer than {LONGEST_TOKEN} characters"
    if not all("!" <= char <= "~" and char not in "\"'`\\" for char in value):
        return "holds a blank, quote, control or non-ASCII character"
    if value.lower() in _LITERALS:
        return "is a word for nothing"
    return ""


def payload(token: str) -> dict[str, Any] | None:
    """Return the claims of a JWT (RFC 7519 section 3), or None when `token` is not strictly one.

    Strictly: three parts, each unpadded canonical base64url; in the middle a JSON object in UTF-8
    without duplicate names or NaN.
    """
    parts = [_decoded(part) for part in token.split(".")]
    if len(parts) != 3 or not all(parts):
        return None
    try:
        claims = strict_json.value((parts[1] or b"").decode())
    except ValueError:
        return None
    return claims if isinstance(claims, dict) else None


def made_by_key(token: str) -> bool:
    """Tell whether a token says that an API key made it: v2 refreshes no such JWT.

    Source: `gty` in tokens that people have decoded.
    """
    return (payload(token) or {}).get("gty") == "api_key"


def identity(claims: dict[str, Any]) -> dict[str, str]:
    """Return what `claims` tell of who and where, as short text that is safe on a terminal.

    Parameters:
    - claims: as from `payload`, or the members of the token details.

    Lists and the names of an object are joined with commas; anything else than text and numbers is
    left out.
    """
    shown = {}
    for name in _SHOWN:
        text = _display(claims.get(name))
        if text:
            shown[name] = text
    return shown


def _display(value: object) -> str:
    if isinstance(value, dict | list):
        return _shortened(", ".join(filter(None, map(_display_word, value))))
    return _shortened(_display_word(value))


def _display_word(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _FIRST_ODD_NUMBER:
        return str(value)
    return value if isinstance(value, str) else ""


def _shortened(text: str) -> str:
    text = printable(text)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."


def _decoded(part: str) -> bytes:
    # Decoders drop junk in silence; only a canonical text comes back the same when encoded again.
    try:
        decoded = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        return b""
    return decoded if base64.urlsafe_b64encode(decoded).rstrip(b"=").decode() == part else b""


def _seconds(value: object, rounded: Callable[[float], int]) -> int | None:
    if isinstance(value, float):
        value = rounded(value) if math.isfinite(value) else None
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= _LAST_SECOND else None
