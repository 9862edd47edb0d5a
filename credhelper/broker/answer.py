"""The answer to a request: it finds the profile that may answer, and asks its token source.

`wiring` puts a renewal together. It is loaded only when the cache cannot answer.
"""

from __future__ import annotations

from credhelper.broker import routing, source
from credhelper.core import lookup
from credhelper.core.model import AWS, Listing, Request
from credhelper.core.record import EXPIRED, judge
from credhelper.errors import (
    ConfigError,
    CredhelperError,
    LoginRequiredError,
    UnsupportedActionError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.broker.context import Context
    from credhelper.core.model import Credential, Secret, Token, Wants
    from credhelper.core.record import Held
    from credhelper.core.routes import Route, Routes
    from credhelper.core.service import Service
    from credhelper.storage.slot import Slot

_MOST_CHANGES = 5  # of a grant, while one call reads it

# The last renewal that no sweep has followed, and the time by which that judges records.
_renewed: list[tuple[Context, float]] = []


def answer(context: Context, request: Request) -> Credential | Listing | bool | None:
    """Return what `request` asks for: a credential, a listing, or whether a token was forgotten.

    None for an action that is the protocol's own. Raises CredhelperError.
    """
    if request.action == "get":
        if request.rejected is not None:
            reject(context, request)  # the caller wants a token other than this
        return get(context, request)
    if request.action == "erase":
        return reject(context, request)
    return _listing(context) if request.action == "list" else None


def _listing(context: Context) -> Listing:
    if context.agent:
        raise UnsupportedActionError("an agent does not list what it serves")
    services = sorted(routing.load_routes(context).services().items())
    return Listing(
        [(one, route.username, route.profile) for one, named in services for route in named]
    )


def get(context: Context, request: Request) -> Credential:
    """Return a credential for `request`, from the cache or through a renewal."""
    return get_with_record(context, request)[0]


def get_with_record(context: Context, request: Request) -> tuple[Credential, str]:
    """Return a credential for `request`, and the path of the record that holds it.

    The path is "" where an agent was asked: nothing is kept here.
    """
    if context.agent:
        from credhelper.broker import remote

        return remote.get(context, context.agent, request), ""
    credential, token_source = get_with_source(context, request)
    return credential, token_source.slot.path


def get_with_source(context: Context, request: Request) -> tuple[Credential, source.TokenSource]:
    """Return a credential for `request`, and the token source that it came from."""
    found = routing.load_routes(context)
    route, service = _match(context, found, request)
    if route.profile in context.environ.get("CREDHELPER_ASKING", "").split(","):
        # Before any lock: the process that asked us holds the one that we would wait for.
        raise ConfigError(
            f"the grant of profile {route.profile} asks credhelper for the same profile",
            hint="let the grant's command read the secret from its place",
        )
    if request.wants != "token" and not route.aws:
        from credhelper.broker import no_match

        label, _ = context.configuration()
        raise no_match.no_aws(routing.load_config(context).profiles[route.profile], label)
    for _ in range(_MOST_CHANGES):
        token_source = source_for(context, found, route, request.wants, request.timeout)
        try:
            return source.get(token_source, request, route, service), token_source
        except LoginRequiredError as missing:
            missing.hint = _fitted(context, route, missing.hint)
            raise
        except source.Outdated:
            context.trace("grant", changed=route.profile)
    raise CredhelperError(
        f"the grant of profile {route.profile} changed again and again while it was read",
        hint="try again when nothing writes it any more",
        retryable=True,
    )


def reject(context: Context, request: Request) -> bool:
    """Forget the token that `request` says was refused, if we hold it. Raises CredhelperError."""
    from credhelper.broker.reject import forget

    if request.rejected is None:
        return False
    if context.agent:
        from credhelper.broker import remote

        return remote.reject(context, context.agent, request)
    if request.service is None and request.profile is None:
        return False
    context.hold_to_cache()
    found = routing.load_routes(context)
    route, _ = _match(context, found, request)
    if request.wants != "token" and not route.aws:
        return False
    token_source = source_for(context, found, route, request.wants)
    return forget(token_source, request.rejected, sure=bool(request.echo.get("sure")))


def refused(context: Context, request: Request, token: Secret) -> bool:
    """Forget `token`, which a service answered with 401, if it is the one we hold.

    `reject` keeps a young token the first time. Here the caller has seen the 401 itself.
    """
    from credhelper.broker.reject import forget

    if context.agent:
        request.rejected, request.echo = token, {"sure": "1"}
        return reject(context, request)
    return forget(source_for(context, *profile_of(context, request)), token, sure=True)


def profile_of(context: Context, request: Request) -> tuple[Routes, Route]:
    """Return all routes, and the one that answers `request`. Raises CredhelperError."""
    return (found := routing.load_routes(context)), _match(context, found, request)[0]


def lives(context: Context, request: Request) -> bool:
    """Tell whether the cache holds a token that would do for `request`. Raises CredhelperError."""
    found, route = profile_of(context, request)
    held = source.find(source_for(context, found, route))
    least = lookup.least_life(route, request)
    return judge(held, context.clock(), margin=0, min_ttl=least) != EXPIRED


def source_for(
    context: Context,
    found: Routes,
    route: Route,
    wants: Wants = "token",
    timeout: int = 0,
    stamp: str | None = None,
    *,
    living: bool = False,
) -> source.TokenSource:
    """Return the source of a profile's token, or of its AWS credentials.

    It makes tokens from the profile that names its record, and from the grant that has its stamp.

    Parameters:
    - wants, timeout: as in a Request.
    - stamp: of the grant, where the caller knows it.
    - living: whether the caller holds AWS credentials that still live, so that it need not wait.
    """
    record, now = lookup.record_of(found, route, context.environ, wants)
    grant = now if stamp is None else stamp
    if route.share:
        from credhelper.broker import sharing

        slot: Slot = sharing.slot_for(context, route, record, wants, grant)
    else:
        slot = context.slot(record)

    def renew(held: Held | None) -> tuple[Token, int]:
        from credhelper.broker import inventory, key_notes, wiring

        profile = routing.load_config(context).profiles[route.profile]
        slot.owner = inventory.owner(context, profile)
        # With no living token, wait for the full deadline.
        limit = timeout if held or living else 0
        if profile.auth == "token":
            made = wiring.ready_token_for(context, profile, slot, limit, grant)
        elif profile.share_session:
            from credhelper.broker import session_sharing

            made = session_sharing.renew(context, profile, limit, (record, grant), slot, held)
        else:
            made = wiring.renewal_for(context, profile, limit, (record, grant)).renew(held)
        key_notes.bind(context, profile)
        _note(context, made[0])
        return made

    def exchange(held: Held | None) -> tuple[Token, int]:
        from credhelper.broker import inventory, wiring

        # The token's lock is taken after that of the AWS credentials, never the other way round.
        limit, lives = timeout if held else 0, held is not None
        token_source = source_for(context, found, route, "token", limit, grant, living=lives)
        profile = routing.load_config(context).profiles[route.profile]
        slot.owner = inventory.owner(context, profile)
        made = wiring.exchange_for(context, profile, token_source, route, limit)
        _note(context, made)
        return made, 0

    def revoke(token: Token) -> None:
        from credhelper.broker import wiring

        profile = routing.load_config(context).profiles[route.profile]
        # Nothing revokes AWS credentials, and a token that was given is not ours to revoke.
        if token.kind != AWS and profile.auth != "token":
            wiring.renewal_for(context, profile).calls.revoke(token)

    return source.TokenSource(
        slot,
        grant,
        renew=renew if wants == "token" else exchange,
        revoke=revoke,
        warn=lambda message, hint: context.warn(message, _fitted(context, route, hint)),
        trace=context.trace,
        host=lookup.host(),
        clock=context.clock,
        sleep=context.sleep,
        wait=0 if living else source.LOCK_WAIT,
        what="token" if wants == "token" else "temporary AWS key",
    )


def _fitted(context: Context, route: Route, hint: str | None) -> str | None:
    """Return `hint`, but for the plain command to log in one that works with our own variables."""
    from credhelper.core.login import log_in

    if hint != log_in(route.profile):
        return hint
    profile = routing.load_config(context).profiles.get(route.profile)
    if profile and profile.auth == "token":
        return "try again: its token comes from its grant, and needs no login"
    if context.configuration()[0] == "environment":
        return "try again: no login is kept for what variables configure"
    if not any(context.environ.get(name) for name in lookup.CONFIGURING):
        return hint
    from credhelper.broker import next_step

    return next_step.log_in(context.environ, route.profile, profile)


def tidy_up() -> None:
    """Sweep some of the records where renewals wrote, once the answer is given away.

    Never raises, and waits for nothing.
    """
    if not _renewed:
        return
    from credhelper.broker import sweeping

    renewed, _renewed[:] = list(_renewed), []
    for context, now in renewed:
        sweeping.after_renewal(context, now)


def _note(context: Context, made: Token) -> None:
    # By the earlier of two clocks: a wrong one ends nothing that lives.
    _renewed[:] = [(context, context.clock() + min(0, made.skew))]


def _match(context: Context, found: Routes, request: Request) -> tuple[Route, Service | None]:
    chosen = context.environ.get("CREDHELPER_PROFILE")
    matched = lookup.match(found, request, chosen)
    if matched is None:
        from credhelper.broker import no_match

        raise no_match.why(found, request, chosen, context.environ)
    context.trace("route", service=matched[1], profile=matched[0].profile)
    return matched
