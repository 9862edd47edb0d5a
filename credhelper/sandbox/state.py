"""The state of the Tokens API, and the operations of v1: one account, its sessions and tokens.

Without HTTP and without a clock: every operation takes the time (`now`, seconds since 1970), and
returns plain data or raises `RefusedError`. `docs/sandbox.md` says which rules are upstream's, and
which we chose because upstream's are unknown.
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Callable
from typing import Any

from credhelper.sandbox import account as accounts
from credhelper.sandbox.account import Account, TokenRequest
from credhelper.sandbox.call import PLAIN, Presented, RefusedError, Tweak
from credhelper.sandbox.ledger import Ledger, Session, Token
from credhelper.sandbox.objects import Objects
from credhelper.sandbox.projects import Projects
from credhelper.sandbox.tree import Tree

MAX_ID = 128


class State:
    """The state machine. One caller at a time: the server holds a lock around each operation.

    Parameters: `account`; `sign`, claims to compact JWT; `token_lifetime`, `session_lifetime` and
    `aws_lifetime` in seconds. `ledger` and `objects` hold what was issued, `projects` the account's
    projects, `tree` the data that has a path.
    """

    def __init__(
        self,
        account: Account,
        sign: Callable[[dict[str, Any]], str],
        token_lifetime: float,
        session_lifetime: float,
        aws_lifetime: float,
    ) -> None:
        self.account = account
        self.ledger = Ledger()
        self.objects = Objects()
        self.projects = Projects()
        self.tree = Tree()
        self.counters = dict.fromkeys(
            ("requests", "created", "minted", "refreshed", "revoked", "details", "exchanged"), 0
        )
        self._sign = sign
        self._token_lifetime = token_lifetime
        self._session_lifetime = session_lifetime
        self.aws_lifetime = aws_lifetime

    def create(self, who: Presented, asked: TokenRequest, now: float, tweak: Tweak = PLAIN) -> str:
        """Make a JWT or, when `asked` says so, a psToken (POST /v1/tokens).

        Raises `RefusedError`: 401 for anything but a valid key, password or living psToken; 400 for
        a malformed id and for a psToken asked for with a psToken; 403 for a context or
        workgroup of somebody else.
        """
        parent, by_key = self.grant_of(who, now)
        check_membership("cid", asked.cid, accounts.FOREIGN_PROJECT)
        check_membership("cwid", asked.cwid, accounts.FOREIGN_WORKGROUP)
        if parent is None:
            answer = (
                self.ledger.open_session(asked, now + self._session_lifetime, now)
                if asked.session
                else self._issue(asked, None, now, tweak, by_key=by_key)
            )
            self.counters["created"] += 1
            return answer
        if asked.session:
            raise RefusedError(400, "a session token cannot create another session token")
        inherited = TokenRequest(
            client_id=asked.client_id or parent.asked.client_id,
            domain=asked.domain or parent.asked.domain,
            data=asked.data if asked.data is not None else parent.asked.data,
            scopes=asked.scopes or parent.asked.scopes,
            cwid=asked.cwid or parent.asked.cwid,
            cid=asked.cid or parent.asked.cid,
        )
        answer = self._issue(inherited, parent.sid, now, tweak, by_key=False)
        self.counters["minted"] += 1
        return answer

    def details(self, who: Presented, now: float, tweak: Tweak = PLAIN) -> dict[str, Any]:
        """Describe the token and its owner, as a TokenDetailResponse (GET /v1/tokens/details).

        Raises `RefusedError` 401 when the token is not, not yet or no longer valid.
        """
        asked = self.standing(who, now, tweak)
        self.counters["details"] += 1
        return accounts.details(self.account, asked)

    def refresh(self, who: Presented, pstoken: str, now: float, tweak: Tweak = PLAIN) -> str:
        """Extend a session by its whole idle life (POST /v1/tokens:refresh).

        Returns the psToken to use from now on. Raises `RefusedError`: 401 for a request without
        authorization and for a psToken that is unknown, idle for too long or revoked; 400 for a
        JWT. A psToken may authorise its own refresh.
        """
        if who.bearer != pstoken:
            self.standing(who, now, tweak)
        if self.ledger.is_jwt(pstoken):
            raise RefusedError(400, "a JWT cannot be refreshed: only a session token can")
        session = self.ledger.living_session(pstoken, now)
        if session is None:
            raise RefusedError(401, "the token can no longer be refreshed")
        session.idle_deadline = now + self._session_lifetime
        self.counters["refreshed"] += 1
        if not tweak.rotate:
            return pstoken
        return self.ledger.rename_session(session, now)

    def revoke(self, who: Presented, token: str, now: float, tweak: Tweak = PLAIN) -> None:
        """End a JWT, or a session with every JWT minted from it (DELETE /v1/tokens).

        Revoking an invalid token succeeds. A token may authorise its own revocation, even when it
        has expired or was revoked before. Raises `RefusedError`: 401 for a request without
        authorization, 400 for a string that this sandbox never issued.
        """
        ours = self.ledger.issued(token)
        if not (ours and who.bearer == token):
            self.standing(who, now, tweak)
        if not ours:
            raise RefusedError(400, "the token was not issued here")
        self.ledger.revoke(token)
        self.counters["revoked"] += 1

    def check_jwt(self, who: Presented, now: float, tweak: Tweak = PLAIN) -> None:
        """Check for a valid Bearer JWT. Raises `RefusedError` 401 for anything else."""
        if self.ledger.valid_jwt(who.bearer, now + tweak.date) is None:
            raise RefusedError(401, "a user JWT is needed as Bearer authorization")

    def workgroups(self, who: Presented, now: float) -> dict[str, Any]:
        """The account's workgroups (GET /v1/workgroups).

        Raises `RefusedError` 401 for anything but a living psToken as Bearer.
        """
        if who.bearer is None or self.ledger.living_session(who.bearer, now) is None:
            raise RefusedError(401, "a session token is needed as Bearer authorization")
        return {"items": [accounts.workgroup(workgroup) for workgroup in accounts.WORKGROUPS]}

    def identity(self, who: Presented, now: float, tweak: Tweak = PLAIN) -> dict[str, Any]:
        """The identity of a protected resource's caller, without the token (GET /protected).

        Takes a JWT as Bearer, or as the password of Basic with any user name.
        Raises `RefusedError` 401 for everything else.
        """
        username, jwt = None, who.bearer
        if who.basic is not None:
            username, _, jwt = who.basic.partition(":")
        token = self.ledger.valid_jwt(jwt, now + tweak.date)
        if token is None:
            raise RefusedError(401, "a valid JWT is needed")
        return {
            "scheme": "bearer" if username is None else "basic",
            "basicUser": username,
            "uid": self.account.uid,
            "name": self.account.name,
            "username": self.account.username,
            "tid": accounts.TENANT,
            "cid": token.asked.cid,
            "cwid": token.asked.cwid,
            "scope": token.claims.get("scope"),
            "exp": token.claims["exp"],
        }

    def grant_of(
        self, who: Presented, now: float, *, key_in_basic: bool = True
    ) -> tuple[Session | None, bool]:
        """Return the session that authorises a create, else None; and whether a key does it."""
        if who.api_key is not None:
            if not _same(who.api_key, self.account.api_key):
                raise RefusedError(401, "the API key is not known")
            return None, True
        if who.bearer is not None:
            session = self.ledger.living_session(who.bearer, now)
            if session is None:
                raise RefusedError(401, "the Bearer token is not a living session token")
            return session, False
        return None, self._is_key_in_basic(who.basic, key=key_in_basic)

    def standing(self, who: Presented, now: float, tweak: Tweak) -> TokenRequest:
        """Return the TokenRequest that made the token with which a request is authorised."""
        if who.bearer is not None:
            session = self.ledger.living_session(who.bearer, now)
            if session is not None:
                return session.asked
            token = self.ledger.valid_jwt(who.bearer, now + tweak.date)
            if token is None:
                raise RefusedError(401, "the Bearer token is not valid")
            return token.asked
        self._is_key_in_basic(who.basic)
        return TokenRequest()

    def _is_key_in_basic(self, basic: str | None, *, key: bool = True) -> bool:
        """Tell whether a Basic is the API key, if that may be; else it must be the password."""
        if basic is None:
            raise RefusedError(401, "authorization is missing")
        username, colon, password = basic.partition(":")
        # "Basic with apiKey" is documented, its form is not: key alone, as user, or as password.
        by_key = key and _same(password or username, self.account.api_key)
        by_password = _same(username, self.account.username) and _same(
            password, self.account.password
        )
        if not (by_key or (colon and by_password)):
            raise RefusedError(401, "the Basic credentials are not known")
        return by_key

    def issue(self, token: Token, now: float, tweak: Tweak) -> str:
        """Add the times to the claims of `token`, sign them as a JWT, and record it."""
        lifetime = self._token_lifetime if tweak.lifetime is None else tweak.lifetime
        issued = math.floor(now + tweak.date)
        token.claims.update(
            iat=issued, nbf=issued + math.ceil(tweak.nbf), exp=issued + math.ceil(lifetime)
        )
        jwt = self._sign(token.claims)
        # A fault may have moved the clock that it was issued by, and not the one it is judged by.
        self.ledger.add_jwt(jwt, token, max(token.claims["exp"], now + lifetime), now)
        return jwt

    def _issue(
        self, asked: TokenRequest, sid: str | None, now: float, tweak: Tweak, *, by_key: bool
    ) -> str:
        claims = accounts.claims(self.account, asked, sid, by_key=by_key)
        return self.issue(Token(asked, claims, sid), now, tweak)


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), known.encode())


def check_membership(name: str, given: str | None, foreign: str) -> None:
    """Raise `RefusedError`: 400 for an id that is not well-formed, 403 for the `foreign` one."""
    if given is None:
        return
    plain = given.replace("-", "").replace("_", "").replace(".", "")
    if not (plain.isascii() and plain.isalnum() and len(given) <= MAX_ID):
        raise RefusedError(400, f"{name} is not a well-formed id")
    if given == foreign:
        raise RefusedError(403, f"the user has no access to this {name}")
