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
from credhelper.core.record import (
    EXPIRED,
    FRESH,
    NOT_YET_WAIT,
    STALE,
    Held,
    fields_of,
    held_in,
    judge,
)
from credhelper.errors import (
    CredhelperError,
    LoginRequiredError,
    MalformedAnswerError,
)
from credhelper.storage import locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from credhelper.core.model import Request, Token
    from credhelper.core.routes import Route
    from credhelper.core.service import Service
    from credhelper.storage.slot import Slot

LOCK_WAIT = flock.WAIT


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


def get(source: TokenSource, request: Request, route: Route, service: Service | None) -> Credential:
    """Return a credential for `request` from the profile of `route`.

    Raises LifetimeError when no token can have the life that is asked for. Without a living token,
    the renewal's error.
    """
    min_ttl = least_life(route, request)
    held = find(source)
    margin = margin_of(route, request)
    state = judge(held, source.clock(), margin=margin, min_ttl=min_ttl)
    source.trace("cache", record=source.slot.name, state=state)
    if held is None or state != FRESH:
        held = _renewed(source, held, state, margin, min_ttl, route.profile)
    _wait_until_valid(source, held)
    return credential(held, request, route, service, min_ttl)


def find(source: TokenSource) -> Held | None:
    """Return the token that is held and comes from the grant as it is; None if there is none."""
    return held_in(source.slot.find(), source.stamp, source.host)


def _renewed(
    source: TokenSource, held: Held | None, state: str, margin: int, min_ttl: int, profile: str
) -> Held:
    since = source.clock()
    _refuse_the_impossible(source, held, since, min_ttl)
    stale = held if state == STALE else None
    failed = source.slot.failure(source.stamp, since, since)
    if failed:
        return failure.instead(source, failed, stale, profile)
    if stale and not source.slot.writable():
        # Without room for a record, every call would make a new token.
        source.trace("cache", record=source.slot.name, served="stale", why="not writable")
        return stale
    lock, lockless = take_lock(source, 0 if stale else source.wait)
    try:
        if stale and not lock and not lockless:
            source.trace("lock", record=source.slot.name, served="stale", why="held")
            return stale
        if not lock and not lockless and not source.wait:
            raise Busy
        if not lock and (not lockless or source.slot.writable()):
            source.warn(
                f"going on without a lock: {lockless}"
                if lockless
                else f"waited {LOCK_WAIT:.0f} s for the process that is renewing profile {profile}:"
                " going on without it",
                None,
            )
        # The process that held the lock before us has most likely done the work.
        again = find(source)
        state = judge(again, source.clock(), margin=margin, min_ttl=min_ttl)
        if again is not None and state == FRESH:
            source.trace("lock", record=source.slot.name, found="renewed by another")
            return again
        stale = again if state == STALE else None
        # A session that is due is refreshed all the same: it lies elsewhere.
        due = stale is not None and 0 < stale.due <= source.clock()
        if stale and lock and not due and not source.slot.has_room():
            source.trace("cache", record=source.slot.name, served="stale", why="no room")
            return stale
        _refuse_the_impossible(source, again, source.clock(), min_ttl)
        failed = source.slot.failure(source.stamp, source.clock(), since)
        if failed:
            return failure.instead(source, failed, stale, profile)
        started = source.clock()
        try:
            # Not `again`: a token that lives too short for this caller is no reason to keep it.
            new = _renew(source, stale, lock is not None, profile)
        except Busy:
            if stale is None:
                raise
            source.trace("lock", record=source.slot.name, served="stale", why="token's is held")
            return stale
        except CredhelperError as error:
            if source.slot.gone_since(started, source.clock()):
                raise  # what is stale was revoked as well
            # A process that was suspended in between may find that others went on without it.
            made = find(source)
            state = judge(made, source.clock(), margin=margin, min_ttl=min_ttl)
            if made is not None and state == FRESH:
                source.trace("lock", record=source.slot.name, found="renewed by another")
                return made
            failure.remember(source, error)
            return failure.instead(source, error, made if state == STALE else None, profile)
    finally:
        if lock:
            lock.release()
    if judge(new, source.clock(), margin=0, min_ttl=min_ttl) == EXPIRED:
        raise failure.too_short(source, new, min_ttl)
    return new


def take_lock(source: TokenSource, wait: float) -> tuple[locks.Lock | None, str]:
    """Return the lock, or None with the reason why there can be none ("" when it is held)."""
    try:
        return source.slot.lock(wait), ""
    except locks.Unlockable as error:
        return None, str(error)


def _renew(source: TokenSource, held: Held | None, locked: bool, profile: str) -> Held:
    source.trace("renew", record=source.slot.name, locked=locked)
    started = source.clock()
    token, due = source.renew(held)
    now = source.clock()
    if source.slot.gone_since(started, now):
        raise _logged_out(source, token, profile)
    wait = token.not_before - token.skew - now
    if wait > NOT_YET_WAIT:
        raise MalformedAnswerError(
            f"the new {source.what} of profile {profile} is not valid for another {wait:.0f} s",
            hint="compare the clocks: this host's and the server's differ, or its nbf is wrong",
        )
    before = source.slot.find() or {}
    fields = fields_of(token, profile=profile, grant=source.stamp, host=source.host, before=before)
    fields |= {"due": str(due), "rejected_at": before.get("rejected_at", "0")}
    source.slot.keep(fields)
    # Once more, for a logout that could not wait for our lock.
    if source.slot.gone_since(started, source.clock()):
        source.slot.remove()
        raise _logged_out(source, token, profile)
    source.trace("renew", record=source.slot.name, expires=token.expires_at, skew=token.skew)
    return Held(fields, source.host)


def _logged_out(source: TokenSource, token: Token, profile: str) -> LoginRequiredError:
    source.trace("renew", record=source.slot.name, dropped="logged out meanwhile")
    source.revoke(token)
    from credhelper.core.login import logged_out

    return logged_out(profile)


def _refuse_the_impossible(
    source: TokenSource, held: Held | None, now: float, min_ttl: int
) -> None:
    # A token that was just made and lives too short shows how long the next one would live.
    if (
        held is not None
        and held.advertised - held.issued_at <= min_ttl
        and now - held.issued_at < held.lifetime / 2
    ):
        raise failure.too_short(source, held, min_ttl)


def _wait_until_valid(source: TokenSource, held: Held) -> None:
    wait = held.not_before - source.clock()
    if wait <= 0:
        return
    source.trace("wait", seconds=wait, reason="nbf")
    source.sleep(wait)
