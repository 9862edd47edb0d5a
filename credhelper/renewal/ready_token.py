"""A token that the grant gives: somebody else makes it, and gives another one before it ends.

It is read, judged and cached. Nothing is created, refreshed or revoked for it.
"""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from credhelper.client import claims
from credhelper.core.model import JWT
from credhelper.core.text import printable
from credhelper.errors import ConfigError, CredhelperError, LoginRequiredError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from credhelper.config.profile import Grant, Profile
    from credhelper.core.model import Secret, Token
    from credhelper.core.record import Held

ASKED_AGAIN = 60  # seconds after which a program is asked again, at the earliest

_PROGRAMS = ("command", "keyring")  # unlike variables and files, they do not show that they changed
_PLACES = {
    "env": "environment variable",
    "file": "file",
    "command": "command",
    "keyring": "keyring entry",
}
_V1, _V2 = "iap-", "ica"  # how the audiences of the two APIs begin
_REGIONAL = ".platform.illumina.com"  # after the region, in the names of v1's hosts
_LONGEST_SHOWN = 100


def renew(
    profile: Profile,
    grant: Grant,
    read: Callable[[], Secret],
    held: Held | None,
    clock: Callable[[], float] = time.time,
) -> tuple[Token, int]:
    """Return the token that the grant gives now, and when to ask for the next one.

    A program is asked again when half of what is left has gone, and not within a minute. The time
    is 0 for a variable or file: whoever looks sees that it has changed.

    Parameters:
    - profile: whose token it is.
    - grant: the profile's.
    - read: reads it.
    - held: the token in the cache, if any lives.
    - clock: returns Unix seconds.

    Raises LoginRequiredError and ConfigError.
    """
    now = clock()
    if grant.how not in _PROGRAMS:
        return token_in(read(), profile, grant, now), 0
    if held is not None and 0 <= now - held.issued_at < ASKED_AGAIN and now < held.advertised:
        return held.token(), held.due
    token = token_in(read(), profile, grant, clock())
    left = token.expires_at - token.issued_at
    return token, int(clock() + max(ASKED_AGAIN, left / 2))


def token_in(secret: Secret, profile: Profile, grant: Grant, now: float) -> Token:
    """Return the token that a grant gave.

    Parameters:
    - secret: what the grant gave.
    - profile, grant: as in `renew`.
    - now: Unix seconds.

    Raises ConfigError for what is no token of the profile's API, LoginRequiredError for one that is
    over.
    """
    where = f"{_PLACES[grant.how]} {printable(grant.words[0])}"
    what = f"the token of profile {profile.name}, from {where},"
    try:
        told = claims.payload(secret.reveal())
        if told is None:
            hint = "a psToken goes with auth = 'session', an API key with auth = 'api-key'"
            raise ConfigError(f"{what} is not a JWT", hint)
        if wrong := foreign(told, profile):
            raise ConfigError(f"{what} {wrong}", "compare it with the profile's api and url")
        token = claims.token_from(secret.reveal(), kind=JWT, now_local=now, skew=0)
        if token.assumed:
            raise ConfigError(f"{what} does not say when it ends: it has no exp that is a time")
        if token.expires_at <= token.issued_at:
            ended = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(token.expires_at))
            hint = f"it is not made here: see that its maker gives a new one to {where}"
            raise LoginRequiredError(f"{what} ended at {ended}", hint)
    except CredhelperError as error:
        # A variable or a file costs nothing to look at again.
        error.private = grant.how not in _PROGRAMS
        raise
    return token


def foreign(told: Mapping[str, object], profile: Profile) -> str:
    """Return why a token is not one of the profile's API, if its claims tell; "" otherwise."""
    audience = told.get("aud")
    named = [one for one in (audience if isinstance(audience, list) else [audience]) if one]
    apis = [one for one in named if isinstance(one, str) and (one == _V2 or one.startswith(_V1))]
    if apis:
        return "" if any(_is_of(one, profile) for one in apis) else f"is for {_shown(apis)}"
    issuer = told.get("iss")
    if not issuer:
        return f"is for {_shown(named)}" if named else ""
    return "" if _of_illumina(issuer) else f"was issued by {_shown([issuer])}"


def _is_of(audience: str, profile: Profile) -> bool:
    if audience == _V2 or profile.api == "ica":
        return audience == _V2 and profile.api == "ica"
    host = urlsplit(profile.url).hostname or ""
    region = host.removesuffix(_REGIONAL) if host.endswith(_REGIONAL) else ""
    return not region or audience == f"{_V1}{region}"


def _of_illumina(issuer: object) -> bool:
    if not isinstance(issuer, str):
        return False
    try:
        host = urlsplit(issuer if "://" in issuer else f"//{issuer}").hostname or ""
    except ValueError:
        return False
    return f".{host}".endswith(".illumina.com")


def _shown(words: Sequence[object]) -> str:
    return printable(", ".join(map(str, words)))[:_LONGEST_SHOWN]
