"""Puts a renewal together: the client, the grant, the session's slot.

The late imports stand here only. Grants and HTTP are loaded when the cache cannot answer, and by
the one process that renews.
"""

from __future__ import annotations

import sys

from credhelper import __version__
from credhelper.broker import source
from credhelper.core import lookup
from credhelper.core.model import JWT, Request
from credhelper.core.record import held_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from credhelper.broker.context import Context
    from credhelper.client.api import AwsClient, Client
    from credhelper.client.authorization import Authorization
    from credhelper.client.http.transport import Transport
    from credhelper.config.profile import Profile
    from credhelper.core.flock import Allowance
    from credhelper.core.model import Secret, Token
    from credhelper.core.routes import Route
    from credhelper.renewal.renewal import Renewal
    from credhelper.storage.slot import Slot


def admit_third_parties() -> None:
    """Make the packages beside us importable: the program files start Python without `site`."""
    if "site" not in sys.modules:
        import site

        site.main()


def load() -> None:
    """Import all that a renewal may need.

    For programs with threads: a fork in the middle of an import leaves a child that cannot finish
    it. Where the machine's door imports late, this is the same, early.
    """
    admit_third_parties()
    import hmac  # noqa: F401  # for comparing secrets

    from credhelper.broker import grants, inventory, making, reject  # noqa: F401  # as above
    from credhelper.client import authorization, iap, iap_data, ica, ica_data  # noqa: F401  # as above
    from credhelper.client.http import transport  # noqa: F401  # as above
    from credhelper.config import grant_program, parse  # noqa: F401  # as above
    from credhelper.renewal import exchange, ready_token, renewal  # noqa: F401  # as above


def loaded() -> bool:
    """Tell whether `load` has nothing to do any more."""
    return (
        "credhelper.client.http.transport" in sys.modules
        and "credhelper.renewal.renewal" in sys.modules
    )


def transport_for(
    context: Context, profile: Profile, timeout: float = 0, allowance: Allowance | None = None
) -> Transport:
    """Return what calls the profile's API.

    Parameters:
    - timeout: seconds for a whole call, if less than usual.
    - allowance: what all calls share, of this transport and of others that get the same.
    """
    admit_third_parties()
    from credhelper.client.http.transport import DEADLINE, Transport

    return Transport(
        profile.url,
        environ=context.environ,
        user_agent=f"credhelper/{__version__}",
        ca_file=profile.ca_file,
        deadline=timeout or DEADLINE,
        allowance=allowance,
        waiting=context.waiting,
    )


def client_for(
    context: Context, profile: Profile, timeout: float = 0, allowance: Allowance | None = None
) -> Client:
    """Return a client of the profile's API.

    Parameters:
    - timeout, allowance: as for `transport_for`.
    """
    transport = transport_for(context, profile, timeout, allowance)
    from credhelper.client import iap, ica

    def warn(message: str) -> None:
        context.warn(message, None)

    if profile.api == "ica":
        return ica.Client(transport, warn=warn)
    return iap.Client(transport, session_lifetime=profile.session_lifetime, warn=warn)


def aws_client_for(context: Context, profile: Profile, timeout: float = 0) -> AwsClient:
    """Return what gives AWS credentials for a token of the profile's API.

    Parameters:
    - timeout: as for `transport_for`.
    """
    transport = transport_for(context, profile, timeout, context.http)
    from credhelper.client import iap_data, ica_data

    lifetime = profile.aws.lifetime if profile.aws else None
    if profile.api == "ica":
        return ica_data.Client(transport, lifetime=lifetime, clock=context.clock)
    return iap_data.Client(transport, clock=context.clock)


def exchange_for(
    context: Context,
    profile: Profile,
    token_source: source.TokenSource,
    route: Route,
    timeout: float = 0,
) -> Token:
    """Return new AWS credentials for `profile`.

    Parameters:
    - token_source: of its token, which `route` leads to.
    - timeout: as for `transport_for`.
    """
    from credhelper.renewal import exchange

    resource = profile.aws
    assert resource is not None  # noqa: S101  # its route would not have led here
    client = aws_client_for(context, profile, timeout)

    def token() -> Secret:
        return source.get(token_source, Request("get", profile=profile.name), route, None).token

    def reject(refused: Secret) -> bool:
        from credhelper.broker.reject import forget

        return forget(token_source, refused, sure=True)

    def buy(secret: Secret) -> Token:
        context.trace("api", exchange=profile.name, what=resource.how)
        return client.exchange(secret, resource.how, resource.words, read_only=resource.read_only)

    return exchange.renew(token, reject, buy, context.trace)


def authorizer(
    context: Context, profile: Profile, timeout: float = 0, stamp: str = ""
) -> Callable[[], Authorization] | None:
    """Return a function that reads the profile's grant; None for a profile without one.

    Parameters:
    - timeout: seconds for that, if less than usual.
    - stamp: the expected stamp of a grant in a file; "" for any.

    The function raises CredhelperError, and Outdated for a grant that has changed.
    """
    grant = profile.grant
    if grant is None:
        return None

    def authorize() -> Authorization:
        from credhelper.broker import grants
        from credhelper.client import authorization

        secret = grants.read(context, profile, grant, timeout, stamp)
        if profile.auth == "password":
            return authorization.Password(profile.user or "", secret)
        if profile.auth == "session":
            return authorization.Bearer(secret)
        return authorization.ApiKey(secret, profile.api_key_as, profile.user or "")

    return authorize


def ready_token_for(
    context: Context, profile: Profile, slot: Slot, timeout: float, stamp: str
) -> tuple[Token, int]:
    """Return the token that the grant of `profile` gives, and when to ask for the next one.

    Parameters:
    - slot: where the token that was given last is kept.
    - timeout, stamp: as for `authorizer`.

    Raises CredhelperError, and Outdated for a grant that has changed.
    """
    from credhelper.broker import grants
    from credhelper.renewal import ready_token

    grant = profile.grant
    assert grant is not None  # noqa: S101  # the config does without for other profiles only
    context.trace("grant", read=profile.name)
    return ready_token.renew(
        profile,
        grant,
        lambda: grants.read(context, profile, grant, timeout, stamp),
        # Also one that is too short for the caller: asked again, the grant would give it again.
        held_in(slot.find(), stamp, lookup.host()),
        context.clock,
    )


def renewal_for(
    context: Context,
    profile: Profile,
    timeout: float = 0,
    seen: tuple[str, str] | None = None,
    sessions: Slot | None = None,
) -> Renewal:
    """Return what makes new tokens for `profile`.

    Parameters:
    - timeout: seconds that the caller has for it, 0 if that is not known.
    - seen: the name of the token's record, and the grant's stamp, which what is made is kept under.
    - sessions: the slot of the session, where hosts share it.
    """
    from credhelper.broker import inventory
    from credhelper.renewal.renewal import Renewal, keeps_session

    record, stamp = seen or inventory.record_of(context, profile)
    client = client_for(context, profile, 0, context.http)
    if timeout and (client.refreshes == JWT or not keeps_session(profile, client)):
        # The answer with a psToken is always waited for: given up, it could be lost, and the
        # session too.
        context.http.left = min(context.http.left, timeout)
    return Renewal(
        profile,
        client,
        authorizer(context, profile, timeout, stamp),
        sessions or inventory.session_slot(context, profile, record),
        stamp=stamp,
        host=lookup.host(),
        trace=context.trace,
        clock=context.clock,
    )
