"""Routes: the config compiled, like a `.pyc`, into what a warm answer needs.

Which service belongs to which profile, and where that profile's record lies. The file ends with the
very bytes of the config that it was made from, and holds only as long as the config still has them:
no time stamp can lie about that, and hosts that share a home share it too.
"""

from __future__ import annotations

import os

from credhelper.encode import printable
from credhelper.errors import NotFoundError, RequestError, UnknownServiceError
from credhelper.service import Service, is_loopback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from credhelper.model import Request

_HEADER = "credhelper-routes 1"


class Route:
    """One profile, as far as a warm answer needs it.

    Parameters: `profile`, its name; `record`, the record's file name; `kind`, `jwt` or `session`;
    `username`, for Basic; `user`, the login name or ""; `url`, the API's origin; `min_ttl`, in
    seconds; `grant`, `env:NAME`, `file:PATH` or ""; `services`, in normal form.
    """

    __slots__ = (
        "grant",
        "kind",
        "min_ttl",
        "profile",
        "record",
        "services",
        "url",
        "user",
        "username",
    )

    def __init__(
        self,
        profile: str,
        record: str,
        kind: str,
        username: str,
        user: str,
        url: str,
        min_ttl: int,
        grant: str,
        services: Sequence[str],
    ) -> None:
        self.profile = profile
        self.record = record
        self.kind = kind
        self.username = username
        self.user = user
        self.url = url
        self.min_ttl = min_ttl
        self.grant = grant
        self.services = services


class Routes:
    """All profiles of one config.

    Parameters: `default`, the default profile's name or ""; `salt`, hex, for values of environment
    variables; `by_profile`, name to Route; `by_service`, normal form to the Routes that name it.
    """

    __slots__ = ("by_profile", "by_service", "default", "salt")

    def __init__(self, default: str, salt: str, routes: Sequence[Route]) -> None:
        self.default = default
        self.salt = salt
        self.by_profile = {route.profile: route for route in routes}
        self.by_service: dict[str, list[Route]] = {}
        for route in routes:
            for service in route.services:
                self.by_service.setdefault(service, []).append(route)


def file_name(label: str) -> str:
    """Return the name of the routes file for the config called `label`."""
    return f"routes-{int.from_bytes(os.fsencode(label), 'big') % (2**61 - 1):x}"


def encode(routes: Routes, label: str, home: str, version: str, source: bytes) -> bytes:
    """Return `routes` as the bytes of a routes file, bound to `source`."""
    lines = [_HEADER, version, label, home, routes.salt, routes.default]
    for route in routes.by_profile.values():
        lines.append(
            "\t".join(
                (
                    route.profile,
                    route.record,
                    route.kind,
                    route.username,
                    route.user,
                    route.url,
                    str(route.min_ttl),
                    route.grant,
                    *route.services,
                )
            )
        )
    return os.fsencode("\n".join(lines) + "\n\n") + source


def decode(data: bytes, label: str, home: str, version: str, source: bytes) -> Routes | None:
    """Return the routes in `data` if they were made by us from this very config, else None."""
    head, _, tail = data.partition(b"\n\n")
    if tail != source:
        return None
    lines = os.fsdecode(head).split("\n")
    if lines[:4] != [_HEADER, version, label, home] or len(lines) < 6:
        return None
    routes = []
    for line in lines[6:]:
        profile, record, kind, username, user, url, min_ttl, grant, *services = line.split("\t")
        routes.append(
            Route(profile, record, kind, username, user, url, int(min_ttl), grant, services)
        )
    return Routes(lines[5], lines[4], routes)


def salt_of(data: bytes) -> str | None:
    """Return the salt in a routes file, also one that no longer holds: records are named by it."""
    lines = data.split(b"\n", 5)
    if len(lines) < 6 or lines[0] != _HEADER.encode():
        return None
    return os.fsdecode(lines[4])


def match(routes: Routes, request: Request, chosen: str | None) -> tuple[Route, Service | None]:
    """Return the one profile that may answer `request`, and the service it was matched by.

    Parameters: `chosen`, the profile that the user chose for this terminal (`CREDHELPER_PROFILE`)
    or None. Raises UnknownServiceError, NotFoundError or RequestError, which name the candidates
    when there are several.
    """
    if request.service is None:
        return _by_profile(routes, request.profile or chosen), None
    candidates, service = _candidates(routes, request)
    if request.profile:
        candidates = [route for route in candidates if route.profile == request.profile]
        if not candidates:
            by_name(routes, request.profile)
            raise UnknownServiceError(
                f"profile {printable(request.profile)} does not name {request.service}",
                hint=_how_to_add(request.profile, request.service),
            )
    if request.username is not None:
        name = request.username
        candidates = [r for r in candidates if name in (r.username, r.user, r.profile)]
        if not candidates:
            raise NotFoundError(f"no profile for user {printable(name)} at {request.service}")
    for preferred in (chosen, routes.default):
        if len(candidates) > 1:
            chosen_ones = [route for route in candidates if route.profile == preferred]
            candidates = chosen_ones or candidates
    if len(candidates) > 1:
        names = ", ".join(route.profile for route in candidates)
        raise NotFoundError(
            f"several profiles name {service}: {names}",
            hint=f"choose one: export CREDHELPER_PROFILE={candidates[0].profile}",
        )
    return candidates[0], service


def by_name(routes: Routes, name: str) -> Route:
    """Return the route of the profile called `name`; raises NotFoundError."""
    route = routes.by_profile.get(name)
    if route is None:
        known = ", ".join(routes.by_profile) or "none"
        raise NotFoundError(
            f"there is no profile {printable(name)}; known profiles: {known}",
            hint=f"credhelper login --profile {printable(name)}",
        )
    return route


def _by_profile(routes: Routes, name: str | None) -> Route:
    if name:
        return by_name(routes, name)
    if routes.default:
        return routes.by_profile[routes.default]
    if len(routes.by_profile) == 1:
        return next(iter(routes.by_profile.values()))
    if not routes.by_profile:
        raise NotFoundError("no profile is configured", hint="credhelper login")
    raise RequestError(
        f"several profiles are configured: {', '.join(routes.by_profile)}",
        hint="name one with --profile, or choose a default: credhelper profile use NAME",
    )


def _candidates(routes: Routes, request: Request) -> tuple[list[Route], Service]:
    service = request.service
    assert service is not None  # noqa: S101  # told to mypy: the caller has looked
    asked = [service]
    if request.echo.get("any_scheme") and is_loopback(service.host):
        port = 80 if service.port == 443 and service.netloc == service.host else service.port
        asked.append(Service("http", service.host, port, service.path))
    for one in asked:
        for prefix in one.prefixes():
            found = routes.by_service.get(prefix)
            if found:
                return list(found), one
    raise UnknownServiceError(_unknown(routes, service), hint=_hint(routes, service))


def _unknown(routes: Routes, service: Service) -> str:
    if not routes.by_profile:
        return f"no profile is configured, so none names {service}"
    return f"no profile names {service}"


def _hint(routes: Routes, service: Service) -> str:
    deeper = [known for known in routes.by_service if known.startswith(service.origin + "/")]
    if deeper:
        return (
            f"{deeper[0]} is named, with its path, and this request has another or none"
            " (git omits it: git config --global credential.useHttpPath true)"
        )
    if not routes.by_profile:
        return f"credhelper login --service {service}"
    return _how_to_add(routes.default or next(iter(routes.by_profile)), service)


def _how_to_add(profile: str, service: Service) -> str:
    add = f"credhelper profile add {printable(profile)} --service {service}"
    return f"if it may have this token: {add}"


# --- what the warm path can know of a grant -------------------------------------------------------


def record_of(routes: Routes, route: Route, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the name of the route's record, and the stamp that its grant has now.

    A grant in an environment variable is part of the name (a salted hash of its value), so that two
    terminals with two keys have two records. A grant in a file is stamped with the file's inode,
    size and time: a new key is a miss. Not with its device, which differs between hosts that share
    a home. A child of `exec` is told the record instead, since it has no grant.
    """
    how, _, what = route.grant.partition(":")
    if how == "env":
        value = environ.get(what)
        if value is None:
            profile, _, record = environ.get("CREDHELPER_RECORD", "").partition(":")
            told = profile == route.profile and record.startswith(route.record + "-")
            return (record if told and "/" not in record else route.record), ""
        from credhelper.digest import sha256

        salted = bytes.fromhex(routes.salt) + os.fsencode(value)
        return f"{route.record}-{sha256(salted)[:16]}", ""
    if how == "file":
        try:
            found = os.stat(what)
        except OSError:
            return route.record, "missing"
        return route.record, f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"
    return route.record, ""
