"""A reject: a caller was refused with a token of ours, and wants another one."""

from __future__ import annotations

from credhelper.broker.source import LOCK_WAIT, find, take_lock
from credhelper.core.record import number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.broker.source import TokenSource
    from credhelper.core.model import Secret

YOUNG = 60
REJECT_PAUSE = 10


def forget(source: TokenSource, rejected: Secret, *, sure: bool = False) -> bool:
    """Forget the token that a caller was refused, if it is the very one we hold.

    The first reject of a young token keeps it (`nbf`, clocks that differ), unless the caller is
    `sure`, because it has seen the refusal itself. Rejects lead to one new token in ten seconds at
    the most. Returns whether it was forgotten. Never revokes. Raises CacheError if the disk says
    no: it would be served again.
    """
    held = find(source)
    if held is None:
        return _dropped(source)
    if held.secret != rejected:
        return False
    lock, _ = take_lock(source, LOCK_WAIT)
    try:
        held = find(source)
        if held is None:
            return _dropped(source)
        if held.secret != rejected:
            return False
        now = source.clock()
        fields = dict(held.fields)
        paused = 0 <= now - number(fields, "rejected_at") < REJECT_PAUSE
        young = abs(now - held.issued_at) < YOUNG and not fields.get("rejected") and not sure
        if paused or young:
            source.trace("reject", record=source.slot.name, kept=True)
            fields["rejected"] = "1"
            # A record that cannot be marked would be served again, however often it is refused.
            if source.slot.keep(fields) or paused:
                return False
        source.trace("reject", record=source.slot.name, kept=False)
        clocks = {key: fields.get(key, "") for key in ("host", "skew", "skews", "issued")}
        source.slot.forget({**clocks, "token": "", "rejected_at": str(int(now))})
        return True
    finally:
        if lock:
            lock.release()


def _dropped(source: TokenSource) -> bool:
    """Remove a record that cannot be read, and tell whether there was one. Raises CacheError."""
    if not source.slot.unreadable():
        return False
    source.slot.remove()  # it may be the very one, and costs no more than a renewal
    return True
