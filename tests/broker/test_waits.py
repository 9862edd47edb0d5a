"""How long a call may take when everything hangs: locks, the API, the grant's program."""

from __future__ import annotations

import types
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from credhelper.broker import answer, routing, wiring
from credhelper.broker.context import Context
from credhelper.client.http import failures
from credhelper.client.http.transport import DEADLINE, Transport
from credhelper.config import child
from credhelper.core import flock, lookup, record
from credhelper.core.model import AWS, JWT, SESSION, Request, Secret, Token
from credhelper.errors import CredhelperError, RejectedError
from credhelper.storage import locks

if TYPE_CHECKING:
    from credhelper.core.model import Wants

NOW = 1_800_000_000
NOTHING_NEW = ("", "ps-2")  # an error, or the session that cannot be refreshed and still lives
LOCKS, HTTP, GRANT, NOT_YET = 30.0, 20.0, 10.0, 10.0
KINDS = {
    "key": "",
    "session": "keep_session = true\n",
    "pstoken": 'token = "session"\n',
    "v2": 'api = "ica"\nauth = "password"\nuser = "me@example.org"\n',
    "aws": 'aws = { folder = "fol.1" }\n',
    "aws of a session": 'keep_session = true\naws = { folder = "fol.1" }\n',
}


class Hanging:
    """A world in which nothing answers, and a clock that only waits move."""

    def __init__(self, root: Path, kind: str, patch: pytest.MonkeyPatch) -> None:
        self.passed = 0.0
        self.locked = 0.0
        self.http: Callable[[float], object] = self.wait
        self.environ = {
            "HOME": str(root),
            "CREDHELPER_CONFIG": str(root / "config.toml"),
            "CREDHELPER_CACHE_DIR": str(root / "cache"),
            "CREDHELPER_STATE_DIR": str(root / "state"),
            "PATH": "/bin:/usr/bin",
        }
        (root / "config.toml").write_text(
            f'[profiles.main]\nurl = "https://api.example"\n'
            f'grant = {{ command = ["cat"] }}\n{KINDS[kind]}'
        )
        self.request = Request(
            "get", profile="main", wants=AWS if kind.startswith("aws") else "token", timeout=5
        )
        clocks = types.SimpleNamespace(monotonic=self.monotonic, sleep=self.wait)
        patch.setattr(flock, "time", clocks)
        patch.setattr(locks, "time", clocks)
        patch.setattr(flock, "take", self.take)
        patch.setattr(child, "run", self.run_grant)
        patch.setattr(wiring, "transport_for", self.transport)
        patch.setattr(Transport, "_within", self.within)

    def monotonic(self) -> float:
        return self.passed

    def clock(self) -> float:
        return NOW + self.passed

    def wait(self, seconds: float) -> None:
        self.passed += seconds

    def take(self, handle: int, wait: float) -> str:
        self.locked += wait
        self.wait(wait)
        return flock.OVER

    def run_grant(self, words: Any, environ: Any, deadline: float) -> tuple[int, bytes]:
        self.wait(deadline)
        return 0, b"key\n"

    def transport(
        self, context: Context, profile: Any, timeout: float = 0, allowance: Any = None
    ) -> Transport:
        return Transport(
            profile.url,
            environ={},
            user_agent="test",
            deadline=timeout or DEADLINE,
            allowance=allowance,
            clock=self.clock,
            monotonic=self.monotonic,
            sleep=self.wait,
        )

    def within(self, ends: float, work: object) -> object:
        return self.http(ends - self.passed) or failures.Failure(RejectedError("no", status=401))

    def context(self, early: flock.EarlyLocks | None = None) -> Context:
        return Context(
            self.environ,
            warn=lambda *_: None,
            alarm=True,
            clock=self.clock,
            early=early,
            sleep=self.wait,
        )

    def hold(self, wants: Wants, *, life: int, due: int = 0) -> None:
        """Put a token, or AWS credentials, into the cache, and a session that is due."""
        context = self.context()
        found = routing.load_routes(context)
        token_source = answer.source_for(context, found, found.all()[0], wants)
        token = Token(
            Secret("{}"), kind=JWT, issued_at=NOW - 3600, expires_at=NOW + life, assumed=False
        )
        fields = record.fields_of(
            token, profile="main", grant=token_source.stamp, host=lookup.host()
        )
        token_source.slot.save({**fields, "due": str(due)})

    def hold_session(self) -> None:
        """Put a session on disk that is due, and the one before it."""
        context = self.context()
        profile = routing.load_config(context).profiles["main"]
        session = Token(
            Secret("ps-2"), kind=SESSION, issued_at=NOW - 3000, expires_at=NOW + 600, assumed=True
        )
        wiring.renewal_for(context, profile).record.write(session, Secret("ps-1"), must=True)

    def ask(self, early: flock.EarlyLocks | None = None) -> str:
        """Ask; return the token, or "" for an error. The clock is at zero before."""
        self.passed = self.locked = 0.0
        try:
            return answer.get(self.context(early), self.request).token.reveal()
        except CredhelperError:
            return ""


@pytest.fixture(params=KINDS)
def hanging(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Hanging:
    made = Hanging(tmp_path, request.param, monkeypatch)
    with monkeypatch.context() as free:
        free.setattr(flock, "take", lambda *_: flock.FREE)
        made.hold_session()
    return made


def slow(hanging: Hanging) -> Callable[[float], None]:
    """Return how an API behaves that says no after six seconds."""
    return lambda limit: hanging.wait(min(6.0, limit))


@pytest.mark.parametrize("says_no", [False, True], ids=["hangs", "says no"])
def test_a_call_ends_in_fifty_seconds_and_what_the_grant_may_take(
    hanging: Hanging, says_no: bool
) -> None:
    if says_no:
        hanging.http = slow(hanging)
    early = flock.EarlyLocks()
    context = hanging.context()
    found = routing.load_routes(context)
    source = answer.source_for(context, found, found.all()[0], hanging.request.wants)
    hanging.passed = 0.0
    flock.enter(early, f"{source.slot.path}.lock", hanging.clock)
    waited = hanging.passed
    assert waited == flock.LEADER_WAIT
    assert hanging.ask(early) in NOTHING_NEW
    assert waited + hanging.passed <= LOCKS + HTTP + GRANT + NOT_YET
    assert hanging.locked <= LOCKS - waited


@pytest.mark.parametrize("says_no", [False, True], ids=["hangs", "says no"])
def test_all_locks_of_a_call_share_thirty_seconds(hanging: Hanging, says_no: bool) -> None:
    if says_no:
        hanging.http = slow(hanging)
    with pytest.MonkeyPatch.context() as free:
        free.setattr(flock, "take", lambda *_: flock.FREE)
        routing.load_routes(hanging.context())
    assert hanging.ask() in NOTHING_NEW
    assert hanging.locked <= LOCKS
    assert hanging.passed <= LOCKS + HTTP + GRANT + NOT_YET


def test_nothing_is_waited_for_while_a_token_lives(hanging: Hanging) -> None:
    with pytest.MonkeyPatch.context() as free:
        free.setattr(flock, "take", lambda *_: flock.FREE)
        hanging.hold(hanging.request.wants, life=7200, due=NOW - 1)
    assert hanging.ask() == "{}"
    assert hanging.locked == 0
    # Its own lock is held: somebody renews.
    assert hanging.passed == 0


def test_only_the_callers_time_is_spent_while_a_token_lives(hanging: Hanging) -> None:
    def take(handle: int, wait: float) -> str:
        taken.append(handle)
        return flock.FREE if len(taken) == 1 else hanging.take(handle, wait)

    taken: list[int] = []
    with pytest.MonkeyPatch.context() as free:
        free.setattr(flock, "take", lambda *_: flock.FREE)
        hanging.hold(hanging.request.wants, life=7200, due=NOW - 1)
        free.setattr(flock, "take", take)
        assert hanging.ask() in ("{}", *NOTHING_NEW[1:])
    assert hanging.locked == 0
    assert hanging.passed <= 2 * hanging.request.timeout  # the grant's program, and the API
