"""A sandbox that runs for days: it holds what may still be asked for, and forgets the rest."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from credhelper.sandbox.account import Account, TokenRequest
from credhelper.sandbox.call import Presented, RefusedError, Tweak
from credhelper.sandbox.ledger import FEW, KEPT
from credhelper.sandbox.objects import Objects
from credhelper.sandbox.state import State

NOON = 1_800_000_000.0
KEY = Presented(api_key="the-key")
KEY_BASIC = Presented(basic="the-key")
LIFE, IDLE = 60.0, 300.0


def sign(claims: dict[str, Any]) -> str:
    return base64.b64encode(json.dumps(claims).encode()).decode()


@pytest.fixture
def state() -> State:
    return State(Account("someone", "secret", "the-key"), sign, LIFE, IDLE, LIFE)


def many(state: State, now: float, asked: TokenRequest | None = None, number: int = FEW) -> None:
    for _ in range(number):
        state.create(KEY, asked or TokenRequest(), now)


def held(state: State) -> int:
    ledger = state.ledger
    assert ledger._ends.keys() == ledger._tokens.keys()
    assert ledger._revoked_tokens <= ledger._tokens.keys()
    return len(ledger._tokens) + len(ledger._sessions)


@pytest.mark.parametrize("asked", [TokenRequest(), TokenRequest(session=True)])
def test_what_it_holds_does_not_grow_with_the_days(state: State, asked: TokenRequest) -> None:
    most = 0
    for hour in range(24):
        many(state, NOON + hour * 2 * KEPT, asked)
        most = max(most, held(state))
    assert most <= 2 * FEW
    assert state.counters["created"] == 24 * FEW


def test_rotated_and_revoked_ones_go_as_well(state: State) -> None:
    for hour in range(24):
        now = NOON + hour * 2 * KEPT
        session = state.create(KEY, TokenRequest(session=True), now)
        for _ in range(FEW // 2):
            who = Presented(bearer=session)
            token = state.create(who, TokenRequest(), now)
            state.revoke(KEY_BASIC, token, now)
            session = state.refresh(who, session, now, Tweak(rotate=True))
        state.revoke(KEY_BASIC, session, now)
    assert held(state) <= 2 * FEW
    assert len(state.ledger._revoked_sids) <= 2


def test_what_lives_and_what_has_just_ended_is_known(state: State) -> None:
    session = state.create(KEY, TokenRequest(session=True), NOON)
    token = state.create(KEY, TokenRequest(), NOON)
    later = NOON + IDLE + KEPT - 1
    fresh = state.create(KEY, TokenRequest(), later)
    many(state, later, number=2 * FEW)
    assert state.ledger.issued(session)
    assert not state.ledger.issued(token)  # it ended four minutes before the session
    state.details(Presented(bearer=fresh), later)
    state.revoke(KEY_BASIC, session, later)
    with pytest.raises(RefusedError) as caught:
        state.revoke(KEY_BASIC, token, later)
    assert caught.value.status == 400


def test_a_session_stays_as_long_as_a_token_that_it_could_end(state: State) -> None:
    session = state.create(KEY, TokenRequest(session=True), NOON)
    who = Presented(bearer=session)
    token = state.create(who, TokenRequest(), NOON, Tweak(lifetime=10 * KEPT))
    later = NOON + 5 * KEPT
    many(state, later, number=2 * FEW)
    state.details(Presented(bearer=token), later)
    state.revoke(KEY_BASIC, session, later)
    many(state, later, number=4 * FEW)  # that it was revoked is not forgotten either
    with pytest.raises(RefusedError):
        state.details(Presented(bearer=token), later)


@pytest.mark.parametrize("date", [-10 * KEPT, 10 * KEPT])
def test_a_token_of_a_clock_that_is_wrong_is_known_as_long_as_it_may_be_valid(
    state: State, date: float
) -> None:
    wrong = Tweak(date=date)
    token = Presented(bearer=state.create(KEY, TokenRequest(), NOON, wrong))
    many(state, NOON, number=2 * FEW)
    state.details(token, NOON, wrong)


def test_aws_keys_go_an_hour_after_their_end() -> None:
    objects = Objects()
    for hour in range(24):
        now = NOON + hour * 2 * KEPT
        for _ in range(FEW):
            objects.give("folder", "fol.a", False, now + LIFE, now)
        assert len(objects.living(now)) == FEW
    assert len(objects._given) <= 2 * FEW
