"""Sessions that are JWTs, as v2 has them: the token itself, refreshed while it is valid."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from credhelper.client import iap
from credhelper.client.api import TokenSpec
from credhelper.client.authorization import ApiKey, Bearer, Password
from credhelper.client.http.transport import Transport
from credhelper.client.ica import Client
from credhelper.core.model import JWT, SESSION, Secret, Token
from credhelper.core.record import Held
from credhelper.errors import CacheError, LoginRequiredError, RejectedError, UnreachableError
from credhelper.renewal.renewal import Renewal
from credhelper.renewal.session import refreshable
from credhelper.storage.slot import Slot
from tests.renewal.conftest import Live
from tests.support.renewers import START, Renewer

LIFE = 86400
HALF = LIFE // 2
TOKENS = "/ica/rest/api/tokens"


class ScriptedSource:
    """Renewals of one v2 profile, against a sandbox that goes by the same clock."""

    def __init__(self, live: Live, account: Any, transport: Transport) -> None:
        self.live = live
        self.account = account
        self.transport = transport
        self.client = Client(transport, clock=lambda: self.now)
        self.due = 0
        self.authorize: Callable[[], Any] | None = None

    @property
    def now(self) -> float:
        return self.live.token_source.now

    def pass_by(self, seconds: float) -> None:
        self.live.token_source.now += seconds

    def renewal(self, auth: str = "session") -> Renewal:
        found = self.live.token_source.renewal(api="ica", auth=auth, keep_session=False)
        found.calls.authorize = self.authorize
        return found

    def log_in(self) -> str:
        """Do what `login` does with a password that is used once."""
        who = Password(self.account.username, Secret(self.account.password))
        token = self.client.create(who)
        assert self.renewal().adopt(token) == self.now + HALF
        return token.value.reveal()

    def renew(self, held: str | None = None, auth: str = "session") -> str:
        token, self.due = self.renewal(auth).renew(self.held(held) if held else None)
        assert token.kind == JWT
        return token.value.reveal()

    def held(self, text: str) -> Held:
        numbers = {"issued": str(START), "expires": str(START + LIFE)}
        return Held({"token": text, "kind": JWT, "host": "here", **numbers}, "here")

    def trouble(self, **fault: Any) -> None:
        self.live.ask("POST", "/_sandbox/faults", [{"path": f"{TOKENS}:refresh", **fault}])


@pytest.fixture
def v2(token_source: Renewer) -> Iterator[ScriptedSource]:
    """Give a v2 profile, and the sandbox that it talks to."""
    pytest.importorskip("jwt", reason="the sandbox needs credhelper[sandbox]")
    from credhelper.sandbox.server import start

    with start(clock=lambda: token_source.now) as sandbox:
        transport = Transport(
            sandbox.url,
            environ={},
            user_agent="test/0",
            clock=lambda: token_source.now,
            sleep=lambda _: None,
        )
        found = ScriptedSource(Live(token_source, sandbox.url), sandbox, transport)
        token_source.client = found.client
        yield found


def test_what_login_keeps_is_handed_out_until_half_of_its_life_is_over(v2: ScriptedSource) -> None:
    first = v2.log_in()
    v2.pass_by(5)
    assert v2.renew() == first
    v2.pass_by(HALF - 5)
    second = v2.renew(first)
    assert second != first
    assert v2.due == v2.now + HALF
    assert v2.live.count() == {"created": 1, "refreshed": 1}


def test_in_use_it_never_ends(v2: ScriptedSource) -> None:
    held = v2.log_in()
    for _ in range(6):
        v2.pass_by(HALF)
        held = v2.renew(held)
    assert v2.live.count() == {"created": 1, "refreshed": 6}


def test_it_is_on_disk_before_it_is_used_and_no_predecessor_with_it(v2: ScriptedSource) -> None:
    first = v2.log_in()
    v2.pass_by(HALF)
    second = v2.renew(first)
    assert v2.live.token_source.kept() == {"token": second}


def test_what_another_host_refreshed_is_taken(v2: ScriptedSource) -> None:
    first = v2.log_in()
    v2.pass_by(HALF)
    second = v2.renew(first)
    assert v2.renew(first) == second
    assert v2.live.count() == {"created": 1, "refreshed": 1}


def test_one_that_was_refused_or_is_too_short_is_refreshed_at_once(v2: ScriptedSource) -> None:
    first = v2.log_in()
    v2.pass_by(3600)
    assert v2.renew() != first
    assert v2.live.count() == {"created": 1, "refreshed": 1}


def test_trouble_leaves_what_still_lives_and_is_tried_again_soon(v2: ScriptedSource) -> None:
    first = v2.log_in()
    v2.pass_by(HALF)
    v2.trouble(status=503, times="always")
    assert v2.renew(first) == first
    assert v2.due == v2.now + 60
    v2.live.ask("DELETE", "/_sandbox/faults")
    v2.pass_by(60)
    assert v2.renew(first) != first


def test_trouble_with_one_that_is_dead_is_told(v2: ScriptedSource) -> None:
    first = v2.log_in()
    v2.pass_by(LIFE)
    v2.trouble(status=503, times="always")
    with pytest.raises(UnreachableError):
        v2.renew(first)


def test_a_refusal_leaves_what_still_lives_and_is_repeated_ever_sooner(v2: ScriptedSource) -> None:
    first = v2.log_in()
    v2.trouble(status=401, times="always")
    v2.pass_by(HALF)
    assert v2.renew(first) == first
    assert v2.due == v2.now + HALF // 2
    v2.pass_by(HALF - 10)
    assert v2.renew(first) == first
    assert v2.due == v2.now + 60


def test_one_that_idled_to_death_needs_a_person(v2: ScriptedSource) -> None:
    first = v2.log_in()
    v2.pass_by(LIFE)
    with pytest.raises(LoginRequiredError, match="has ended while idle: POST") as told:
        v2.renew(first)
    assert told.value.hint == "credhelper login --profile main"
    assert first not in told.value.message


def test_nobody_logged_in_needs_a_person(v2: ScriptedSource) -> None:
    with pytest.raises(LoginRequiredError, match="not logged in to profile main"):
        v2.renew()


def test_a_password_that_can_be_read_again_is_read_only_when_a_refresh_will_not_do(
    v2: ScriptedSource,
) -> None:
    read: list[None] = []

    def authorize() -> Password:
        read.append(None)
        return Password(v2.account.username, Secret(v2.account.password))

    v2.authorize = authorize
    held = v2.renew(auth="password")
    v2.pass_by(HALF)
    held = v2.renew(held, auth="password")
    assert len(read) == 1
    v2.pass_by(HALF)
    v2.trouble(status=400)
    held = v2.renew(held, auth="password")
    v2.pass_by(LIFE)
    v2.renew(held, auth="password")
    assert len(read) == 3
    assert v2.live.count() == {"created": 3, "refreshed": 1}


def test_a_key_creates_each_time_and_never_asks_for_a_refresh(v2: ScriptedSource) -> None:
    v2.live.token_source.key = Secret(v2.account.api_key)
    v2.authorize = v2.live.token_source.renewal().calls.authorize
    held = v2.renew(auth="api-key")
    v2.pass_by(HALF)
    assert v2.renew(held, auth="api-key") != held
    assert v2.due == 0
    assert v2.live.count() == {"created": 2}
    assert v2.live.token_source.kept() == {}


def test_a_pstoken_makes_the_first_and_is_asked_again_only_when_that_is_dead(
    v2: ScriptedSource,
) -> None:
    token_source = v2.live.token_source
    given = iap.Client(v2.transport, clock=lambda: token_source.now).create(
        ApiKey(Secret(v2.account.api_key)), TokenSpec(return_session_token=True)
    )
    v2.authorize = lambda: Bearer(given.value)
    held = v2.renew()
    v2.pass_by(HALF)
    held = v2.renew(held)
    v2.pass_by(LIFE)
    with pytest.raises(LoginRequiredError, match="has ended"):
        v2.renew(held)  # idle for so long, the psToken is dead as well
    assert v2.live.count() == {"created": 1, "minted": 1, "refreshed": 1}


def test_another_no_to_a_pstoken_is_not_taken_for_its_end(v2: ScriptedSource) -> None:
    v2.authorize = lambda: Bearer(Secret("ps-any"))
    v2.live.ask("POST", "/_sandbox/faults", [{"path": TOKENS, "status": 403}])
    with pytest.raises(RejectedError):
        v2.renew()


def test_one_that_cannot_be_written_down_is_handed_out_all_the_same(
    v2: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = v2.log_in()
    v2.pass_by(3600)

    def full(self: Slot, fields: object) -> None:
        raise CacheError("the disk is full")

    with monkeypatch.context() as disk:
        disk.setattr(Slot, "save", full)
        second = v2.renew()
        assert second != first
        with pytest.raises(CacheError):
            v2.log_in()  # nobody could make it again
    assert v2.live.token_source.kept() == {"token": first}
    assert v2.renew() not in (first, second)


def test_without_a_lock_it_is_refreshed_all_the_same(
    v2: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = v2.log_in()
    v2.pass_by(HALF)
    renewal = v2.renewal()
    monkeypatch.setattr(renewal.record, "lock", lambda **_: None)
    token, _ = renewal.renew(v2.held(first))
    assert token.value.reveal() != first


@pytest.fixture
def by_key(v2: ScriptedSource) -> str:
    """Give a JWT that says that an API key made it, held as the session."""
    token = v2.client.create(ApiKey(Secret(v2.account.api_key)))
    assert v2.renewal().adopt(token) == 0
    v2.trouble(status=500, times="always")
    return token.value.reveal()


def test_no_refresh_is_tried_for_a_jwt_that_an_api_key_made(
    v2: ScriptedSource, by_key: str
) -> None:
    for later in (5, HALF, HALF - 10):
        v2.pass_by(later)
        assert v2.renew(by_key) == by_key
        assert v2.renew() == by_key
        assert v2.due == 0
    v2.pass_by(5)
    with pytest.raises(LoginRequiredError, match="an API key made it") as told:
        v2.renew(by_key)
    assert told.value.hint == "credhelper login --profile main --api-key"
    assert by_key not in told.value.message
    assert v2.live.ask("GET", "/_sandbox/stats")["requests"] == 1


def test_a_grant_makes_another_in_place_of_one_that_an_api_key_made(
    v2: ScriptedSource, by_key: str
) -> None:
    v2.authorize = lambda: Password(v2.account.username, Secret(v2.account.password))
    v2.pass_by(HALF)
    again = v2.renew(by_key, auth="password")
    assert again != by_key
    assert v2.due == v2.now + HALF
    assert v2.renew(by_key, auth="password") == again
    assert v2.live.ask("GET", "/_sandbox/stats")["requests"] == 2


def test_a_pstoken_that_says_so_of_itself_is_refreshed_all_the_same() -> None:
    """Of a psToken's shape nobody knows anything."""
    jwt = Secret("eyJhbGciOiJSUzI1NiJ9.eyJndHkiOiJhcGlfa2V5In0.c2ln")  # {"gty":"api_key"}
    assert refreshable(Token(jwt, kind=SESSION, issued_at=START, expires_at=START + LIFE))
    assert not refreshable(Token(jwt, kind=JWT, issued_at=START, expires_at=START + LIFE))
