"""Puts a renewal together: the client, the grant, the session's slot.

The late imports stand here only. Grants and HTTP are loaded when the cache cannot answer, and by
the one process that renews.
"""

from __future__ import annotations

import os
import sys

from credhelper import __version__
from credhelper.broker import source
from credhelper.core import lookup, paths
from credhelper.core.model import JWT, Request
from credhelper.errors import LoginRequiredError

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

    from credhelper.broker import inventory, making, reject  # noqa: F401  # as above
    from credhelper.client import authorization, iap, iap_data, ica, ica_data  # noqa: F401  # as above
    from credhelper.client.http import transport  # noqa: F401  # as above
    from credhelper.config import grant_program, parse  # noqa: F401  # as above
    from credhelper.renewal import exchange, renewal  # noqa: F401  # as above


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
        from credhelper.broker import key_notes
        from credhelper.client import authorization
        from credhelper.config.grant import Changed, resolve

        try:
            secret = context.grants.get(grant) or resolve(
                grant,
                profile_name=profile.name,
                environ=context.environ,
                timeout=timeout,
                password=profile.auth == "password",
                stamp=stamp,
            )
        except Changed:
            raise source.Outdated from None
        except LoginRequiredError as error:
            from credhelper.broker import next_step

            folder = paths.state_dir(context.environ, sys.platform)
            if folder and grant.words[0].startswith(os.path.join(folder, "grants", "")):
                # The key that was typed at login, and that logout took away.
                error.hint = next_step.log_in(context.environ, profile.name, profile)
            raise
        if not key_notes.is_for(context, profile, secret):
            raise _typed_for_another(context, profile)
        if grant.how in ("command", "keyring"):
            context.grants[grant] = secret
        if profile.auth == "password":
            return authorization.Password(profile.user or "", secret)
        if profile.auth == "session":
            return authorization.Bearer(secret)
        return authorization.ApiKey(secret, profile.api_key_as, profile.user or "")

    return authorize


def _typed_for_another(context: Context, profile: Profile) -> LoginRequiredError:
    from credhelper.broker import next_step

    error = LoginRequiredError(
        f"the API key of profile {profile.name} was not typed for {profile.url}: it is not sent",
        hint=next_step.log_in(context.environ, profile.name, profile),
    )
    error.private = True  # as any problem of a grant in a file
    return error


def renewal_for(
    context: Context, profile: Profile, timeout: float = 0, seen: tuple[str, str] | None = None
) -> Renewal:
    """Return what makes new tokens for `profile`.

    Parameters:
    - timeout: seconds that the caller has for it, 0 if that is not known.
    - seen: the name of the token's record, and the grant's stamp, which what is made is kept under.
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
        inventory.session_slot(context, profile, record),
        stamp=stamp,
        host=lookup.host(),
        trace=context.trace,
        clock=context.clock,
    )
