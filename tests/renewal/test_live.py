"""Sessions against the sandbox, by one clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from credhelper.client.api import TokenSpec
from credhelper.client.authorization import ApiKey
from credhelper.core.model import Secret
from credhelper.errors import LoginRequiredError
from tests.support.renewers import IDLE

if TYPE_CHECKING:
    from tests.renewal.conftest import Live

HALF = IDLE // 2


def test_a_key_leads_to_a_session_and_that_to_tokens(live: Live) -> None:
    first, _ = live.token_source.renew()
    second, _ = live.token_source.renew()
    assert first != second
    assert live.count() == {"created": 1, "minted": 2}


def test_a_session_in_use_never_ends(live: Live) -> None:
    for _ in range(6):
        live.token_source.renew()
        live.token_source.now += HALF
    assert live.count() == {"created": 1, "minted": 6, "refreshed": 5}


@pytest.mark.parametrize("rotate", [False, True])
def test_a_refresh_that_answers_the_same_or_another_string_is_followed(
    live: Live, rotate: bool
) -> None:
    live.token_source.renew()
    before = live.token_source.kept()
    live.token_source.now += HALF
    live.ask("POST", "/_sandbox/faults", [{"path": "/v1/tokens:refresh", "rotate": rotate}])
    live.token_source.renew()
    assert (live.token_source.kept() != before) == rotate
    live.token_source.now += HALF
    live.token_source.renew()
    assert live.count() == {"created": 1, "minted": 3, "refreshed": 2}


def test_trouble_at_a_refresh_is_outlived(live: Live) -> None:
    live.token_source.renew()
    live.token_source.now += HALF
    live.ask(
        "POST", "/_sandbox/faults", [{"path": "/v1/tokens:refresh", "status": 500, "times": 9}]
    )
    live.token_source.renew()
    live.ask("DELETE", "/_sandbox/faults")
    live.token_source.now += 61
    live.token_source.renew()
    assert live.count() == {"created": 1, "minted": 3, "refreshed": 1}


def test_a_session_that_idled_away_is_made_again_with_a_key(live: Live) -> None:
    live.token_source.renew()
    live.token_source.now += IDLE + 1
    live.token_source.renew()
    assert live.count() == {"created": 2, "minted": 2}


def test_a_session_that_upstream_ended_is_made_again_with_a_key(live: Live) -> None:
    live.token_source.renew()
    live.ask("POST", "/_sandbox/revoke-all")
    live.token_source.renew()
    assert live.count() == {"created": 2, "minted": 2}


def test_a_session_that_upstream_ended_needs_a_person_without_one(live: Live) -> None:
    live.token_source.renew()
    live.ask("POST", "/_sandbox/revoke-all")
    live.token_source.key = None
    with pytest.raises(LoginRequiredError, match="has ended: POST") as told:
        live.token_source.renew()
    assert live.token_source.kept()["token"] not in told.value.message


def test_two_projects_share_a_session(live: Live) -> None:
    tokens = {live.token_source.renew(cid=cid)[0] for cid in (None, None)}
    assert len(tokens) == 2
    assert live.count() == {"created": 1, "minted": 2}


def test_a_given_pstoken_is_minted_from_and_refreshed(live: Live) -> None:
    token_source = live.token_source
    assert token_source.client
    assert token_source.key
    given = token_source.client.create(
        ApiKey(token_source.key), TokenSpec(return_session_token=True)
    )
    token_source.given = given.value
    token_source.renew(auth="session")
    token_source.now += HALF
    token_source.renew(auth="session")
    assert live.count() == {"created": 1, "minted": 2, "refreshed": 1}


def test_what_is_no_pstoken_is_not_taken_for_one_for_long(live: Live) -> None:
    live.token_source.given = Secret("ps-nobody-knows-this-one-at-all")
    with pytest.raises(LoginRequiredError, match="has ended"):
        live.token_source.renew(auth="session")


def test_the_servers_clock_decides_when_a_session_is_due(live: Live) -> None:
    live.ask("POST", "/_sandbox/faults", [{"date": 7200}])
    _, due = live.token_source.renew()
    assert abs(due - HALF) <= 2
