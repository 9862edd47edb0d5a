"""A renewal with a real slot, and a client that is scripted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from credhelper.client.api import Client, TokenSpec
from credhelper.client.authorization import ApiKey, Authorization, Bearer
from credhelper.config.profile import Profile
from credhelper.core.model import JWT, SESSION, Secret, Token
from credhelper.core.record import Held
from credhelper.errors import CredhelperError
from credhelper.renewal.renewal import Renewal
from credhelper.storage.slot import Slot

if TYPE_CHECKING:
    from credhelper.core.model import Kind

START = 1_800_000_000
IDLE = 3600


class Upstream:
    """A client that does what it is told: a name in `refuse` raises that error.

    `calls` is what it was asked; `during` runs in the middle of a refresh's answer.
    """

    refreshes = SESSION
    revokes = True

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.calls: list[str] = []
        self.refuse: dict[str, CredhelperError] = {}
        self.rotate = False
        self.sessions = 0
        self.tokens = 0

    def _token(self, text: str, kind: Kind, life: int) -> Token:
        now = int(self.clock())
        return Token(Secret(text), kind=kind, issued_at=now, expires_at=now + life)

    def _meet(self, call: str) -> None:
        self.calls.append(call)
        if call in self.refuse:
            raise self.refuse[call]

    def create(self, authorization: Authorization, spec: TokenSpec) -> Token:
        if isinstance(authorization, Bearer):
            self._meet(f"mint {authorization.token.reveal()}")
            self.tokens += 1
            return self._token(f"jwt-{self.tokens}", JWT, 86400)
        self._meet("session" if spec.return_session_token else "create")
        if spec.return_session_token:
            self.sessions += 1
            return self._token(f"ps-{self.sessions}", SESSION, IDLE)
        self.tokens += 1
        return self._token(f"jwt-{self.tokens}", JWT, 86400)

    def refresh(self, session: Secret) -> Token:
        self._meet(f"refresh {session.reveal()}")
        if self.rotate:
            self.sessions += 1
            return self._token(f"ps-{self.sessions}", SESSION, IDLE)
        return self._token(session.reveal(), SESSION, IDLE)

    def revoke(self, token: Secret) -> None:
        self._meet(f"revoke {token.reveal()}")


class Renewer:
    """One host's renewals: `now` is its clock, `sessions` the slot of its session."""

    def __init__(self, folder: Path) -> None:
        self.now = float(START)
        self.sessions = Slot(str(folder), "s" * 32, warn=lambda *_: None, durable=True)
        self.upstream = Upstream(lambda: self.now)
        self.key: Secret | None = Secret("key")
        self.given: Secret | None = None
        self.client: Client | None = None
        self.stamp = ""
        self.host = "here"

    def renewal(self, **profile: Any) -> Renewal:
        """Return the renewal of a profile that keeps a session, or as told."""
        authorize: Callable[[], Authorization] | None = None
        if self.given is not None:
            given = self.given
            authorize = lambda: Bearer(given)  # noqa: E731  # a line that says it
        elif self.key is not None:
            key = self.key
            authorize = lambda: ApiKey(key)  # noqa: E731  # as above
        found = Profile(name="main", **{"keep_session": True, **profile})
        client: Any = self.client or self.upstream
        return Renewal(
            found,
            client,
            authorize,
            self.sessions,
            stamp=self.stamp,
            host=self.host,
            trace=lambda event, **facts: None,
            clock=lambda: self.now,
        )

    def renew(self, held: Held | None = None, **profile: Any) -> tuple[str, int]:
        """Renew; return the token's text, and when its session is due in seconds from the start."""
        token, due = self.renewal(**profile).renew(held)
        return token.value.reveal(), due - START if due else 0

    def kept(self) -> dict[str, str]:
        """Return what the session's record says of tokens."""
        fields = self.sessions.find() or {}
        return {name: fields[name] for name in ("token", "previous") if name in fields}

    def held(self, text: str = "jwt", *, life: int = 86400, age: int = 0, due: int = 0) -> Held:
        """Return a token as the broker would hold it."""
        issued = int(self.now) - age
        numbers = {"issued": issued, "expires": issued + life, "due": due and START + due}
        told = {name: str(number) for name, number in numbers.items()}
        return Held({"token": text, "kind": JWT, "host": self.host, **told}, self.host)
