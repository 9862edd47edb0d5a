"""A cached token source: it answers from the slot, or renews once for everybody who asks.

It knows neither which protocol asked nor how a renewal is done: its caller passes in the slot on
disk and the renewal. The rules:
- A margin is soft, `min_ttl` is hard.
- One process renews. The others wait for the kernel's lock.
- A failure never costs a token that still lives.
- A failure is remembered for a few seconds, so that a herd does not repeat it.
- Every wait has an end.
"""

from __future__ import annotations

import time

from credhelper.broker import failure
from credhelper.core import flock
from credhelper.core.lookup import credential, least_life, margin_of
from credhelper.core.model import Credential
from credhelper.core.record import EXPIRED, FRESH, STALE, Held, held_in, judge
from credhelper.errors import CredhelperError
from credhelper.storage import locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from credhelper.core.model import Request, Token
    from credhelper.core.routes import Route
    from credhelper.core.service import Service
    from credhelper.storage.slot import Enough, Slot

LOCK_WAIT = flock.LEADER_WAIT


class Outdated(Exception):
    """The grant has changed since `stamp`: the caller begins again with a new source.

    Raised by a renewal, which then has made nothing.
    """


class Busy(Exception):
    """Another process is renewing, and the caller does not wait: it has something that lives."""


class TokenSource:
    """What one profile's token is read from and renewed with.

    Parameters:
    - slot: where the record lies.
    - stamp: what the warm path can see of the grant now.
    - renew: takes the old token, if any, and returns a new one, and when its session is due.
    - revoke: ends a token that somebody logged out of while it was being made.
    - warn: takes one line for the user, and a hint.
    - trace: takes one decision.
    - host: this host's name.
    - clock: Unix seconds.
    - sleep: takes seconds.
    - what: what people call that which is held here.
    - wait: seconds for a process that renews: see `Busy` for 0.
    """

    __slots__ = (
        "clock",
        "host",
        "renew",
        "revoke",
        "sleep",
        "slot",
        "stamp",
        "trace",
        "wait",
        "warn",
        "what",
    )

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
        revoke: Callable[[Token], None] = lambda token: None,
        what: str = "token",
        wait: float = LOCK_WAIT,
    ) -> None:
        self.slot = slot
        self.stamp = stamp
        self.renew = renew
        self.warn = warn
        self.trace = trace
        self.host = host
        self.clock = clock
        self.sleep = sleep
        self.revoke = revoke
        self.what = what
        self.wait = wait


class Wanted:
    """What one caller wants.

    Parameters:
    - profile: the name of the profile that it is for.
    - margin: seconds of life that the caller likes to see.
    - min_ttl: seconds of life that it insists on.
    - since: when it asked, in Unix seconds.
    """

    __slots__ = ("margin", "min_ttl", "profile", "since")

    def __init__(self, profile: str, *, margin: int, min_ttl: int, since: float) -> None:
        self.profile = profile
        self.margin = margin
        self.min_ttl = min_ttl
        self.since = since


def get(source: TokenSource, request: Request, route: Route, service: Service | None) -> Credential:
    """Return a credential for `request` from the profile of `route`.

    Raises LifetimeError when no token can have the life that is asked for. Without a living token,
    the renewal's error.
    """
    min_ttl = least_life(route, request)
    wanted = Wanted(
        route.profile, margin=margin_of(route, request), min_ttl=min_ttl, since=source.clock()
    )
    held, state = _look(source, wanted)
    source.trace("cache", record=source.slot.name, state=state)
    if held is None or state != FRESH:
        held = _renewed(source, wanted, held, state)
    if held.not_before > source.clock():
        from credhelper.broker import making  # late, as below

        making.wait_until_valid(source, held)
    return credential(held, request, route, service, min_ttl)


def find(source: TokenSource) -> Held | None:
    """Return the token that is held and comes from the grant as it is; None if there is none."""
    return held_in(source.slot.find(), source.stamp, source.host)


def _look(source: TokenSource, wanted: Wanted) -> tuple[Held | None, str]:
    """Return what is held now, and how good it is for the caller."""
    held = find(source)
    return held, judge(held, source.clock(), margin=wanted.margin, min_ttl=wanted.min_ttl)


def _look_again(source: TokenSource, wanted: Wanted) -> tuple[Held | None, str]:
    """Return the same, later: another process may have renewed it by then."""
    held, state = _look(source, wanted)
    if state == FRESH:
        source.trace("lock", record=source.slot.name, found="renewed by another")
    return held, state


def _renewed(source: TokenSource, wanted: Wanted, held: Held | None, state: str) -> Held:
    """Return a new token, made here or by another process; the stale one where there is none."""
    stale = held if state == STALE else None
    served = failure.known(source, wanted, held, stale)
    if served:
        return served
    if stale and not source.slot.writable():
        # Without room for a record, every call would make a new token.
        source.trace("cache", record=source.slot.name, served="stale", why="not writable")
        return stale
    enough = failure.enough(source, wanted)
    lock, lockless = take_lock(source, 0 if stale else source.wait, wanted.profile, enough=enough)
    try:
        served = None if lock else _without_the_lock(source, wanted, stale, lockless)
        if served:
            return served
        if lock is None and not lockless:
            # Its holder was stopped: one of those who waited for it renews in its place.
            lock, _ = take_lock(source, flock.WAIT, wanted.profile, second=True, enough=enough)
        return _at_the_gate(source, wanted, lock is not None)
    finally:
        if lock:
            lock.release()


def _without_the_lock(
    source: TokenSource, wanted: Wanted, stale: Held | None, lockless: str
) -> Held | None:
    """Return the stale token while another process renews it; None to renew without the lock.

    Parameters:
    - lockless: why there can be no lock, "" when another process holds it.

    Raises Busy.
    """
    if lockless:
        if source.slot.writable():
            source.warn(f"continuing without a lock: {lockless}", None)
        return None
    if stale:
        source.trace("lock", record=source.slot.name, served="stale", why="held")
        return stale
    if not source.wait:
        raise Busy
    source.warn(
        f"waited {LOCK_WAIT:.0f} s for the process that is renewing profile {wanted.profile}:"
        " continuing without it",
        None,
    )
    return None


def _at_the_gate(source: TokenSource, wanted: Wanted, locked: bool) -> Held:
    """Return what the process before us has made, or a token made here; the stale one without."""
    held, state = _look_again(source, wanted)
    if held and state == FRESH:
        return held
    stale = held if state == STALE else None
    # A session that is due is refreshed all the same: it lies elsewhere.
    due = stale is not None and 0 < stale.due <= source.clock()
    if stale and locked and not due and not source.slot.has_room():
        source.trace("cache", record=source.slot.name, served="stale", why="no room")
        return stale
    served = failure.known(source, wanted, held, stale)
    if served:
        return served
    from credhelper.broker import making  # late: dialogues that the cache answers do without

    started = source.clock()
    try:
        # Not `held`: a token that lives too short for this caller is no reason to keep it.
        new = making.make(source, stale, locked, wanted.profile)
    except Busy:
        if stale is None:
            raise
        source.trace("lock", record=source.slot.name, served="stale", why="token's is held")
        return stale
    except CredhelperError as error:
        return _after_a_failure(source, wanted, error, started)
    if judge(new, source.clock(), margin=0, min_ttl=wanted.min_ttl) == EXPIRED:
        raise failure.too_short(source, new, wanted)
    return new


def _after_a_failure(
    source: TokenSource, wanted: Wanted, error: CredhelperError, started: float
) -> Held:
    """Return what lives although a renewal failed; raise its `error` where nothing does."""
    if source.slot.gone_since(started, source.clock()):
        raise error  # what is stale was revoked as well
    # A process that was suspended in between may find that others went on without it.
    source.slot.ask_again(failure.enough(source, wanted))
    held, state = _look_again(source, wanted)
    if held and state == FRESH:
        return held
    failure.remember(source, error)
    return failure.instead(source, error, held if state == STALE else None, wanted.profile)


def take_lock(
    source: TokenSource,
    wait: float,
    profile: str = "",
    *,
    second: bool = False,
    enough: Enough | None = None,
) -> tuple[locks.Lock | None, str]:
    """Return the lock, or None with the reason why there can be none ("" when it is held).

    Parameters: as for `Slot.lock`; `profile`, whose token it is, if that is to be told.
    """
    holder = f"renews the {source.what}" + (f" of profile {profile}" if profile else "")
    try:
        return source.slot.lock(wait, second=second, holder=holder, enough=enough), ""
    except locks.Unlockable as error:
        return None, str(error)
