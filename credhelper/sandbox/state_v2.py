"""What the Tokens API of v2 does with the sandbox's state: create, refresh, and who may use it."""

from __future__ import annotations

from credhelper.sandbox import account as accounts
from credhelper.sandbox.account import TokenRequest
from credhelper.sandbox.call import PLAIN, Presented, RefusedError, Tweak
from credhelper.sandbox.ledger import Token
from credhelper.sandbox.state import State


def create(
    state: State, who: Presented, asked: TokenRequest, now: float, tweak: Tweak = PLAIN
) -> str:
    """Make a JWT of v2 (POST /ica/rest/api/tokens).

    Raises `RefusedError` 401 for anything but a valid key, password or living psToken.
    """
    parent, by_key = state.grant_of(who, now, key_in_basic=False)
    if parent is not None:
        asked = TokenRequest(domain=asked.domain or parent.asked.domain)
    sid = None if parent is None else parent.sid
    made = _issue(state, asked, sid, now, tweak, by_key=by_key)
    state.counters["minted" if parent else "created"] += 1
    return made


def refresh(state: State, who: Presented, now: float, tweak: Tweak = PLAIN) -> str:
    """Exchange a JWT of v2 for one that lives longer (POST /ica/rest/api/tokens:refresh).

    The old one stays valid until it expires. Raises `RefusedError`: 401 for anything but a
    valid JWT of v2, 400 for one that an API key made.
    """
    token = _valid(state, who, now, tweak)
    if token.claims.get("gty") == accounts.BY_KEY:
        raise RefusedError(400, "a JWT that an API key made cannot be refreshed")
    made = _issue(state, token.asked, token.sid, now, tweak, by_key=False)
    state.counters["refreshed"] += 1
    return made


def check(state: State, who: Presented, now: float, tweak: Tweak = PLAIN) -> None:
    """Check for a valid JWT of v2 or the API key. Raises `RefusedError` 401."""
    if who.api_key is None:
        _valid(state, who, now, tweak)
    else:
        state.grant_of(who, now)


def _valid(state: State, who: Presented, now: float, tweak: Tweak) -> Token:
    token = state.ledger.valid_jwt(who.bearer, now + tweak.date)
    if token is None or token.claims["aud"] != accounts.AUDIENCE_V2:
        raise RefusedError(401, "a valid JWT is needed as Bearer authorization")
    return token


def _issue(
    state: State, asked: TokenRequest, sid: str | None, now: float, tweak: Tweak, *, by_key: bool
) -> str:
    claims = accounts.v2_claims(state.account, asked, sid, by_key=by_key)
    return state.issue(Token(asked, claims, sid), now, tweak)
