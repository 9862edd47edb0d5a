"""Fresh, stale, expired: what a token that we hold is good for. Pure."""

from credhelper.core.model import Secret
from credhelper.core.record import number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

FRESH = "fresh"
STALE = "stale"
EXPIRED = "expired"

NOT_YET_WAIT = 10.0

_EARLY = 10


class Held:
    """A token as the cache holds it, with all times on this host's clock, in Unix seconds.

    Parameters: `fields`, the record; `host`, this host's name.

    Attributes: `secret`; `kind`; `issued_at`, `expires_at`, `not_before`; `lifetime`, seconds from
    issue to expiry; `advertised`, the expiry that callers are told, a little earlier than the real
    one; `due`, when its session must be refreshed, 0 for never; `fields`.
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
    )

    def __init__(self, fields: "Mapping[str, str]", host: str) -> None:
        # A skew is a fact about the clock that measured it; homes are shared between hosts.
        skew = number(fields, "skew") if fields.get("host") == host else 0
        self.secret = Secret(fields["token"])
        self.kind = fields.get("kind", "")
        self.issued_at = number(fields, "issued") - skew
        self.expires_at = number(fields, "expires") - skew
        self.not_before = number(fields, "not_before") - skew
        self.lifetime = self.expires_at - self.issued_at
        self.advertised = self.expires_at - min(_EARLY, max(0, self.lifetime // 10))
        self.due = number(fields, "due")
        self.fields = fields

    def stale_at(self, margin: int) -> float:
        """Return when a caller with this margin should see it renewed, in Unix seconds."""
        soft = self.expires_at - min(margin, self.lifetime / 2)
        return min(soft, self.due) if self.due else soft


def held_in(fields: "Mapping[str, str] | None", stamp: str, host: str) -> Held | None:
    """Return the token in a record, or None if it holds none, or one from another grant.

    Parameters: `stamp`, what can be seen of the grant now (`routes.record_of`); `host`, this host.
    """
    if not fields or not fields.get("token") or fields.get("grant", "") != stamp:
        return None
    return Held(fields, host)


def judge(held: Held | None, now: float, *, margin: int, min_ttl: int) -> str:
    """Return `fresh`, `stale` or `expired` for what is held.

    Parameters: `now`, Unix seconds; `margin`, seconds that the caller likes to see, never more than
    half of the lifetime; `min_ttl`, seconds that it insists on.
    """
    if held is None or now >= held.advertised or held.advertised - now < min_ttl:
        return EXPIRED
    if held.not_before - now > NOT_YET_WAIT:
        return EXPIRED  # our clock lies behind its maker's: one of our own measures by how much
    return STALE if now >= held.stale_at(margin) else FRESH
