"""Is this login good? The API is asked before anything is written down."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credhelper.client import claims
from credhelper.client.authorization import ApiKey, Authorization, Bearer, Password
from credhelper.config.profile import Profile
from credhelper.core.model import JWT, SESSION, Token
from credhelper.errors import CredhelperError, RejectedError
from credhelper.renewal.create import make_token, open_session

if TYPE_CHECKING:
    from credhelper.client.api import Client

_NOT_YET, _ONCE_MORE = 10.0, 2.0  # seconds


@dataclass
class Verified:
    """What the API made of a login.

    Parameters: `token`, for tools; `session`, what to keep and refresh, or None; `who`, as the API
    or the token told.
    """

    token: Token
    session: Token | None
    who: dict[str, str]


def verify(
    client: Client, profile: Profile, authorization: Authorization, clock: Callable[[], float]
) -> Verified:
    """Return what the API makes of a login: a token for `profile`, and whose it is.

    Parameters: `client`, of the profile's API; `authorization`, what the person handed over;
    `clock`, Unix seconds. A session is opened where one will be kept, and revoked again if the
    login comes to nothing. Raises TokenAPIError.
    """
    session = made = None
    if client.refreshes == JWT:
        token = make_token(client, authorization, profile)
        kept = None if isinstance(authorization, ApiKey) else token  # what a key made is not kept
        return Verified(token, kept, _who(client, token, clock))
    if isinstance(authorization, Bearer):
        session = claims.token_from(
            authorization.token.reveal(),
            kind=SESSION,
            now_local=clock(),
            skew=0,
            session_lifetime=profile.session_lifetime,
        )
    elif isinstance(authorization, Password) or profile.keep_session or profile.token == SESSION:
        made = session = open_session(client, authorization, profile)
        authorization = Bearer(session.value)
    try:
        token = make_token(client, authorization, profile)
        who = _who(client, token, clock)
    except CredhelperError:
        if made is not None:
            # Nobody will ever use it.
            with suppress(CredhelperError):
                client.revoke(made.value)
        raise
    return Verified(token, session, who)


def _who(client: Client, token: Token, clock: Callable[[], float]) -> dict[str, str]:
    """Return whose a token is: as it says itself, and as the API tells, if it does."""
    told = claims.identity(claims.payload(token.value.reveal()) or {})
    return told | _details(client, token, clock) if client.has_details else told


def _details(client: Client, token: Token, clock: Callable[[], float]) -> dict[str, str]:
    """Return what the API tells of a token that it has just made."""
    time.sleep(min(max(token.not_before - token.skew - clock(), 0), _NOT_YET))
    try:
        details = client.details(token.value)
    except RejectedError as error:
        if error.status != 401:
            raise
        # Servers' clocks differ: to a token this young, a 401 may only mean "not yet".
        time.sleep(_ONCE_MORE)
        details = client.details(token.value)
    told = claims.identity(details)
    for member in ("domain", "currentWorkgroup"):
        part = details.get(member)
        if isinstance(part, dict):
            told[member] = claims.identity(part).get("name", "")
    return told
