"""Routes: the config compiled, like a `.pyc`, into what a warm answer needs.

They say which profile a service has, and the name of that profile's record. The file ends with the
bytes of the config that it was made from, and is valid only while the config has those bytes: that
is safer than a time stamp, and works for hosts that share a home.
"""

import posix as os  # see `paths`

from credhelper.core.model import RCLONE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from credhelper.core.model import Request
    from credhelper.core.service import Service

_HEADER = "credhelper-routes 6"
_SALT = "salt "
_SALT_DIGITS = 32
_DEFAULT = "default "
_HEX = frozenset("0123456789abcdef")


class Route:
    """One profile, as far as a warm answer needs it.

    Parameters: `profile`, its name; `record`, the record's file name; `kind`, `jwt` or `session`;
    `username`, for Basic; `user`, the login name or ""; `url`, the API's origin; `min_ttl` and
    `refresh_before`, in seconds; `grant`, `env:NAME`, `file:PATH` or ""; `services`, in normal
    form; `aws`, the record of its AWS credentials, or ""; `variables`, where other clients of the
    API look for a token and for its URL, and the path that they append to that.
    """

    __slots__ = (
        "aws",
        "grant",
        "kind",
        "min_ttl",
        "profile",
        "record",
        "refresh_before",
        "services",
        "url",
        "user",
        "username",
        "variables",
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
        services: "Sequence[str]",
        aws: str = "",
        variables: tuple[str, str, str] = ("ICA_ACCESS_TOKEN", "ICA_BASE_URL", ""),
        refresh_before: int = 0,
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
        self.aws = aws
        self.variables = variables
        self.refresh_before = refresh_before


class Routes:
    """All profiles of one config.

    Parameters: `default`, the default profile's name or ""; `salt`, hex, for values of environment
    variables; `routes`, one for each profile.

    Attributes: `by_profile`, name to Route; `by_service`, normal form to the Routes that name it.
    """

    __slots__ = ("by_profile", "by_service", "default", "salt")

    def __init__(self, default: str, salt: str, routes: "Sequence[Route]") -> None:
        self.default = default
        self.salt = salt
        self.by_profile = {route.profile: route for route in routes}
        self.by_service: dict[str, list[Route]] = {}
        for route in routes:
            for service in route.services:
                self.by_service.setdefault(service, []).append(route)


def file_name(label: str) -> str:
    """Return the name of the routes file for the config called `label`."""
    return f"routes-{int.from_bytes(_bytes(label), 'big') % (2**61 - 1):x}"


def encode(routes: Routes, label: str, home: str, version: str, source: bytes) -> bytes:
    """Return `routes` as the bytes of a routes file, bound to `source`."""
    lines = [*_stamp(label, home, version), _SALT + routes.salt, _DEFAULT + routes.default]
    for route in routes.by_profile.values():
        fields = [route.profile, route.record, route.aws, route.kind, route.username, route.user]
        fields += [route.url, *route.variables, str(route.min_ttl), str(route.refresh_before)]
        fields += [route.grant, *route.services]
        lines.append("\t".join(fields))
    return _bytes("\n".join(lines) + "\n\n") + source


def decode(data: bytes, label: str, home: str, version: str, source: bytes) -> Routes | None:
    """Return the routes in `data` if this version made them from this config, else None."""
    head, _, tail = data.partition(b"\n\n")
    salt = salt_of(data)
    if tail != source or salt is None:
        return None
    lines = head.decode("utf-8", "surrogateescape").split("\n")
    if lines[:4] != _stamp(label, home, version) or len(lines) < 6:
        return None
    routes = []
    try:
        for line in lines[6:]:
            profile, record, aws, *rest = line.split("\t")
            kind, username, user, url, for_token, for_url, base, *rest = rest
            min_ttl, refresh_before, grant, *services = rest
            names, least, soon = (for_token, for_url, base), int(min_ttl), int(refresh_before)
            fields = (profile, record, kind, username, user, url, least, grant, services, aws)
            routes.append(Route(*fields, names, soon))
    except ValueError:
        return None  # damaged: it will be made again
    return Routes(lines[5].removeprefix(_DEFAULT), salt, routes)


def salt_of(data: bytes) -> str | None:
    """Return the salt in a routes file, even an outdated one: names of records depend on it."""
    lines = data.split(b"\n", 5)
    if len(lines) < 6 or lines[0] != _HEADER.encode():
        return None
    salt = lines[4].decode("ascii", "replace").removeprefix(_SALT)
    return salt if len(salt) == _SALT_DIGITS and _HEX.issuperset(salt) else None


def match(
    routes: Routes, request: "Request", chosen: str | None
) -> "tuple[Route, Service | None] | None":
    """Return the one profile that may answer `request`, and the service it was matched by.

    Parameters: `chosen`, the profile that the user chose for this terminal (`CREDHELPER_PROFILE`)
    or None. None when no profile may, or several could: `broker.no_match.why` says which.
    """
    if request.service is None:
        name = request.profile or chosen or routes.default
        if not name and len(routes.by_profile) == 1:
            return next(iter(routes.by_profile.values())), None
        route = routes.by_profile.get(name)
        return (route, None) if route else None
    named, service = naming(routes, request)
    candidates = suitable(named, request)
    for preferred in (chosen, routes.default):
        if len(candidates) > 1:
            candidates = [r for r in candidates if r.profile == preferred] or candidates
    return (candidates[0], service) if len(candidates) == 1 else None


def naming(routes: Routes, request: "Request") -> "tuple[list[Route], Service | None]":
    """Return the profiles that name the service of `request`, and the service as they name it.

    Only the most specific path counts. If the caller does not know the scheme (docker), https comes
    before http on a loopback address.
    """
    service = request.service
    while service is not None:
        for prefix in service.prefixes():
            named = routes.by_service.get(prefix)
            if named:
                return named, service.upto(prefix)
        service = service.on_plain_http() if request.echo.get("any_scheme") else None
    return [], None


def suitable(named: "Sequence[Route]", request: "Request") -> list[Route]:
    """Return the profiles that fit the profile and the user name in `request`, if any."""
    profile, name = request.profile, request.username
    return [
        route
        for route in named
        if (profile is None or route.profile == profile)
        and (name is None or name in (route.username, route.user, route.profile))
    ]


def least_life(route: Route, request: "Request") -> int:
    """Return the seconds of life that an answer to `request` must have left.

    The profile's own `min_ttl` is for its tokens, not for AWS credentials.
    """
    return max(request.min_ttl, route.min_ttl) if request.wants == "token" else request.min_ttl


def margin_of(route: Route, request: "Request") -> int:
    """Return the seconds of life below which a token is renewed before it is served.

    The protocol, the caller and the profile each set a margin: the largest counts.
    """
    return max(request.margin, route.refresh_before)


def record_of(
    routes: Routes, route: Route, environ: "Mapping[str, str]", wants: str = "token"
) -> tuple[str, str]:
    """Return the name of the route's record, and the stamp that its grant has now.

    Parameters: `wants`, `token`, `aws` or `rclone`, of a route that has such a record.

    A grant in an environment variable is part of the name (a salted hash of its value), so that two
    terminals with two keys have two records. A grant in a file is stamped with the file's inode,
    size and time, so that a new key is a miss; not with its device, which differs between hosts
    that share a home. A child of `exec` has no grant: it gets the record's name instead.
    """
    name = route.record if wants == "token" else route.aws
    if wants == RCLONE:
        name += "-rclone"
    how, _, what = route.grant.partition(":")
    if how == "env":
        value = environ.get(what)
        if value is None:
            profile, _, record = environ.get("CREDHELPER_RECORD", "").partition(":")
            ours = profile == route.profile and record.startswith(route.record + "-")
            # The end of the record's name stands for the grant: all of its records have that end.
            return (name + record[len(route.record) :] if ours and "/" not in record else name), ""
        from credhelper.core.digest import sha256

        return f"{name}-{sha256(bytes.fromhex(routes.salt) + _bytes(value))[:16]}", ""
    if how == "file":
        try:
            return name, stamp_of(os.stat(what))
        except OSError:
            return name, "missing"
    return name, ""


def stamp_of(found: "os.stat_result") -> str:
    """Return the stamp of a grant's file, which changes with its content."""
    return f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"


def _stamp(label: str, home: str, version: str) -> list[str]:
    # Each line begins with a word, so that none is empty: an empty one ends the routes.
    return [_HEADER, f"version {version}", f"config {label}", f"home {home}"]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
