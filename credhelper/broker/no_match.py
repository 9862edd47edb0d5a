"""Why no profile may answer a request, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping

from credhelper.broker import next_step
from credhelper.config.profile import APIS, Profile
from credhelper.core.lookup import naming, suitable
from credhelper.core.model import Request
from credhelper.core.routes import Routes
from credhelper.core.service import Service
from credhelper.core.text import command, export, printable
from credhelper.errors import (
    AmbiguousServiceError,
    ConfigError,
    CredhelperError,
    NotFoundError,
    PathRequiredError,
    RequestError,
    UnknownProfileError,
    UnknownServiceError,
)
from credhelper.protocols import PEOPLES

_JWT = "eyj"  # how the text of a JWT begins, in lower case
_MOST_NAMES = 20
_MOST_COMPARED = 1000
_EMPTY = "CREDHELPER_API_KEY is empty"
_FILL = "put an API key into it, or unset it and log in: credhelper login"


def why(
    routes: Routes, request: Request, chosen: str | None, environ: Mapping[str, str]
) -> CredhelperError:
    """Return the error that says why `lookup.match` found no profile, or could not choose."""
    # CI sets it so where its secret does not exist, or is not for this branch.
    empty = not routes.count and environ.get("CREDHELPER_API_KEY") == ""
    known = request.profile is None or routes.profile(request.profile) is not None
    if request.service is None or not known:
        name = request.profile or chosen
        if name:
            return _unknown_profile(routes, name, request.profile is None, environ)
        return _no_profile(routes, environ, empty=empty)
    named, _ = naming(routes, request)
    if not named:
        return _unknown(routes, request, chosen, environ, empty=empty)
    candidates = suitable(named, request)
    if len(candidates) > 1:
        names = ", ".join(route.profile for route in candidates)
        return AmbiguousServiceError(
            f"several profiles cover {request.service}: {names}",
            hint=f"choose one: {_choose(candidates[0].profile)}",
        )
    if request.profile and request.profile not in [route.profile for route in named]:
        return UnknownServiceError(
            f"profile {printable(request.profile)} does not cover {request.service}",
            hint=_how_to_add(routes, request.profile, request.service, environ),
        )
    users = dict.fromkeys(
        route.username for route in named if request.profile in (None, route.profile)
    )
    return NotFoundError(
        f"no profile for user {request.username!r} at {request.service}",
        hint=f"ask as {' or '.join(map(printable, users))}, or set username in the profile",
    )


def _unknown_profile(
    routes: Routes, name: str, from_terminal: bool, environ: Mapping[str, str]
) -> CredhelperError:
    from credhelper.config.table import LONGEST_SAID, said

    known, near = _names(routes), _near(routes, name)
    new = next_step.is_name(name) and len(name) <= LONGEST_SAID and not near
    if new and not (known and next_step.from_environment(environ)):
        hint = next_step.log_in(environ, name)
    elif from_terminal:
        hint = _choose(near) if near else "unset CREDHELPER_PROFILE"
    elif known:
        hint = command("credhelper", "profile", "list")
    else:
        hint = "a profile's name is letters and digits, with '.', '_' and '-' between them"
    return UnknownProfileError(
        f"there is no profile {said(name, plain=True)}"
        + (f"; did you mean '{near}'?" if near else "")
        + (f"; known profiles: {known}" if known and not near else "")
        + ("" if known else ", and no other is configured"),
        hint=hint,
    )


def _near(routes: Routes, name: str, *more: str) -> str:
    """Return the profile, or the one of `more` words, that is nearest to `name`; "" for none."""
    if not 0 < routes.count <= _MOST_COMPARED:
        return ""
    from credhelper.config.table import near_to

    return near_to(name, [*(route.profile for route in routes.all()), *more])


def _no_profile(routes: Routes, environ: Mapping[str, str], *, empty: bool) -> CredhelperError:
    if not routes.count:
        if empty:
            return NotFoundError(f"no profile is configured, and {_EMPTY}", hint=_FILL)
        return NotFoundError("no profile is configured", hint=next_step.log_in(environ))
    first = next(iter(routes.all())).profile
    return RequestError(
        f"several profiles are configured: {_names(routes)}",
        hint=f"add --profile NAME, or choose one: {_choose(first)}",
    )


def _unknown(
    routes: Routes,
    request: Request,
    chosen: str | None,
    environ: Mapping[str, str],
    *,
    empty: bool,
) -> UnknownServiceError:
    service = request.service
    assert service is not None  # noqa: S101  # for mypy: the caller has looked
    if empty:
        return UnknownServiceError(
            f"no profile is configured, so none covers {service}, and {_EMPTY}", hint=_FILL
        )
    if not routes.count:
        return UnknownServiceError(
            f"no profile is configured, so none covers {_word(request) or service}",
            hint=next_step.log_in(environ, None, None, *_as_service(request)),
        )
    deeper = routes.below(service.origin)
    if deeper:
        owner = request.profile or routes.naming(deeper)[0].profile
        return PathRequiredError(
            f"only {deeper} is covered, and the request for {service} has another path or none",
            hint=_how_to_add(routes, owner, service, environ),
        )
    if _word(request):
        return _unknown_word(routes, request)
    first = routes.first()
    likely = (request.profile, chosen, routes.default, first.profile if first else "")
    owner = next(name for name in likely if name and routes.profile(name))
    return UnknownServiceError(
        f"no profile covers {service}", hint=_how_to_add(routes, owner, service, environ)
    )


def _word(request: Request) -> str:
    """Return the name of a service that is one plain word, and may be anything; "" for others."""
    service = request.service
    if service is None or "any_scheme" not in request.echo:
        return ""
    plain = set(str(service).partition("://")[2]).isdisjoint(".:/")
    if not plain and not service.host.startswith(_JWT):
        return ""
    from credhelper.config.table import said

    return said(service.host, plain=True)


def _as_service(request: Request) -> tuple[str, ...]:
    return () if _word(request) else ("--service", str(request.service))


def _unknown_word(routes: Routes, request: Request) -> UnknownServiceError:
    """Return the error for a word in the place of a service: no host is guessed from it."""
    assert request.service is not None  # noqa: S101  # for mypy: it is named by that word
    verbs = PEOPLES["token"]
    near = _near(routes, request.service.host, *verbs)
    hint = "write a host as https://HOST, and a profile as --profile NAME"
    if near in verbs:
        near = command("credhelper", "token", near)
        hint = command("credhelper", "token", "--help")
    elif near:
        hint = f"to name a profile: {command('credhelper', 'get', '--profile', near)}"
    return UnknownServiceError(
        f"no profile covers {_word(request)}" + (f"; did you mean '{near}'?" if near else ""),
        hint=hint,
    )


def _names(routes: Routes) -> str:
    """Return the names of the profiles in words; of many, the first ones."""
    names = [route.profile for route in routes.all()]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def _choose(profile: str) -> str:
    return export("CREDHELPER_PROFILE", profile)


def _how_to_add(routes: Routes, profile: str, service: Service, environ: Mapping[str, str]) -> str:
    return next_step.add_service(environ, routes.profile(profile), profile, str(service))


def no_aws(profile: Profile, label: str) -> ConfigError:
    """Return the error for a profile that does not say what AWS credentials are for.

    Parameters: `label`, the name of the config.
    """
    words = [f'{key} = "ID"' for key in next(iter(APIS[profile.api].resources.values()))]
    aws = f"aws = {{ {', '.join(words)} }}"
    if label == "environment":
        hint = f"write a config file, with {aws} in a profile"
    else:
        hint = f"add {aws} to [profiles.{profile.name}] in {label}"
    return ConfigError(f"profile {profile.name} does not say what AWS credentials are for", hint)
