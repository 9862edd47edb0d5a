"""The state machine by itself: no socket, no waiting."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from credhelper.sandbox.account import FOREIGN_PROJECT, FOREIGN_WORKGROUP, Account, TokenRequest
from credhelper.sandbox.call import Presented, RefusedError, Tweak
from credhelper.sandbox.state import State

NOON = 1_800_000_000.5
KEY = Presented(api_key="the-key")
PASSWORD = Presented(basic="someone:secret:with:colons")
KEY_BASIC = Presented(basic="the-key")
SESSION = TokenRequest(session=True)
HOUR = 3600.0


def sign(claims: dict[str, Any]) -> str:
    return base64.b64encode(json.dumps(claims).encode()).decode()


def claims(token: str) -> Any:
    return json.loads(base64.b64decode(token))


def bearer(token: str) -> Presented:
    return Presented(bearer=token)


@pytest.fixture
def state() -> State:
    account = Account("someone", "secret:with:colons", "the-key")
    return State(account, sign, 2 * HOUR, HOUR, HOUR)


def refused(state: State, who: Presented, asked: TokenRequest = SESSION) -> int:
    with pytest.raises(RefusedError) as caught:
        state.create(who, asked, NOON)
    return caught.value.status


def test_a_token_lives_for_the_lifetime_from_the_whole_second_of_its_issue(state: State) -> None:
    made = claims(state.create(KEY, TokenRequest(), NOON))
    assert (made["iat"], made["nbf"], made["exp"]) == (int(NOON), int(NOON), int(NOON) + 7200)


def test_a_token_is_valid_until_just_before_its_expiry(state: State) -> None:
    token = bearer(state.create(KEY, TokenRequest(), NOON))
    state.details(token, int(NOON) + 7199.9)
    with pytest.raises(RefusedError) as caught:
        state.details(token, int(NOON) + 7200)
    assert caught.value.status == 401


def test_a_token_is_not_valid_before_its_nbf(state: State) -> None:
    token = bearer(state.create(KEY, TokenRequest(), NOON, Tweak(nbf=10)))
    with pytest.raises(RefusedError):
        state.details(token, NOON + 9)
    state.details(token, NOON + 10)


def test_a_session_ends_when_it_idles_for_its_lifetime(state: State) -> None:
    session = state.create(KEY, SESSION, NOON)
    state.create(bearer(session), TokenRequest(), NOON + HOUR - 0.1)
    with pytest.raises(RefusedError) as caught:
        state.create(bearer(session), TokenRequest(), NOON + HOUR)
    assert caught.value.status == 401


def test_only_a_refresh_extends_a_session(state: State) -> None:
    session = state.create(KEY, SESSION, NOON)
    state.create(bearer(session), TokenRequest(), NOON + 1800)
    state.details(bearer(session), NOON + 1800)
    with pytest.raises(RefusedError):
        state.details(bearer(session), NOON + HOUR)
    other = state.create(KEY, SESSION, NOON)
    assert state.refresh(bearer(other), other, NOON + 1800) == other
    state.details(bearer(other), NOON + HOUR + 1799)
    with pytest.raises(RefusedError):
        state.details(bearer(other), NOON + HOUR + 1800)


def test_an_idle_session_can_no_longer_be_refreshed(state: State) -> None:
    session = state.create(KEY, SESSION, NOON)
    for who in (bearer(session), PASSWORD):
        with pytest.raises(RefusedError) as caught:
            state.refresh(who, session, NOON + HOUR)
        assert (caught.value.status, caught.value.message) == (
            401,
            "the token can no longer be refreshed",
        )
    assert state.counters["refreshed"] == 0


def test_a_revoked_session_cannot_be_refreshed(state: State) -> None:
    session = state.create(KEY, SESSION, NOON)
    state.revoke(bearer(session), session, NOON)
    with pytest.raises(RefusedError) as caught:
        state.refresh(bearer(session), session, NOON)
    assert caught.value.status == 401


def test_revoking_a_session_ends_what_was_minted_from_it_and_nothing_else(state: State) -> None:
    session = state.create(KEY, SESSION, NOON)
    minted = state.create(bearer(session), TokenRequest(), NOON)
    other = state.create(KEY, TokenRequest(), NOON)
    state.revoke(KEY_BASIC, session, NOON)
    with pytest.raises(RefusedError):
        state.details(bearer(minted), NOON)
    state.details(bearer(other), NOON)


def test_a_session_that_idled_to_death_leaves_its_tokens_alive(state: State) -> None:
    session = state.create(KEY, SESSION, NOON)
    minted = state.create(bearer(session), TokenRequest(), NOON)
    state.details(bearer(minted), NOON + HOUR + 1)


def test_revoking_a_token_leaves_its_session_alive(state: State) -> None:
    session = state.create(KEY, SESSION, NOON)
    minted = state.create(bearer(session), TokenRequest(), NOON)
    state.revoke(bearer(session), minted, NOON)
    with pytest.raises(RefusedError):
        state.details(bearer(minted), NOON)
    state.refresh(bearer(session), session, NOON)


def test_revoking_twice_succeeds_even_by_the_dead_token_itself(state: State) -> None:
    for asked in (SESSION, TokenRequest()):
        token = state.create(KEY, asked, NOON)
        state.revoke(bearer(token), token, NOON)
        state.revoke(bearer(token), token, NOON)
        state.revoke(bearer(token), token, NOON + 3 * HOUR)


def test_a_dead_token_cannot_revoke_another(state: State) -> None:
    dead, other = state.create(KEY, TokenRequest(), NOON), state.create(KEY, TokenRequest(), NOON)
    state.revoke(bearer(dead), dead, NOON)
    with pytest.raises(RefusedError) as caught:
        state.revoke(bearer(dead), other, NOON)
    assert caught.value.status == 401
    state.details(bearer(other), NOON)


def test_a_rotated_session_goes_on_under_its_new_name_only(state: State) -> None:
    old = state.create(KEY, SESSION, NOON)
    minted = state.create(bearer(old), TokenRequest(), NOON)
    new = state.refresh(bearer(old), old, NOON, Tweak(rotate=True))
    assert new != old
    with pytest.raises(RefusedError):
        state.refresh(bearer(old), old, NOON)
    state.details(bearer(minted), NOON)
    state.revoke(bearer(new), new, NOON)
    with pytest.raises(RefusedError):
        state.details(bearer(minted), NOON)


def test_a_token_inherits_from_its_session_what_it_does_not_set_itself(state: State) -> None:
    asked = TokenRequest("app", "dom", "meta", ("A.B",), "wg", "proj", session=True)
    session = state.create(KEY, asked, NOON)
    plain = claims(state.create(bearer(session), TokenRequest(), NOON))
    assert plain["azp"] == "app"
    assert plain["domain"] == "dom"
    assert plain["session"]["data"] == "meta"
    assert plain["scope"] == "A.B"
    assert plain["acl"][::2] == ["cid:proj", "wid:wg"]
    other = claims(
        state.create(bearer(session), TokenRequest(cid="other", scopes=("C", "D")), NOON)
    )
    assert (other["mem"], other["scope"]) == ({"cid:other": "*"}, "C,D")


@pytest.mark.parametrize(
    "basic", ["the-key", "the-key:", ":the-key", "anything:the-key", "someone:secret:with:colons"]
)
def test_every_form_of_basic_opens_a_session(state: State, basic: str) -> None:
    state.create(Presented(basic=basic), SESSION, NOON)
    assert state.counters["created"] == 1


@pytest.mark.parametrize(
    "basic", ["", ":", "someone", "someone:", "someone:wrong", "the-key:wrong", "wrong", "sömé:ö"]
)
def test_wrong_basic_is_refused(state: State, basic: str) -> None:
    assert refused(state, Presented(basic=basic)) == 401


def test_a_jwt_creates_nothing(state: State) -> None:
    token = state.create(KEY, TokenRequest(), NOON)
    assert refused(state, bearer(token), TokenRequest()) == 401


def test_a_session_makes_no_session(state: State) -> None:
    session = state.create(KEY, SESSION, NOON)
    assert refused(state, bearer(session)) == 400
    assert state.counters["minted"] == 0


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (TokenRequest(cid=FOREIGN_PROJECT), 403),
        (TokenRequest(cwid=FOREIGN_WORKGROUP), 403),
        (TokenRequest(cid="no spaces"), 400),
        (TokenRequest(cwid="x" * 129), 400),
        (TokenRequest(cid="../.."), 400),
        (TokenRequest(cid="é"), 400),
    ],
)
def test_ids_are_well_formed_and_not_somebody_elses(
    state: State, asked: TokenRequest, status: int
) -> None:
    assert refused(state, KEY, asked) == status
    assert state.counters["created"] == 0


def test_a_skewed_server_judges_by_its_own_clock(state: State) -> None:
    ahead = Tweak(date=300)
    token = state.create(KEY, TokenRequest(), NOON, ahead)
    assert claims(token)["iat"] == int(NOON) + 300
    with pytest.raises(RefusedError):
        state.details(bearer(token), NOON)
    state.details(bearer(token), NOON, ahead)


def test_revoke_all_ends_what_there_is_and_lets_new_things_begin(state: State) -> None:
    session, token = state.create(KEY, SESSION, NOON), state.create(KEY, TokenRequest(), NOON)
    state.ledger.revoke_all()
    for dead in (session, token):
        with pytest.raises(RefusedError):
            state.details(bearer(dead), NOON)
    state.details(bearer(state.create(KEY, TokenRequest(), NOON)), NOON)


def test_no_repr_shows_a_secret(state: State) -> None:
    session = state.create(KEY, SESSION, NOON)
    shown = repr((state.account, KEY, PASSWORD, bearer(session)))
    assert "the-key" not in shown
    assert "secret:with:colons" not in shown
