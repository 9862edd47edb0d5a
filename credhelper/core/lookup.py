"""A warm answer: route, record, verdict. What most calls need, and nothing else.

It never waits, writes, warns or fails. Without a fresh token it leaves the call to the rest of the
program, and says only whether another process may be renewing.
"""

import posix as os  # see `paths`
import sys
import time

from credhelper import __version__
from credhelper.core import paths, routes
from credhelper.core import record as records
from credhelper.core.model import Credential
from credhelper.core.record import EXPIRED, FRESH, Held, held_in, judge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from credhelper.core.model import Request
    from credhelper.core.routes import Route, Routes
    from credhelper.core.service import Service

SOCKET = "CREDHELPER_SOCKET"  # of an agent, which is asked instead of config and cache
CONFIGURING = ("CREDHELPER_API", "CREDHELPER_URL", "CREDHELPER_SERVICES")
SHARING = ("CREDHELPER_SHARE", "CREDHELPER_FLEET_LEAD")


def answer(
    environ: "Mapping[str, str]", request: "Request", clock: "Callable[[], float]" = time.time
) -> "Credential | tuple[Credential, str] | str | None":
    """Return a fresh credential for `request` if the cache holds one.

    Otherwise

    - a stale one, and the path of the lock that whoever renews it holds;
    - the path of the lock behind which it may just be made;
    - "" if the config has profiles, and none of them names the service or one below it;
    - None when only the rest of the program can tell.

    Parameters: `environ`; `request`, of action get; `clock`, Unix seconds.
    """
    if environ.get(SOCKET):
        return None
    folder = paths.cache_dir(environ, sys.platform)
    if not folder or not paths.private_folder(folder):
        return None
    label, source = configuration(environ)
    found = compiled(folder, label, environ.get("HOME", ""), source)
    if found is None:
        return f"{folder}/{routes.tag(label)}.lock"
    try:
        matched = match(found, request, environ.get("CREDHELPER_PROFILE"))
        if matched is None:
            return "" if _named_by_nobody(found, request) else None
    except (ValueError, LookupError):
        return None  # a damaged file: it will be made again
    route, service = matched
    if request.wants != "token" and not route.aws:
        return None
    record, stamp = record_of(found, route, environ, request.wants)
    data = paths.read_private(f"{folder}/{record}")
    held = held_in(records.decode(data) if data else None, stamp, host())
    min_ttl = least_life(route, request)
    now = clock()
    state = judge(held, now, margin=margin_of(route, request), min_ttl=min_ttl)
    if held is None or state == EXPIRED:
        return f"{folder}/{record}.lock"
    if held.not_before > now:
        return None
    made = credential(held, request, route, service, min_ttl)
    return made if state == FRESH else (made, f"{folder}/{record}.lock")


def _named_by_nobody(found: "Routes", request: "Request") -> bool:
    service, profile = request.service, request.profile
    return (
        service is not None
        and found.count > 0
        and not naming(found, request)[0]
        and found.below(service.origin) is None
        and (profile is None or found.profile(profile) is not None)
        and found.intact()
    )


def credential(
    held: Held, request: "Request", route: "Route", service: "Service | None", min_ttl: int
) -> Credential:
    """Return what a tool receives of `held`."""
    begin, project, base = route.variables
    return Credential(
        held.secret,
        held.advertised,
        username=route.username,
        profile=route.profile,
        kind=held.kind,
        url=route.url + base,
        service=service,
        fresh_until=min(held.stale_at(margin_of(route, request)), held.advertised - min_ttl),
        variables=(begin, project),
    )


def configuration(
    environ: "Mapping[str, str]", judge: "Callable[[int, str], None] | None" = None
) -> tuple[str, bytes]:
    """Return the name and the bytes of the config: of the file, or else of the environment.

    Without a file, and without a key in the environment, the bytes are empty. Parameters: `judge`,
    see `paths.read_config`. Raises ConfigError.
    """
    path = paths.config_file(environ, sys.platform)
    data = paths.read_config(path, judge) if path else None
    if data is not None:
        return path or "", data
    from_parent = environ.get("CREDHELPER_RECORD", "").startswith("env:")
    share = environ.get("CREDHELPER_SHARE")
    if not from_parent and not environ.get("CREDHELPER_API_KEY") and not share:
        return path or "environment", b""
    names = (*CONFIGURING, *SHARING) if share else CONFIGURING
    made = "".join(f"{name}={environ.get(name, '')}\n" for name in names)
    return "environment", made.encode("utf-8", "surrogateescape")


def compiled(folder: str, label: str, home: str, source: bytes) -> "Routes | None":
    """Return the routes in the cache if they were made from this very config, else None."""
    path = f"{folder}/{routes.file_name(label, __version__)}"
    data = paths.read_private(path, routes.MOST_BYTES)
    return routes.decode(data, label, home, __version__, source) if data else None


def host() -> str:
    """Return this host's name: a skew holds only for the host that measured it."""
    return os.uname().nodename


def match(
    found: "Routes", request: "Request", chosen: str | None
) -> "tuple[Route, Service | None] | None":
    """Return the one profile that may answer `request`, and the service it was matched by.

    Parameters: `chosen`, the profile that the user chose for this terminal (`CREDHELPER_PROFILE`)
    or None. None when no profile may, or several could: `broker.no_match.why` says which.
    """
    if request.service is None:
        name = request.profile or chosen or found.default
        route = found.first() if not name and found.count == 1 else found.profile(name)
        return (route, None) if route else None
    named, service = naming(found, request)
    candidates = suitable(named, request)
    for preferred in (chosen, found.default):
        if len(candidates) > 1:
            candidates = [r for r in candidates if r.profile == preferred] or candidates
    return (candidates[0], service) if len(candidates) == 1 else None


def naming(found: "Routes", request: "Request") -> "tuple[list[Route], Service | None]":
    """Return the profiles that name the service of `request`, and the service as they name it.

    Only the most specific path counts. If the caller does not know the scheme (docker), https comes
    before http on a loopback address.
    """
    service = request.service
    while service is not None:
        for prefix in service.prefixes():
            # A damaged index must lead nobody to another's token: the route itself names its own.
            named = [route for route in found.naming(prefix) if prefix in route.services]
            if named:
                return named, service.upto(prefix)
        service = service.on_plain_http() if request.echo.get("any_scheme") else None
    return [], None


def suitable(named: "Sequence[Route]", request: "Request") -> "list[Route]":
    """Return the profiles that fit the profile and the user name in `request`, if any."""
    profile, name = request.profile, request.username
    return [
        route
        for route in named
        if (profile is None or route.profile == profile)
        and (name is None or name in (route.username, route.user, route.profile))
    ]


def least_life(route: "Route", request: "Request") -> int:
    """Return the seconds of life that an answer to `request` must have left.

    The profile's own `min_ttl` is for its tokens, not for AWS credentials.
    """
    return max(request.min_ttl, route.min_ttl) if request.wants == "token" else request.min_ttl


def margin_of(route: "Route", request: "Request") -> int:
    """Return the seconds of life below which a token is renewed before it is served.

    The protocol, the caller and the profile each set a margin: the largest counts.
    """
    return max(request.margin, route.refresh_before)


def record_of(
    found: "Routes", route: "Route", environ: "Mapping[str, str]", wants: str = "token"
) -> tuple[str, str]:
    """Return the name of the route's record, and the stamp that its grant has now.

    Parameters: `wants`, `token` or `aws`, of a route that has such a record.

    A grant in an environment variable is part of the name (a salted hash of its value), so that two
    terminals with two keys have two records. A grant in a file is stamped with the file's inode,
    size and time, so that a new key is a miss; not with its device, which differs between hosts
    that share a home. A child of `exec` has no grant: it gets the record's name instead.
    """
    name = route.record if wants == "token" else route.aws
    how, _, what = route.grant.partition(":")
    if how == "env":
        value = environ.get(what)
        if value is None:
            profile, _, record = environ.get("CREDHELPER_RECORD", "").partition(":")
            told = profile == route.profile and record.startswith(route.record + "-")
            # What follows the token's name stands for the grant: all of its records end in it.
            return (name + record[len(route.record) :] if told and "/" not in record else name), ""
        from credhelper.core.digest import sha256

        salted = bytes.fromhex(found.salt) + value.encode("utf-8", "surrogateescape")
        return f"{name}-{sha256(salted)[:16]}", ""
    if how == "file":
        try:
            return name, stamp_of(os.stat(what))
        except OSError:
            return name, "missing"
    return name, ""


def stamp_of(found: "os.stat_result") -> str:
    """Return the stamp of a grant's file, which changes with its content."""
    return f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"
