"""A record of the cache: its text, and the verdict on the token in it. Pure.

A record is lines: a format version, then `key=value`, then `end` with a check sum. Without the
check sum, a disk that changes a digit of an expiry would have us serve a dead token for years.
"""

import credhelper
from credhelper.core.model import Secret, Token

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final, Literal  # noqa: F401  # Final: in comments, where it costs nothing

    import credhelper.errors
    from credhelper.core.model import Kind

    State = Literal["fresh", "stale", "expired"]

HEADER = "credhelper-record 1"
BASE = 32  # digits of a record's name; what follows stands for the value of a variable

FRESH = "fresh"  # type: Final
STALE = "stale"  # type: Final
EXPIRED = "expired"  # type: Final

GIVEN = "given"  # this field says that the token was given to us: it is not ours to revoke

NOT_YET_WAIT = 10.0

_EARLY = 10
_MOST_HOSTS = 32
_PRIME = 2**61 - 1


def encode(fields: "Mapping[str, str]") -> bytes:
    """Return `fields` as a record; raises CacheError if a value could break the lines."""
    lines = [HEADER]
    for key, value in fields.items():
        if not (value.isascii() and (value.isprintable() or not value)):
            raise credhelper.errors.CacheError(
                f"field {key} of a record holds a control or non-ASCII character"
            )
        lines.append(f"{key}={value}")
    body = "\n".join([*lines, ""]).encode()
    return body + end(body)


def decode(data: bytes) -> "dict[str, str] | None":
    """Return the fields of a record, or None for anything that is not a whole record."""
    body = data[: data.rfind(b"\n", 0, -1) + 1]
    if data != body + end(body):
        return None
    try:
        lines = data.decode("ascii").split("\n")
    except UnicodeDecodeError:
        return None
    if lines[0] != HEADER:
        return None
    fields = {}
    for line in lines[1:-2]:
        key, equals, value = line.partition("=")
        if not equals:
            return None
        fields[key] = value
    return fields


def end(body: bytes) -> bytes:
    """Return the last line of a record whose other lines are `body`."""
    # Modulo a prime, it shows every change of one byte. It guards against accidents only.
    return b"end %x\n" % (int.from_bytes(body, "big") % _PRIME)


def fields_of(
    token: Token,
    *,
    profile: str,
    grant: str,
    host: str,
    before: "Mapping[str, str] | None" = None,
) -> dict[str, str]:
    """Return `token` as the fields of a record; `Held` reads them.

    Parameters:
    - profile: its name, for people who read the record.
    - grant: the grant's stamp (`routes.record_of`).
    - host: this host's name: the skew holds for its clock only.
    - before: the record that this one replaces, with the skews of other hosts.
    """
    skews = _skews_after(before, token, host) if before else ""
    return {
        "profile": profile,
        "kind": token.kind,
        "grant": grant,
        "host": host,
        "skew": str(token.skew),
        "issued": str(token.issued_at),
        "not_before": str(token.not_before),
        "expires": str(token.expires_at),
        "assumed": str(int(token.assumed)),
        **({"skews": skews} if skews else {}),
        "token": token.value.reveal(),
    }


def _skews_after(before: "Mapping[str, str]", token: Token, host: str) -> str:
    """Return the skews that other hosts have measured: `HOST:SECONDS:WHEN`, with commas between.

    Without them, hosts with one cache and slow clocks would make a new token at each call: for each
    of them the other's token is not valid yet. A skew counts as long as a token lives.
    """
    known = [one.split(":") for one in before.get("skews", "").split(",")]
    known.append([before.get("host", ""), before.get("skew", ""), before.get("issued", "")])
    since = token.issued_at - (token.expires_at - token.issued_at)
    kept = {}
    for name, skew, when in (one for one in known if len(one) == 3):
        numbers = {"skew": skew, "when": when}
        if name not in ("", host) and number(numbers, "skew") and number(numbers, "when") >= since:
            kept[name] = f"{name}:{skew}:{when}"
    return ",".join([*kept.values()][-_MOST_HOSTS:])


def _skew_of(fields: "Mapping[str, str]", host: str) -> int:
    for one in fields.get("skews", "").split(","):
        name, _, rest = one.partition(":")
        if name == host:
            return number({"skew": rest.partition(":")[0]}, "skew")
    return 0


def number(fields: "Mapping[str, str]", key: str) -> int:
    """Return field `key` as a whole number; 0 when it is absent or is not one."""
    text = fields.get(key, "")
    digits = text[1:] if text.startswith("-") else text
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 16 else 0


class Held:
    """A token as the cache holds it, with all times on this host's clock, in Unix seconds.

    Parameters:
    - fields: the record.
    - host: this host's name.

    Attributes:
    - secret, kind.
    - issued_at, expires_at, not_before.
    - lifetime: seconds from issue to expiry.
    - advertised: the expiry that callers get, a little earlier than the real one.
    - due: when its session must be refreshed, 0 for never.
    - fields: the record.
    - skew: the server's clock minus ours in seconds, as this host measured it; 0 if it did not.
    """

    __slots__ = (
        "advertised",
        "due",
        "expires_at",
        "fields",
        "issued_at",
        "kind",
        "lifetime",
        "not_before",
        "secret",
        "skew",
    )

    def __init__(self, fields: "Mapping[str, str]", host: str) -> None:
        # A skew holds only for the clock that measured it; hosts may share a home.
        skew = number(fields, "skew") if fields.get("host") == host else _skew_of(fields, host)
        self.skew = skew
        self.secret = Secret(fields["token"])
        self.kind: Kind = fields.get("kind", "")  # type: ignore[assignment]  # we wrote it
        self.issued_at = number(fields, "issued") - skew
        self.expires_at = number(fields, "expires") - skew
        self.not_before = number(fields, "not_before") - skew
        self.lifetime = self.expires_at - self.issued_at
        self.advertised = self.expires_at - min(_EARLY, max(0, self.lifetime // 10))
        self.due = number(fields, "due")
        self.fields = fields

    def stale_at(self, margin: int) -> float:
        """Return when it becomes stale for a caller with this margin, in Unix seconds."""
        soft = self.expires_at - min(margin, self.lifetime / 2)
        return min(soft, self.due) if self.due else soft

    def token(self) -> Token:
        """Return the token as the API gave it, with all times on the server's clock."""
        return Token(
            self.secret,
            kind=self.kind,
            issued_at=self.issued_at + self.skew,
            expires_at=self.expires_at + self.skew,
            not_before=self.not_before + self.skew,
            skew=self.skew,
            assumed=self.fields.get("assumed") != "0",
        )


def held_in(fields: "Mapping[str, str] | None", stamp: str, host: str) -> Held | None:
    """Return the token in a record, or None if it holds none, or one from another grant.

    Parameters:
    - stamp: the grant's stamp now (`routes.record_of`).
    - host: this host's name.
    """
    if not fields or not fields.get("token") or fields.get("grant", "") != stamp:
        return None
    return Held(fields, host)


def judge(held: Held | None, now: float, *, margin: int, min_ttl: int) -> "State":
    """Return `fresh`, `stale` or `expired` for a token.

    Parameters:
    - now: Unix seconds.
    - margin: seconds of life that the caller should have; at most half of the lifetime counts.
    - min_ttl: seconds of life that it must have.
    """
    if held is None or now >= held.advertised or held.advertised - now < min_ttl:
        return EXPIRED
    if held.issued_at - now > NOT_YET_WAIT:
        # Our clock was set back since: its skew is wrong, so the token is renewed.
        ends = min(held.advertised, held.advertised + held.skew)
        return STALE if ends - now > max(0, min_ttl) and held.not_before <= now else EXPIRED
    if held.not_before - now > NOT_YET_WAIT:
        return EXPIRED  # our clock is behind the maker's: a token of our own will measure the skew
    return STALE if now >= held.stale_at(margin) else FRESH
