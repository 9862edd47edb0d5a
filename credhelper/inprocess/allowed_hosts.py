"""The hosts that may have the token of a profile, as the config says, remembered for a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from credhelper.broker import answer, routing
from credhelper.broker.context import Context, Decoded
from credhelper.core.model import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.core.routes import Route, Routes
    from credhelper.core.service import Service

_TRUSTED = 1.0
_CHOICE = "CREDHELPER_PROFILE"

# profile -> environment, the terminal's choice, until when to believe it, all routes and its own.
_Named = tuple[Mapping[str, str], str | None, float, "Routes", "Route"]
_named: dict[str | None, _Named] = {}
decoded = Decoded()


def look(
    target: Service,
    profile: str | None,
    environ: Mapping[str, str],
    clock: Callable[[], float] = time.time,
) -> str | None:
    """Return the name of the profile that `profile` stands for if its token may go to `target`.

    None if it may not. It may go to the services that the profile names, and back to the API that
    it comes from. Raises CredhelperError.
    """
    named = _known(profile, environ, clock)
    if named is None:
        chosen, now = environ.get(_CHOICE), clock()
        context = Context(environ, warn=lambda message, hint: None, clock=clock, decoded=decoded)
        found, route = answer.profile_of(context, Request("get", profile=profile))
        named = _named[profile] = (environ, chosen, now + _TRUSTED, found, route)
    return named[4].profile if routing.may_receive(named[3], named[4], target) else None


def remembered(
    target: Service,
    profile: str | None,
    environ: Mapping[str, str],
    clock: Callable[[], float] = time.time,
) -> str | None:
    """Return what `look` would, from memory; None also where it would have to look further."""
    if _known(profile, environ, clock) is None:
        return None
    return look(target, profile, environ, clock)


def forget() -> None:
    """Forget all that is remembered."""
    _named.clear()


def _known(
    profile: str | None, environ: Mapping[str, str], clock: Callable[[], float]
) -> _Named | None:
    named = _named.get(profile)
    if named is None or environ is not named[0] or environ.get(_CHOICE) != named[1]:
        return None
    return named if named[2] - _TRUSTED <= clock() < named[2] else None
