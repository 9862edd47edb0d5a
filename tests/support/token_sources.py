"""A broker with a clock that obeys, a renewal that is scripted, and a real slot on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from credhelper.broker import source
from credhelper.broker.reject import forget
from credhelper.core.model import JWT, Credential, Request, Secret, Token
from credhelper.core.record import Held
from credhelper.core.routes import Route
from credhelper.errors import CredhelperError
from credhelper.storage import locks
from credhelper.storage.slot import Slot

START = 1_800_000_000
HOST = "here"

if TYPE_CHECKING:
    from credhelper.storage.slot import Enough

Answer = Token | CredhelperError


class SlowSlot(Slot):
    """A slot at whose lock something may happen first."""

    before_lock: Callable[[], None] = staticmethod(lambda: None)

    def lock(
        self, wait: float, *, second: bool = False, holder: str = "", enough: Enough | None = None
    ) -> locks.Lock | None:
        self.before_lock()
        return super().lock(wait, second=second, holder=holder, enough=enough)


class ScriptedSource:
    """One process's broker, and what it did.

    Attributes: `now`, Unix seconds; `answers`, what the next renewals give (an exception is
    raised; the last one stays); `renewals`, what was held at each; `warnings`; `slept`.
    """

    def __init__(self, folder: Path | None, *, host: str = HOST, stamp: str = "") -> None:
        self.now = float(START)
        self.answers: list[Answer] = []
        self.renewals: list[Held | None] = []
        self.warnings: list[str] = []
        self.slept: list[float] = []
        self.due = 0
        self.during: Callable[[], None] = lambda: None
        self.slot = SlowSlot(str(folder) if folder else None, "r" * 32, warn=self._warn)
        self.broker = source.TokenSource(
            self.slot,
            stamp,
            renew=self._renew,
            warn=self._warn,
            trace=lambda event, **facts: None,
            host=host,
            clock=lambda: self.now,
            sleep=self._sleep,
        )

    def _warn(self, message: str, hint: str | None) -> None:
        if message not in self.warnings:
            self.warnings.append(message)

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def _renew(self, held: Held | None) -> tuple[Token, int]:
        self.renewals.append(held)
        self.during()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, CredhelperError):
            raise answer
        return answer, self.due

    def token(
        self, text: str = "one", *, life: int = 3600, starts: int = 0, skew: int = 0
    ) -> Token:
        """Return a token issued now by a server whose clock is `skew` seconds ahead of ours."""
        issued = int(self.now) + skew
        return Token(
            Secret(text),
            kind=JWT,
            issued_at=issued,
            expires_at=issued + life,
            not_before=issued + starts if starts else 0,
            skew=skew,
        )

    def hold(self, text: str = "one", *, life: int = 3600, age: int = 0, due: int = 0) -> None:
        """Put a token into the cache that was issued `age` seconds ago."""
        self.now -= age
        token = self.token(text, life=life)
        self.now += age
        self.slot.save(
            {
                "kind": JWT,
                "grant": self.broker.stamp,
                "host": self.broker.host,
                "skew": "0",
                "issued": str(token.issued_at),
                "not_before": "0",
                "expires": str(token.expires_at),
                "due": str(due),
                "token": text,
            }
        )

    def get(self, *, min_ttl: int = 0, margin: int = 60, least: int = 0) -> Credential:
        """Ask as a tool does; `least` is the profile's own `min_ttl`."""
        route = Route("main", self.slot.name, JWT, "oauth2", "", "https://ica", least, "", ())
        return source.get(self.broker, Request("get", min_ttl=min_ttl, margin=margin), route, None)

    def text(self, **how: int) -> str:
        """Return the token that `get` gives."""
        return self.get(**how).token.reveal()

    def ask(self) -> None:
        """Ask, and let the answer be."""
        self.get()

    def reject(self, text: str) -> bool:
        """Say that this token was refused."""
        return forget(self.broker, Secret(text))
