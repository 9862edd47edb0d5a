"""What the Tokens API remembers: one account, its sessions and its tokens.

No HTTP and no clock in here: every operation is told what time it is (`now`, seconds since 1970)
and answers plain data or raises `RefusedError`. `docs/sandbox.md` says which rules are
upstream's and which ones were chosen because upstream's are unknown.
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from credhelper.sandbox import account as accounts
from credhelper.sandbox.account import Account, Order
from credhelper.sandbox.ledger import Ledger, Session, Token
from credhelper.sandbox.objects import FOREIGN, MISSING, Keys, Objects

MAX_ID = 128


class RefusedError(Exception):
    """A definite no. Parameters: `status`, the HTTP status; `message`, one line, no secret."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, repr=False)
class Credentials:
    """What a request was sent with, decoded but not yet judged.

    Parameters: `api_key`, from the X-API-Key header or the obsolete query parameter; `bearer`,
    the token of a Bearer Authorization; `basic`, the decoded text of a Basic one.
    """

    api_key: str | None = None
    bearer: str | None = None
    basic: str | None = None


@dataclass(frozen=True)
class Tweak:
    """How one request's outcome is bent by a scripted fault.

    Parameters, all in seconds: `date`, how far the server's clock is off in this request; `nbf`,
    how far in the future a new token begins; `lifetime`, of a new token, may be negative.
    `rotate`: a refresh answers a new psToken and the old one is no longer good.
    """

    date: float = 0.0
    nbf: float = 0.0
    lifetime: float | None = None
    rotate: bool = False


PLAIN = Tweak()


class State:
    """The state machine. One caller at a time: the server holds a lock around each operation.

    Parameters: `account`; `sign`, claims to compact JWT; `issuer`, the URL for `iss`;
    `token_lifetime`, `session_lifetime` and `aws_lifetime` in seconds. `ledger` and `objects` hold
    what was issued.
    """

    def __init__(
        self,
        account: Account,
        sign: Callable[[dict[str, Any]], str],
        issuer: str,
        token_lifetime: float,
        session_lifetime: float,
        aws_lifetime: float,
    ) -> None:
        self.account = account
        self.ledger = Ledger()
        self.objects = Objects()
        self.counters = dict.fromkeys(
            ("requests", "created", "minted", "refreshed", "revoked", "details", "exchanged"), 0
        )
        self._sign = sign
        self._issuer = issuer
        self._token_lifetime = token_lifetime
        self._session_lifetime = session_lifetime
        self._aws_lifetime = aws_lifetime

    def create(self, who: Credentials, order: Order, now: float, tweak: Tweak = PLAIN) -> str:
        """Make a JWT or, when the order says so, a psToken (POST /v1/tokens).

        Raises `RefusedError`: 401 for anything but a valid key, password or living psToken; 400 for
        a malformed id and for a psToken asked for with a psToken; 403 for a context or
        workgroup of somebody else.
        """
        parent = self._grant_of(who, now)
        _check_membership("cid", order.cid, accounts.FOREIGN_PROJECT)
        _check_membership("cwid", order.cwid, accounts.FOREIGN_WORKGROUP)
        if parent is None:
            answer = (
                self.ledger.open_session(order, now + self._session_lifetime)
                if order.session
                else self._issue(order, None, now, tweak)
            )
            self.counters["created"] += 1
            return answer
        if order.session:
            raise RefusedError(400, "a session token cannot create another session token")
        inherited = Order(
            client_id=order.client_id or parent.order.client_id,
            domain=order.domain or parent.order.domain,
            data=order.data if order.data is not None else parent.order.data,
            scopes=order.scopes or parent.order.scopes,
            cwid=order.cwid or parent.order.cwid,
            cid=order.cid or parent.order.cid,
        )
        answer = self._issue(inherited, parent.sid, now, tweak)
        self.counters["minted"] += 1
        return answer

    def details(self, who: Credentials, now: float, tweak: Tweak = PLAIN) -> dict[str, Any]:
        """Tell whose token it is, as a TokenDetailResponse (GET /v1/tokens/details).

        Raises `RefusedError` 401 when the token is not, not yet or no longer valid.
        """
        order = self._standing(who, now, tweak)
        self.counters["details"] += 1
        return accounts.details(self.account, order)

    def refresh(self, who: Credentials, pstoken: str, now: float, tweak: Tweak = PLAIN) -> str:
        """Extend a session by its whole idle life (POST /v1/tokens:refresh).

        Answers the psToken to use from now on. Raises `RefusedError`: 401 for a request without
        authorization and for a psToken that is unknown, idle for too long or revoked; 400 for a
        JWT. A psToken may authorise its own refresh.
        """
        if who.bearer != pstoken:
            self._standing(who, now, tweak)
        if self.ledger.is_jwt(pstoken):
            raise RefusedError(400, "a JWT cannot be refreshed: only a session token can")
        session = self.ledger.living_session(pstoken, now)
        if session is None:
            raise RefusedError(401, "the token can no longer be refreshed")
        session.idle_deadline = now + self._session_lifetime
        self.counters["refreshed"] += 1
        if not tweak.rotate:
            return pstoken
        return self.ledger.rename_session(session)

    def create_v2(self, who: Credentials, order: Order, now: float, tweak: Tweak = PLAIN) -> str:
        """Make a JWT of v2 (POST /ica/rest/api/tokens).

        Raises `RefusedError` 401 for anything but a valid key, password or living psToken.
        """
        parent = self._grant_of(who, now, key_in_basic=False)
        if parent is not None:
            order = Order(domain=order.domain or parent.order.domain)
        sid = None if parent is None else parent.sid
        by_key = who.api_key is not None
        made = self._issue(order, sid, now, tweak, v2=True, by_key=by_key)
        self.counters["minted" if parent else "created"] += 1
        return made

    def refresh_v2(self, who: Credentials, now: float, tweak: Tweak = PLAIN) -> str:
        """Exchange a JWT of v2 for one that lives longer (POST /ica/rest/api/tokens:refresh).

        The old one stays valid until it expires. Raises `RefusedError`: 401 for anything but a
        valid JWT of v2, 400 for one that an API key made.
        """
        token = self._valid_v2(who, now, tweak)
        if token.by_key:
            raise RefusedError(400, "a JWT that an API key made cannot be refreshed")
        made = self._issue(token.order, token.sid, now, tweak, v2=True)
        self.counters["refreshed"] += 1
        return made

    def check_v2(self, who: Credentials, now: float, tweak: Tweak = PLAIN) -> None:
        """Admit who may use v2: a valid JWT of v2, or the API key. Raises `RefusedError` 401."""
        if who.api_key is None:
            self._valid_v2(who, now, tweak)
        else:
            self._grant_of(who, now)

    def revoke(self, who: Credentials, token: str, now: float, tweak: Tweak = PLAIN) -> None:
        """End a JWT, or a session with every JWT minted from it (DELETE /v1/tokens).

        Revoking what is dead already succeeds. A token may authorise its own revocation, even
        when it has expired or was revoked before. Raises `RefusedError`: 401 for a request without
        authorization, 400 for a string that this sandbox never issued.
        """
        ours = self.ledger.issued(token)
        if not (ours and who.bearer == token):
            self._standing(who, now, tweak)
        if not ours:
            raise RefusedError(400, "the token was not issued here")
        self.ledger.revoke(token)
        self.counters["revoked"] += 1

    def projects(self, who: Credentials, now: float, tweak: Tweak = PLAIN) -> dict[str, Any]:
        """The account's projects in one page (GET /v1/projects).

        Raises `RefusedError` 401 for anything but a valid Bearer JWT.
        """
        if self.ledger.valid_jwt(who.bearer, now + tweak.date) is None:
            raise RefusedError(401, "a user JWT is needed as Bearer authorization")
        return accounts.projects(self.account)

    def exchange(
        self,
        who: Credentials,
        kind: str,
        given_id: str,
        now: float,
        *,
        read_only: bool,
        wanted: bool,
        tweak: Tweak = PLAIN,
    ) -> Keys | None:
        """Give AWS keys for a folder, file or volume, if they are `wanted` (PATCH and GET).

        Raises `RefusedError`: 401 for anything but a valid Bearer JWT, 400 for a malformed id, 403
        for what is somebody else's, 404 for what is not there.
        """
        if self.ledger.valid_jwt(who.bearer, now + tweak.date) is None:
            raise RefusedError(401, "a user JWT is needed as Bearer authorization")
        return self._exchange(kind, given_id, now, read_only, wanted, tweak)

    def exchange_v2(
        self,
        who: Credentials,
        project: str,
        given_id: str,
        now: float,
        *,
        read_only: bool,
        tweak: Tweak = PLAIN,
    ) -> Keys | None:
        """Give AWS keys for a file or folder of a project (POST ...:createTemporaryCredentials).

        Raises `RefusedError` as `exchange`, and 404 for a project that is not the account's.
        """
        self.check_v2(who, now, tweak)
        if project not in map(accounts.v2_id, accounts.PROJECTS):
            raise RefusedError(404, "there is no project of this id")
        kind = "file" if given_id.startswith("fil.") else "folder"
        return self._exchange(kind, given_id, now, read_only, True, tweak)

    def _exchange(
        self, kind: str, given_id: str, now: float, read_only: bool, wanted: bool, tweak: Tweak
    ) -> Keys | None:
        _check_membership("id", given_id, "")
        if given_id.endswith(FOREIGN):
            raise RefusedError(403, f"the user has no access to this {kind}")
        if given_id.endswith(MISSING):
            raise RefusedError(404, f"there is no {kind} of this id")
        if not wanted:
            return None
        lifetime = self._aws_lifetime if tweak.lifetime is None else tweak.lifetime
        self.counters["exchanged"] += 1
        return self.objects.give(kind, given_id, read_only, now + tweak.date + lifetime)

    def workgroups(self, who: Credentials, now: float) -> dict[str, Any]:
        """The account's workgroups (GET /v1/workgroups).

        Raises `RefusedError` 401 for anything but a living psToken as Bearer.
        """
        if who.bearer is None or self.ledger.living_session(who.bearer, now) is None:
            raise RefusedError(401, "a session token is needed as Bearer authorization")
        return {"items": [accounts.workgroup(workgroup) for workgroup in accounts.WORKGROUPS]}

    def identity(self, who: Credentials, now: float, tweak: Tweak = PLAIN) -> dict[str, Any]:
        """Who a protected resource is talking to; never the token (GET /protected).

        A JWT is taken as Bearer, or as the password of Basic with any user name.
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
            "cid": token.order.cid,
            "cwid": token.order.cwid,
            "scope": token.claims.get("scope"),
            "exp": token.claims["exp"],
        }

    def _valid_v2(self, who: Credentials, now: float, tweak: Tweak) -> Token:
        token = self.ledger.valid_jwt(who.bearer, now + tweak.date)
        if token is None or accounts.AUDIENCE not in token.claims["aud"]:
            raise RefusedError(401, "a valid JWT is needed as Bearer authorization")
        return token

    def _grant_of(
        self, who: Credentials, now: float, *, key_in_basic: bool = True
    ) -> Session | None:
        """The session that a create is authorised by; None for a key or a password."""
        if who.api_key is not None:
            if not _same(who.api_key, self.account.api_key):
                raise RefusedError(401, "the API key is not known")
            return None
        if who.bearer is not None:
            session = self.ledger.living_session(who.bearer, now)
            if session is None:
                raise RefusedError(401, "the Bearer token is not a living session token")
            return session
        self._check_basic(who.basic, key=key_in_basic)
        return None

    def _standing(self, who: Credentials, now: float, tweak: Tweak) -> Order:
        """What the token that authorises a request was ordered with."""
        if who.bearer is not None:
            session = self.ledger.living_session(who.bearer, now)
            if session is not None:
                return session.order
            token = self.ledger.valid_jwt(who.bearer, now + tweak.date)
            if token is None:
                raise RefusedError(401, "the Bearer token is not valid")
            return token.order
        self._check_basic(who.basic)
        return Order()

    def _check_basic(self, basic: str | None, *, key: bool = True) -> None:
        if basic is None:
            raise RefusedError(401, "authorization is missing")
        username, colon, password = basic.partition(":")
        # "Basic with apiKey" is documented, its form is not: alone, as user, or as password.
        by_key = key and _same(password or username, self.account.api_key)
        by_password = _same(username, self.account.username) and _same(
            password, self.account.password
        )
        if not (by_key or (colon and by_password)):
            raise RefusedError(401, "the Basic credentials are not known")

    def _issue(
        self,
        order: Order,
        sid: str | None,
        now: float,
        tweak: Tweak,
        *,
        v2: bool = False,
        by_key: bool = False,
    ) -> str:
        lifetime = self._token_lifetime if tweak.lifetime is None else tweak.lifetime
        issued = math.floor(now + tweak.date)
        told = accounts.v2_claims if v2 else accounts.claims
        claims = told(self.account, order, self._issuer, sid) | {
            "iat": issued,
            "nbf": issued + math.ceil(tweak.nbf),
            "exp": issued + math.ceil(lifetime),
        }
        jwt = self._sign(claims)
        self.ledger.add_jwt(jwt, Token(order, claims, sid, by_key))
        return jwt


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), known.encode())


def _check_membership(name: str, given: str | None, foreign: str) -> None:
    if given is None:
        return
    plain = given.replace("-", "").replace("_", "").replace(".", "")
    if not (plain.isascii() and plain.isalnum() and len(given) <= MAX_ID):
        raise RefusedError(400, f"{name} is not a well-formed id")
    if given == foreign:
        raise RefusedError(403, f"the user has no access to this {name}")
