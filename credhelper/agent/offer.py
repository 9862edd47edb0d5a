"""What an agent serves and what it refuses, decided before any token is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from credhelper.broker import no_match
from credhelper.core import lookup
from credhelper.core.model import SESSION, Request
from credhelper.core.routes import Route, Routes
from credhelper.core.service import Service, parse
from credhelper.core.text import command
from credhelper.errors import (
    AmbiguousServiceError,
    ConfigError,
    CredhelperError,
    NotFoundError,
    UnknownProfileError,
    UnknownServiceError,
)


class Offer:
    """What somebody told an agent to serve.

    Parameters:
    - services: at least one; what lies below one of them is served, too.
    - profiles: the names of the only profiles that answer; empty for all.
    - chosen: the profile that the agent's environment prefers, or None.
    """

    __slots__ = ("chosen", "profiles", "services")

    def __init__(
        self, services: Sequence[Service], profiles: Sequence[str], chosen: str | None
    ) -> None:
        self.services = frozenset(map(str, services))
        self.profiles = tuple(dict.fromkeys(profiles))
        self.chosen = chosen


def narrow(offer: Offer, found: Routes, request: Request, environ: Mapping[str, str]) -> Request:
    """Return `request` for the one profile that answers it, if it is on offer.

    Parameters:
    - found: all routes of the config.
    - environ: of the agent, for what an error advises.

    Raises CredhelperError: NotFoundError where another helper may know more.
    """
    if request.service is None:
        route = _without_service(offer, found, request, environ)
        return _for(request, None, route, "")
    wanted = _on_offer(offer, request)
    if not wanted:
        raise UnknownServiceError(
            f"this agent does not serve {request.service}",
            hint=f"start it with {command('--service', str(request.service))}",
        )
    both = "1" if len(wanted) > 1 else ""
    asked = _for(request, wanted[0], None, both)
    return _for(request, wanted[0], _with_service(offer, found, asked, environ), both)


def check(offer: Offer, found: Routes, environ: Mapping[str, str]) -> None:
    """Raise CredhelperError for an offer that could not be met now. Parameters: as for `narrow`."""
    apis = set()
    for name in offer.profiles:
        route = found.profile(name)
        if route is None:
            raise no_match.why(found, Request("get", profile=name), None, environ)
        _refuse_session(route)
        apis.add(route.url)
    # A profile with AWS keys alone covers no service: the API that it is for stands for it.
    for text in sorted(offer.services - apis):
        try:
            narrow(offer, found, Request("get", service=parse(text)), environ)
        except AmbiguousServiceError:
            pass  # who asks may say which


def _on_offer(offer: Offer, request: Request) -> list[Service]:
    """Return the readings of the service in `request` that are on offer.

    There are two where the caller does not know the scheme: see `lookup.naming`.
    """
    plain = None
    if request.service is not None and request.echo.get("any_scheme"):
        plain = request.service.on_plain_http()
    readings = [one for one in (request.service, plain) if one is not None]
    return [one for one in readings if not offer.services.isdisjoint(one.prefixes())]


def _without_service(
    offer: Offer, found: Routes, request: Request, environ: Mapping[str, str]
) -> Route:
    if not offer.profiles:
        raise NotFoundError(
            "this agent serves nobody who does not say what the token is for",
            hint="name the service, or start the agent with --profile NAME",
        )
    name = request.profile
    if name is None:
        default = found.default if found.default in offer.profiles else None
        chosen = offer.chosen if offer.chosen in offer.profiles else default
        name = offer.profiles[0] if len(offer.profiles) == 1 else chosen
    if name is None:
        raise NotFoundError(
            f"this agent serves several profiles: {', '.join(offer.profiles)}",
            hint=f"choose one: {command('--profile', offer.profiles[0])}",
        )
    if name not in offer.profiles:
        raise _not_served(name)
    route = found.profile(name)
    if route is None or not lookup.suitable([route], request):
        asked = Request("get", profile=name, username=request.username)
        raise no_match.why(found, asked, None, environ)
    _refuse_session(route)
    return route


def _with_service(
    offer: Offer, found: Routes, request: Request, environ: Mapping[str, str]
) -> Route:
    name = request.profile
    # Nor does an error list the profiles that there are.
    if name is not None and (
        name not in offer.profiles if offer.profiles else not found.profile(name)
    ):
        raise _not_served(name)
    named, _ = lookup.naming(found, request)
    fit = [
        route
        for route in lookup.suitable(named, request)
        if not offer.profiles or route.profile in offer.profiles
    ]
    for preferred in (offer.chosen, found.default):
        if len(fit) > 1:
            fit = [route for route in fit if route.profile == preferred] or fit
    if len(fit) > 1:
        names = ", ".join(route.profile for route in fit)
        raise AmbiguousServiceError(
            f"several profiles cover {request.service}: {names}",
            hint=f"choose one: {command('--profile', fit[0].profile)}",
        )
    if not fit:
        if lookup.suitable(named, request):
            raise UnknownServiceError(
                f"no profile that this agent serves covers {request.service}",
                hint=f"start it with {command('--profile', named[0].profile)}",
            )
        raise no_match.why(found, request, offer.chosen, environ)
    _refuse_session(fit[0])
    return fit[0]


def _for(request: Request, service: Service | None, route: Route | None, scheme: str) -> Request:
    """Return `request` for `service` and the profile of `route`."""
    return Request(
        request.action,
        service=service,
        profile=route.profile if route else request.profile,
        username=request.username,
        rejected=request.rejected,
        min_ttl=request.min_ttl,
        margin=request.margin,
        timeout=request.timeout,
        echo={**request.echo, "any_scheme": scheme},
        wants=request.wants,
    )


def _not_served(name: str) -> CredhelperError:
    return UnknownProfileError(
        f"this agent does not serve profile {name}",
        hint=f"start it with {command('--profile', name)}",
    )


def _refuse_session(route: Route) -> None:
    if route.kind == SESSION:
        raise ConfigError(
            f"profile {route.profile} hands out its session, which no agent serves",
            hint='remove token = "session" from the profile, or serve another one',
        )
