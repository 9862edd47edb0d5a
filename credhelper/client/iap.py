"""The v1 Tokens API (IAP, ICA v1): create, details, refresh and revoke.

Source: the `TokensApi` page of Illumina's generated v1 client, base URL
`https://aps2.platform.illumina.com`; each method names its path.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

from credhelper.client import claims, pages
from credhelper.client.api import ANY_TOKEN, TokenSpec
from credhelper.client.authorization import Authorization, Bearer, Caller, parts
from credhelper.client.http.answers import Response
from credhelper.client.http.transport import Transport
from credhelper.core.model import JWT, SESSION, Secret, Token
from credhelper.errors import ConfigError, RejectedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.core.model import Kind

REVOKED = "revoked"
UNKNOWN = "unknown"

_LOG = logging.getLogger("credhelper")
_TOKENS = "/v1/tokens"
_SPELLED = {None: None, False: "false", True: "true"}


class Client:
    """The four calls of the v1 Tokens API.

    Parameters:
    - transport: bound to the API's origin.
    - session_lifetime: seconds of idle life that the administrator allows a psToken.
    - clock: Unix seconds.
    - warn: takes a warning of a choice that endangers a secret.

    All calls raise UnreachableError, RateLimitedError, RejectedError, MalformedAnswerError or
    ConfigError.
    """

    refreshes: ClassVar[Kind] = SESSION
    revokes: ClassVar[bool] = True
    has_details: ClassVar[bool] = True
    contexts: ClassVar[bool] = True
    searches: ClassVar[bool] = False

    def __init__(
        self,
        transport: Transport,
        *,
        session_lifetime: int = 3600,
        clock: Callable[[], float] = time.time,
        warn: Callable[[str], None] = _LOG.warning,
    ) -> None:
        self._transport = transport
        self._session_lifetime = session_lifetime
        self._clock = clock
        self._warn = warn

    def create(self, authorization: Authorization, spec: TokenSpec = ANY_TOKEN) -> Token:
        """Create a token: `POST /v1/tokens` (create_token).

        Raises MalformedAnswerError for a JWT that is expired on arrival.
        """
        query = [
            (name, value)
            for name, value in (
                ("clientId", spec.client_id),
                ("domain", spec.domain),
                ("data", spec.data),
                ("scopes", ",".join(spec.scopes) or None),
                ("cwid", spec.cwid),
                ("cid", spec.cid),
                ("returnSessionToken", _SPELLED[spec.return_session_token]),
            )
            if value is not None
        ]
        answer = self._call("POST", _TOKENS, authorization, query=query, idempotent=True)
        return self._token(answer, SESSION if spec.return_session_token else JWT)

    def details(self, token: Secret | None, authorization: Caller | None = None) -> dict[str, Any]:
        """Return what the API says of a token: `GET /v1/tokens/details` (get_token_details).

        Parameters:
        - authorization: by default Bearer the token; with a password, the answer is about its user.

        Nothing in it is required, and anything may be null.
        """
        given = _authorised(token, authorization)
        return self._call("GET", f"{_TOKENS}/details", given, idempotent=True).members()

    def refresh(self, session: Secret | None, authorization: Caller | None = None) -> Token:
        """Extend a session: `POST /v1/tokens:refresh` (refresh_token).

        Parameters:
        - session: a psToken, or None for no body.
        - authorization: by default Bearer the same psToken.

        The answer may be the same string or a new one: keep what comes back.
        """
        given = _authorised(session, authorization)
        answer = self._call("POST", f"{_TOKENS}:refresh", given, body=session)
        return self._token(answer, SESSION)

    def revoke(self, token: Secret | None, authorization: Caller | None = None) -> str:
        """Revoke a psToken or JWT: `DELETE /v1/tokens` with a body (revoke_token).

        Parameters:
        - token: None for no body.
        - authorization: by default Bearer the same token.

        Returns `revoked` when the server confirms, `unknown` when it does not know the token (404,
        or 401 to the token itself): dead either way. Other answers raise.
        """
        given = _authorised(token, authorization)
        try:
            self._call("DELETE", _TOKENS, given, body=token, idempotent=True)
        except RejectedError as error:
            if error.status == 404 or (error.status == 401 and authorization is None):
                return UNKNOWN
            raise
        return REVOKED

    def projects(self, token: Secret, wanted: str = "") -> Iterator[tuple[str, str]]:
        """Yield the projects that `token`, a JWT, may be for: `GET /v1/projects`, page by page.

        All of them: v1 has no search. Each is an id and a name, "" where the API tells none.
        """
        return self._listed("/v1/projects", token)

    def workgroups(self, session: Secret) -> Iterator[tuple[str, str]]:
        """Yield the workgroups of the owner of `session`, a psToken: `GET /v1/workgroups`."""
        return self._listed("/v1/workgroups", session)

    def _listed(self, path: str, token: Secret) -> Iterator[tuple[str, str]]:
        def page_behind(more: str) -> Response:
            query = [("pageToken", more)] if more else []
            return self._call("GET", path, Bearer(token), query=query, idempotent=True)

        return pages.named(page_behind)

    def _call(
        self,
        method: str,
        path: str,
        authorization: Authorization,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: Secret | None = None,
        idempotent: bool = False,
    ) -> Response:
        if body is not None:
            flaw = claims.token_flaw(body.reveal())
            if flaw:
                raise ConfigError(f"the token to send {flaw}")
        granted = parts(authorization, self._warn)
        return self._transport.call(
            method,
            path,
            headers=granted.headers,
            query=[*query, *granted.query],
            body=None if body is None else {"access_token": body.reveal()},
            secrets=granted.secrets if body is None else (*granted.secrets, body),
            idempotent=idempotent,
        )

    def _token(self, answer: Response, kind: Kind) -> Token:
        now = self._clock()
        token = claims.token_from(
            answer.members().get("access_token"),
            kind=kind,
            now_local=now,
            skew=answer.skew,
            session_lifetime=self._session_lifetime,
        )
        if kind == JWT:
            claims.refuse_dead(token, now)
        return token


def _authorised(token: Secret | None, authorization: Caller | None) -> Caller:
    if authorization is not None:
        return authorization
    if token is None:
        raise ConfigError("the call has neither a token nor an authorization")
    return Bearer(token)
