"""What the sandbox has issued, and whether it is still valid."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from typing import Any

from credhelper.sandbox.account import TokenRequest


@dataclass(repr=False)
class Session:
    """One psToken. `sid` outlives it: a rotated psToken is the same session under a new name."""

    sid: str
    asked: TokenRequest
    idle_deadline: float
    replaced: bool = False


@dataclass(frozen=True, repr=False)
class Token:
    """One JWT that was issued.

    Parameters: `asked`, the request for it; `claims`; `sid`, the session that it was minted from,
    or None.
    """

    asked: TokenRequest
    claims: dict[str, Any]
    sid: str | None


KEPT = 3600.0  # seconds for which we know what has ended
FEW = 1000  # what is not worth a look


class Ledger:
    """Every psToken and JWT of one sandbox, valid or not, until an hour after its end."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._tokens: dict[str, Token] = {}
        self._ends: dict[str, float] = {}
        self._most = FEW
        self._revoked_tokens: set[str] = set()
        self._revoked_sids: set[str] = set()

    def living_session(self, pstoken: str, now: float) -> Session | None:
        """The session of a psToken, unless it is unknown, replaced, revoked or idle too long."""
        session = self._sessions.get(pstoken)
        if session is None or session.replaced or session.sid in self._revoked_sids:
            return None
        return session if now < session.idle_deadline else None

    def valid_jwt(self, jwt: str | None, now: float) -> Token | None:
        """The token behind a JWT, unless it is unknown, revoked, expired or not valid yet."""
        # Only exact strings that were issued here count: stricter than to verify a signature.
        token = self._tokens.get(jwt or "")
        if token is None or jwt in self._revoked_tokens or token.sid in self._revoked_sids:
            return None
        return token if token.claims["nbf"] <= now < token.claims["exp"] else None

    def open_session(self, asked: TokenRequest, idle_deadline: float, now: float) -> str:
        """Begin a session; answers its psToken."""
        return self._admit(Session(str(uuid.uuid4()), asked, idle_deadline), now)

    def rename_session(self, session: Session, now: float) -> str:
        """Give a session a new psToken; the old one is no longer valid."""
        session.replaced = True
        return self._admit(Session(session.sid, session.asked, session.idle_deadline), now)

    def add_jwt(self, jwt: str, token: Token, ends: float, now: float) -> None:
        """Note a JWT that was issued, and when it ends on the sandbox's own clock."""
        self._forget(now)
        self._tokens[jwt], self._ends[jwt] = token, ends

    def is_jwt(self, given: str) -> bool:
        """Whether this is a JWT that was issued here."""
        return given in self._tokens

    def issued(self, given: str) -> bool:
        """Whether this was issued here, valid or not, as far as we still know."""
        return given in self._tokens or given in self._sessions

    def revoke(self, given: str) -> None:
        """End a JWT, or a session with every JWT minted from it."""
        if given in self._tokens:
            self._revoked_tokens.add(given)
        else:
            self._revoked_sids.add(self._sessions[given].sid)

    def revoke_all(self) -> None:
        """End everything that exists now."""
        self._revoked_sids.update(session.sid for session in self._sessions.values())
        self._revoked_tokens.update(self._tokens)

    def _forget(self, now: float) -> None:
        """Forget what ended an hour ago, if there may be twice as much as at the last look."""
        if len(self._tokens) + len(self._sessions) < self._most:
            return
        long_ago = now - KEPT
        self._ends = {jwt: ends for jwt, ends in self._ends.items() if ends > long_ago}
        self._tokens = {jwt: self._tokens[jwt] for jwt in self._ends}
        # To revoke a session ends its JWTs, so it stays as long as they do.
        sids = {token.sid for token in self._tokens.values()}
        self._sessions = {
            pstoken: session
            for pstoken, session in self._sessions.items()
            if session.idle_deadline > long_ago or session.sid in sids
        }
        self._revoked_tokens.intersection_update(self._tokens)
        sids.update(session.sid for session in self._sessions.values())
        self._revoked_sids.intersection_update(sids)
        self._most = max(FEW, 2 * (len(self._tokens) + len(self._sessions)))

    def _admit(self, session: Session, now: float) -> str:
        self._forget(now)
        pstoken = "ps-" + secrets.token_urlsafe(36)
        self._sessions[pstoken] = session
        return pstoken
