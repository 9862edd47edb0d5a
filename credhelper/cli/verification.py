"""Verify a login: ask the API before anything is written."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credhelper.broker import source, wiring
from credhelper.cli.prompt import Kind
from credhelper.client import claims
from credhelper.client.authorization import ApiKey, Authorization, Bearer, Password
from credhelper.config.profile import Profile
from credhelper.core.model import JWT, SESSION, Secret, Token
from credhelper.errors import CredhelperError, RejectedError
from credhelper.renewal.create import make_token, open_session

if TYPE_CHECKING:
    from credhelper.broker.context import Context
    from credhelper.client.api import Client

_NOT_YET, _ONCE_MORE = 10.0, 2.0  # seconds


@dataclass
class Verified:
    """What the API made of a login.

    Parameters:
    - token: for tools.
    - session: what to keep and refresh, or None.
    - made: what the login made, to `discard` if nothing of it is written.
    - who: whose the token is, from the API or the token's claims.
    """

    token: Token
    session: Token | None
    who: dict[str, str]
    made: list[Secret]


def verify(
    client: Client, profile: Profile, authorization: Authorization, clock: Callable[[], float]
) -> Verified:
    """Return what the API makes of a login: a token for `profile`, and whose it is.

    It opens a session where one will be kept, and revokes that again when the login fails.

    Parameters:
    - client: of the profile's API.
    - authorization: what the person handed over.
    - clock: returns Unix seconds.

    Raises TokenAPIError.
    """
    session = None
    made: list[Secret] = []
    if client.refreshes == JWT:
        token = make_token(client, authorization, profile)
        kept = None if isinstance(authorization, ApiKey) else token  # what a key made is not kept
        return Verified(token, kept, _who(client, token, clock), [token.value])
    if isinstance(authorization, Bearer):
        session = claims.token_from(
            authorization.token.reveal(),
            kind=SESSION,
            now_local=clock(),
            skew=0,
            session_lifetime=profile.session_lifetime,
        )
    elif isinstance(authorization, Password) or profile.keep_session or profile.token == SESSION:
        session = open_session(client, authorization, profile)
        made.append(session.value)
        authorization = Bearer(session.value)
    try:
        token = make_token(client, authorization, profile)
        made.insert(0, token.value)
        who = _who(client, token, clock)
    except CredhelperError:
        discard(client, *made)
        raise
    return Verified(token, session, who, made)


def discard(client: Client, *made: Secret) -> None:
    """Revoke tokens that will not be used; those that cannot be revoked expire by themselves."""
    for token in made:
        with suppress(CredhelperError):
            client.revoke(token)


def _who(client: Client, token: Token, clock: Callable[[], float]) -> dict[str, str]:
    """Return whose a token is, from its claims, and from the API where that has a call for it."""
    identity = claims.identity(claims.payload(token.value.reveal()) or {})
    return identity | _details(client, token, clock) if client.has_details else identity


def _details(client: Client, token: Token, clock: Callable[[], float]) -> dict[str, str]:
    """Return whose a token is that the API has just made, as the API says."""
    time.sleep(min(max(token.not_before - token.skew - clock(), 0), _NOT_YET))
    try:
        details = client.details(token.value)
    except RejectedError as error:
        if error.status != 401:
            raise
        # Servers' clocks differ: to a token this young, a 401 may only mean "not yet".
        time.sleep(_ONCE_MORE)
        details = client.details(token.value)
    identity = claims.identity(details)
    for member in ("domain", "currentWorkgroup"):
        part = details.get(member)
        if isinstance(part, dict):
            identity[member] = claims.identity(part).get("name", "")
    return identity


def authorization_of(profile: Profile, kind: Kind, secret: Secret) -> Authorization:
    """Return how `secret`, of this `kind`, authorises a login to `profile`."""
    if kind == Kind.PASSWORD:
        return Password(profile.user or "", secret)
    if kind == Kind.PSTOKEN:
        return Bearer(secret)
    return ApiKey(secret, profile.api_key_as, profile.user or "")


def still(context: Context, profile: Profile, authorization: Authorization, stamp: str) -> bool:
    """Tell whether a grant in a file, if that is watched, still is what was verified."""
    authorize = wiring.authorizer(context, profile, stamp=stamp)
    try:
        return not stamp or authorize is None or authorize() == authorization
    except (CredhelperError, source.Outdated):
        return False
