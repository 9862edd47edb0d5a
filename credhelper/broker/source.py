"""The broker: fresh, stale, expired. Answer, or renew once for everybody.

It knows neither which protocol asked nor what a renewal takes: the slot on disk and the renewal
reach it as arguments. The rules: margins are soft and `min_ttl` is hard; one process renews while
the others wait at the kernel's lock; a token that still lives is never lost to a failure; a failure
is remembered for a moment, so that a herd does not repeat it; every wait has an end.
"""

from __future__ import annotations

import time

from credhelper import errors
from credhelper.core import flock as gates
from credhelper.core.lookup import credential
from credhelper.core.model import Credential, Secret
from credhelper.core.record import EXPIRED, FRESH, NOT_YET_WAIT, STALE, Held, held_in, judge, number
from credhelper.core.routes import least_life
from credhelper.errors import CredhelperError, LifetimeError, MalformedAnswerError
from credhelper.storage import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from credhelper.core.model import Request, Token
    from credhelper.core.routes import Route
    from credhelper.core.service import Service
    from credhelper.storage.slot import Slot

LOCK_WAIT = gates.WAIT
DEFINITE_NO = 5.0
TROUBLE = 2.0
MOST_TROUBLE = 60.0
YOUNG = 60
REJECT_PAUSE = 10


class TokenSource:
    """One answer's collaborators.

    Parameters: `slot`, where the record lies; `stamp`, what the warm path knows of the grant now;
    `renew`, makes a new token (given the one held) and tells when its session is due; `warn`, one
    line to the user and a hint; `trace`, one decision; `clock`, Unix seconds; `sleep`; `host`, this
    host's name; `what`, what people call that which is held here.
    """

    __slots__ = ("clock", "host", "renew", "sleep", "slot", "stamp", "trace", "warn", "what")

    def __init__(
        self,
        slot: Slot,
        stamp: str,
        *,
        renew: Callable[[Held | None], tuple[Token, int]],
        warn: Callable[[str, str | None], None],
        trace: Callable[..., None],
        host: str,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        what: str = "token",
    ) -> None:
        self.slot = slot
        self.stamp = stamp
        self.renew = renew
        self.warn = warn
        self.trace = trace
        self.host = host
        self.clock = clock
        self.sleep = sleep
        self.what = what


def get(broker: TokenSource, request: Request, route: Route, service: Service | None) -> Credential:
    """Return a credential for `request` from the profile of `route`.

    Raises LifetimeError when no token can have the life that is asked for, and whatever kept the
    renewal from working when nothing that lives is held.
    """
    min_ttl = least_life(route, request)
    held = _find(broker)
    state = judge(held, broker.clock(), margin=request.margin, min_ttl=min_ttl)
    broker.trace("cache", record=broker.slot.name, state=state)
    if held is None or state != FRESH:
        held = _renewed(broker, held, state, request.margin, min_ttl, route.profile)
    _wait_until_valid(broker, held)
    return credential(held, request, route, service, min_ttl)


def reject(broker: TokenSource, rejected: Secret, *, sure: bool = False) -> bool:
    """Forget the token that a caller was refused, if it is the very one we hold.

    The first reject of a young token keeps it (`nbf`, clocks that differ), unless the caller is
    `sure`, because it has seen the refusal itself. Rejects lead to one new token in ten seconds at
    the most. Returns whether it was forgotten. Never revokes.
    """
    held = _find(broker)
    if held is None or held.secret != rejected:
        return False
    gate, _ = _gate(broker, LOCK_WAIT)
    try:
        held = _find(broker)
        if held is None or held.secret != rejected:
            return False
        now = broker.clock()
        fields = dict(held.fields)
        paused = 0 <= now - number(fields, "rejected_at") < REJECT_PAUSE
        young = now - held.issued_at < YOUNG and not fields.get("rejected") and not sure
        if paused or young:
            broker.trace("reject", record=broker.slot.name, kept=True)
            fields["rejected"] = "1"
            broker.slot.keep(fields)
            return False
        broker.trace("reject", record=broker.slot.name, kept=False)
        broker.slot.save({"token": "", "rejected_at": str(int(now))})
        return True
    finally:
        if gate:
            gate.release()


def _find(broker: TokenSource) -> Held | None:
    return held_in(broker.slot.find(), broker.stamp, broker.host)


def _renewed(
    broker: TokenSource, held: Held | None, state: str, margin: int, min_ttl: int, profile: str
) -> Held:
    since = broker.clock()
    _refuse_the_impossible(broker, held, since, min_ttl)
    stale = held if state == STALE else None
    failure = broker.slot.failure(broker.stamp, since, since)
    if failure:
        return _instead(broker, _revive(failure), stale, profile)
    if stale and not broker.slot.writable():
        # What cannot be kept would be made again by every call.
        broker.trace("cache", record=broker.slot.name, served="stale", why="not writable")
        return stale
    gate, lockless = _gate(broker, 0 if stale else LOCK_WAIT)
    try:
        if stale and not gate and not lockless:
            broker.trace("lock", record=broker.slot.name, served="stale", why="held")
            return stale
        if not gate and (not lockless or broker.slot.writable()):
            broker.warn(
                f"going on without a lock: {lockless}"
                if lockless
                else f"waited {LOCK_WAIT:.0f} s for the process that is renewing profile {profile}:"
                " going on without it",
                None,
            )
        # Whoever held the gate before us has most likely done the work.
        again = _find(broker)
        state = judge(again, broker.clock(), margin=margin, min_ttl=min_ttl)
        if again is not None and state == FRESH:
            broker.trace("lock", record=broker.slot.name, found="renewed by another")
            return again
        stale = again if state == STALE else None
        _refuse_the_impossible(broker, again, broker.clock(), min_ttl)
        failure = broker.slot.failure(broker.stamp, broker.clock(), since)
        if failure:
            return _instead(broker, _revive(failure), stale, profile)
        try:
            # Not `again`: a token that lives too short for this caller is no reason to keep it.
            new = _renew(broker, stale, gate is not None, profile)
        except CredhelperError as error:
            _remember(broker, error)
            return _instead(broker, error, stale, profile)
    finally:
        if gate:
            gate.release()
    if judge(new, broker.clock(), margin=0, min_ttl=min_ttl) == EXPIRED:
        raise _too_short(broker, new, min_ttl)
    return new


def _gate(broker: TokenSource, wait: float) -> tuple[files.Lock | None, str]:
    """Return the lock, or None with the reason why there can be none ("" when it is held)."""
    try:
        return broker.slot.lock(wait), ""
    except files.Unlockable as error:
        return None, str(error)


def _renew(broker: TokenSource, held: Held | None, locked: bool, profile: str) -> Held:
    broker.trace("renew", record=broker.slot.name, locked=locked)
    token, due = broker.renew(held)
    now = broker.clock()
    wait = token.not_before - token.skew - now
    if wait > NOT_YET_WAIT:
        raise MalformedAnswerError(
            f"the new {broker.what} of profile {profile} is not valid for another {wait:.0f} s",
            hint="compare the clocks: this host's and the server's differ, or its nbf is wrong",
        )
    before = broker.slot.find() or {}
    fields = {
        "profile": profile,
        "kind": token.kind,
        "grant": broker.stamp,
        "host": broker.host,
        "skew": str(token.skew),
        "issued": str(token.issued_at),
        "not_before": str(token.not_before),
        "expires": str(token.expires_at),
        "assumed": str(int(token.assumed)),
        "due": str(due),
        "rejected_at": before.get("rejected_at", "0"),
        "token": token.value.reveal(),
    }
    broker.slot.keep(fields)
    broker.trace("renew", record=broker.slot.name, expires=token.expires_at, skew=token.skew)
    return Held(fields, broker.host)


def _refuse_the_impossible(
    broker: TokenSource, held: Held | None, now: float, min_ttl: int
) -> None:
    # A token that was just made and does not last long enough tells what the next one would be.
    if (
        held is not None
        and held.advertised - held.issued_at <= min_ttl
        and now - held.issued_at < held.lifetime / 2
    ):
        raise _too_short(broker, held, min_ttl)


def _too_short(broker: TokenSource, held: Held, min_ttl: int) -> LifetimeError:
    return LifetimeError(
        f"a {broker.what} that lives another {min_ttl} s was asked for,"
        f" but new ones live only {held.lifetime} s",
        hint="ask for less with --min-ttl"
        + (" (or min_ttl in the config)" if broker.what == "token" else "")
        + f", or have the administrator raise the {broker.what}s' lifetime",
    )


def _remember(broker: TokenSource, error: CredhelperError) -> None:
    if error.private:
        return
    seconds = DEFINITE_NO
    if error.retryable:
        asked = getattr(error, "retry_after", None) or TROUBLE
        seconds = min(max(asked, TROUBLE), MOST_TROUBLE)
    broker.slot.remember(error, broker.stamp, broker.clock(), seconds)


def _revive(failure: Mapping[str, str]) -> CredhelperError:
    kind = getattr(errors, failure.get("class", ""), None)
    if not (isinstance(kind, type) and issubclass(kind, CredhelperError)):
        kind = CredhelperError
    error = kind(failure.get("message", ""), failure.get("hint") or None)
    error.retryable = failure.get("retryable") == "1"
    return error


def _instead(broker: TokenSource, error: CredhelperError, stale: Held | None, profile: str) -> Held:
    if stale is None:
        raise error
    left = stale.expires_at - broker.clock()
    broker.trace("renew", record=broker.slot.name, failed=error.code, served="stale")
    broker.warn(
        f"could not renew profile {profile},"
        f" its {broker.what} still lives {left:.0f} s: {error.message}",
        error.hint,
    )
    return stale


def _wait_until_valid(broker: TokenSource, held: Held) -> None:
    wait = held.not_before - broker.clock()
    if wait <= 0:
        return
    broker.trace("wait", seconds=wait, reason="nbf")
    broker.sleep(wait)
