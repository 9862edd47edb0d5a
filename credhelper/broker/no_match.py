"""Why no profile may answer a request, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping

from credhelper.core.lookup import naming, suitable
from credhelper.core.model import Request
from credhelper.core.routes import Routes
from credhelper.core.service import Service
from credhelper.core.text import printable
from credhelper.errors import (
    AmbiguousServiceError,
    CredhelperError,
    NotFoundError,
    PathRequiredError,
    RequestError,
    UnknownProfileError,
    UnknownServiceError,
)

_MOST_NAMES = 20
_EMPTY = "CREDHELPER_API_KEY is empty"
_FILL = "put an API key into it, or unset it and log in: credhelper login"


def why(
    routes: Routes, request: Request, chosen: str | None, environ: Mapping[str, str]
) -> CredhelperError:
    """Return the error that says why `lookup.match` found no profile, or could not choose."""
    # CI sets it so where its secret does not exist, or is not for this branch.
    empty = not routes.count and environ.get("CREDHELPER_API_KEY") == ""
    if request.service is None:
        return _no_profile(routes, request.profile or chosen, empty=empty)
    if request.profile and routes.profile(request.profile) is None:
        return _no_profile(routes, request.profile, empty=empty)
    named, _ = naming(routes, request)
    if not named:
        return _unknown(routes, request.service, empty=empty)
    candidates = suitable(named, request)
    if len(candidates) > 1:
        names = ", ".join(route.profile for route in candidates)
        return AmbiguousServiceError(
            f"several profiles name {request.service}: {names}",
            hint=f"choose one: export CREDHELPER_PROFILE={candidates[0].profile}",
        )
    if request.profile and request.profile not in [route.profile for route in named]:
        return UnknownServiceError(
            f"profile {printable(request.profile)} does not name {request.service}",
            hint=_how_to_add(request.profile, request.service),
        )
    users = dict.fromkeys(
        route.username for route in named if request.profile in (None, route.profile)
    )
    return NotFoundError(
        f"no profile for user {request.username!r} at {request.service}",
        hint=f"ask as {' or '.join(map(printable, users))}, or set username in the profile",
    )


def _no_profile(routes: Routes, name: str | None, *, empty: bool) -> CredhelperError:
    if name:
        known = _names(routes)
        return UnknownProfileError(
            f"there is no profile {printable(name)}"
            + (f"; known profiles: {known}" if known else ", and no other is configured"),
            hint=f"credhelper login --profile {printable(name)}",
        )
    if not routes.count:
        if empty:
            return NotFoundError(f"no profile is configured, and {_EMPTY}", hint=_FILL)
        return NotFoundError("no profile is configured", hint="credhelper login")
    return RequestError(
        f"several profiles are configured: {_names(routes)}",
        hint="name one with --profile, or choose a default: credhelper profile use NAME",
    )


def _unknown(routes: Routes, service: Service, *, empty: bool) -> UnknownServiceError:
    if empty:
        return UnknownServiceError(
            f"no profile is configured, so none names {service}, and {_EMPTY}", hint=_FILL
        )
    if not routes.count:
        return UnknownServiceError(
            f"no profile is configured, so none names {service}",
            hint=f"credhelper login --service {service}",
        )
    deeper = routes.below(service.origin)
    if deeper:
        return PathRequiredError(
            f"{deeper} is named, and the request for {service} has another path or none",
            hint=_how_to_add(routes.naming(deeper)[0].profile, service),
        )
    first = routes.first()
    name = routes.default or (first.profile if first else "")
    return UnknownServiceError(f"no profile names {service}", hint=_how_to_add(name, service))


def _names(routes: Routes) -> str:
    """Return the names of the profiles in words; of many, the first ones."""
    names = [route.profile for route in routes.all()]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def _how_to_add(profile: str, service: Service) -> str:
    add = f"credhelper profile add {printable(profile)} --service {service}"
    return f"if it may have this token: {add}"
