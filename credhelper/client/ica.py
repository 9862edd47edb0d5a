"""The v2 Tokens API (Platform Core, ICA v2): create and refresh; there are no other calls.

Source: the `Token` pages of Illumina's Platform Core REST API, as in its generated client libica
3.3, base URL `https://ica.illumina.com/ica/rest`; each method names its path.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, ClassVar

from credhelper.client import claims, pages
from credhelper.client.api import ANY_TOKEN, TokenSpec
from credhelper.client.authorization import (
    HEADER,
    ApiKey,
    Authorization,
    Bearer,
    Caller,
    Password,
    parts,
)
from credhelper.client.http.answers import Response
from credhelper.client.http.transport import Transport
from credhelper.core.model import JWT, Secret, Token
from credhelper.errors import RejectedError, UnsupportedActionError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.core.model import Kind

_LOG = logging.getLogger("credhelper")
_TOKENS = "/ica/rest/api/tokens"
_PROJECTS = "/ica/rest/api/projects"
_PAGE = 200  # projects: what is told of one may be long, and an answer is read to 1 MiB
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_ACCEPT = "application/vnd.illumina.v3+json, application/problem+json"


class Client:
    """The two calls of the v2 Tokens API.

    Parameters:
    - transport: bound to the API's origin.
    - clock: Unix seconds.
    - warn: takes a warning of a choice that endangers a secret.

    All calls raise UnreachableError, RateLimitedError, RejectedError, MalformedAnswerError or
    ConfigError; those that v2 does not have raise UnsupportedActionError.
    """

    # A session is a JWT: while it is valid it can be exchanged for one that lives longer.
    refreshes: ClassVar[Kind] = JWT
    revokes: ClassVar[bool] = False
    has_details: ClassVar[bool] = False
    contexts: ClassVar[bool] = False
    searches: ClassVar[bool] = True

    def __init__(
        self,
        transport: Transport,
        *,
        clock: Callable[[], float] = time.time,
        warn: Callable[[str], None] = _LOG.warning,
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._warn = warn

    def create(self, authorization: Authorization, spec: TokenSpec = ANY_TOKEN) -> Token:
        """Create a JWT: `POST /ica/rest/api/tokens` (createJwtToken).

        Parameters:
        - authorization: an API key, a password or a psToken.
        - spec: its `domain` is the `tenant`, for a user of several. The other members are v1's:
          UnsupportedActionError.
        """
        for name, given in (
            ("clientId", spec.client_id),
            ("data", spec.data),
            ("scopes", spec.scopes),
            ("cwid", spec.cwid),
            ("cid", spec.cid),
            ("returnSessionToken", spec.return_session_token),
        ):
            if given:
                raise UnsupportedActionError(f"the v2 API has no {name}: a JWT is for all you have")
        if isinstance(authorization, ApiKey) and authorization.form != HEADER:
            raise UnsupportedActionError("the v2 API takes an API key as X-API-Key only")
        query = [("tenant", spec.domain)] if spec.domain is not None else []
        try:
            return self._token(_TOKENS, authorization, query)
        except RejectedError as error:
            if error.status == 401 and isinstance(authorization, Password):
                error.hint = (
                    "single sign-on has no password for this: take an API key;"
                    " of several tenants name one as the domain"
                )
            raise

    def refresh(self, session: Secret | None, authorization: Caller | None = None) -> Token:
        """Exchange a valid JWT for one that lives longer: `POST .../tokens:refresh`.

        A JWT that was created with an API key is refused (refreshJwtToken).

        Parameters:
        - session: the JWT.
        - authorization: None, since v2 knows no other: UnsupportedActionError.
        """
        if session is None or authorization is not None:
            raise UnsupportedActionError("the v2 API refreshes the very JWT that authorises it")
        try:
            return self._token(f"{_TOKENS}:refresh", Bearer(session))
        except RejectedError as error:
            error.hint = "a JWT that an API key made is never refreshed: create another"
            raise

    def details(self, token: Secret | None, authorization: Caller | None = None) -> dict[str, Any]:
        """Raise UnsupportedActionError: v2 tells nothing of a token."""
        raise UnsupportedActionError("the v2 API has no call that tells whose a token is")

    def revoke(self, token: Secret | None, authorization: Caller | None = None) -> str:
        """Raise UnsupportedActionError: a v2 token lives until it expires."""
        raise UnsupportedActionError("the v2 API cannot revoke: a token lives until it expires")

    def projects(self, token: Secret, wanted: str = "") -> Iterator[tuple[str, str]]:
        """Yield the projects of the owner of `token`, a JWT: `GET /ica/rest/api/projects`.

        Page by page by cursor, which alone guarantees that each comes once (getProjects). Each is
        an id and a name, "" where the API tells none.

        Parameters:
        - wanted: a name, which the server searches for; or an id, whose project comes first
          (getProject).
        """
        if _UUID.fullmatch(wanted):
            with suppress(RejectedError):  # there is none: it may be a name after all
                yield from pages.identified(
                    self._get(f"{_PROJECTS}/{wanted.lower()}", token).members()
                )
        query = [("includeHiddenProjects", "true"), ("pageSize", str(_PAGE))]
        if wanted:
            query.append(("search", wanted))

        def page_behind(more: str) -> Response:
            return self._get(_PROJECTS, token, [*query, *([("pageToken", more)] if more else [])])

        yield from pages.named(page_behind)

    def _get(self, path: str, token: Secret, query: Sequence[tuple[str, str]] = ()) -> Response:
        granted = parts(Bearer(token), self._warn)
        return self._transport.call(
            "GET",
            path,
            headers={"Accept": _ACCEPT, **granted.headers},
            query=query,
            secrets=granted.secrets,
            idempotent=True,
        )

    def workgroups(self, session: Secret) -> Iterator[tuple[str, str]]:
        """Raise UnsupportedActionError: v2 has no workgroups."""
        raise UnsupportedActionError("the v2 API has no workgroups")

    def _token(
        self, path: str, authorization: Authorization, query: Sequence[tuple[str, str]] = ()
    ) -> Token:
        granted = parts(authorization, self._warn)
        answer = self._transport.call(
            "POST",
            path,
            headers={"Accept": _ACCEPT, **granted.headers},
            query=[*query, *granted.query],
            secrets=granted.secrets,
            # The JWT that is refreshed stays valid: nothing is lost when an answer was.
            idempotent=True,
        )
        now = self._clock()
        token = claims.token_from(
            answer.members().get("token"), kind=JWT, now_local=now, skew=answer.skew, member="token"
        )
        claims.refuse_dead(token, now)
        return token
