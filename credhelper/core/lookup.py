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
    from collections.abc import Callable, Mapping

    from credhelper.core.model import Request
    from credhelper.core.routes import Route, Routes
    from credhelper.core.service import Service


def answer(
    environ: "Mapping[str, str]", request: "Request", clock: "Callable[[], float]" = time.time
) -> Credential | str | None:
    """Return a fresh credential for `request` if the cache holds one.

    Otherwise the path of the lock of a renewal that may be going on, or None when there is nothing
    to wait for. Parameters: `environ`; `request`, of action get; `clock`, Unix seconds.
    """
    folder = paths.cache_dir(environ, sys.platform)
    if not folder or not paths.private_folder(folder):
        return None
    label, source = configuration(environ)
    found = compiled(folder, label, environ.get("HOME", ""), source)
    if found is None:
        return f"{folder}/{routes.file_name(label)}.lock"
    matched = routes.match(found, request, environ.get("CREDHELPER_PROFILE"))
    if matched is None:
        return None
    route, service = matched
    if request.wants != "token" and not route.aws:
        return None
    record, stamp = routes.record_of(found, route, environ, request.wants)
    data = paths.read_private(f"{folder}/{record}")
    held = held_in(records.decode(data) if data else None, stamp, host())
    min_ttl = routes.least_life(route, request)
    now = clock()
    state = judge(held, now, margin=routes.margin_of(route, request), min_ttl=min_ttl)
    if held is None or state == EXPIRED:
        return f"{folder}/{record}.lock"
    if state != FRESH or held.not_before > now:
        return None
    return credential(held, request, route, service, min_ttl)


def credential(
    held: Held, request: "Request", route: "Route", service: "Service | None", min_ttl: int
) -> Credential:
    """Return what a tool receives of `held`."""
    for_token, for_url, base = route.variables
    return Credential(
        held.secret,
        held.advertised,
        username=route.username,
        profile=route.profile,
        kind=held.kind,
        url=route.url + base,
        service=service,
        fresh_until=min(held.stale_at(routes.margin_of(route, request)), held.advertised - min_ttl),
        variables=(for_token, for_url),
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
    if not from_parent and not environ.get("CREDHELPER_API_KEY"):
        return path or "environment", b""
    names = ("CREDHELPER_API", "CREDHELPER_URL", "CREDHELPER_SERVICES")
    made = "".join(f"{name}={environ.get(name, '')}\n" for name in names)
    return "environment", made.encode("utf-8", "surrogateescape")


def compiled(folder: str, label: str, home: str, source: bytes) -> "Routes | None":
    """Return the routes in the cache if they were made from this very config, else None."""
    data = paths.read_private(f"{folder}/{routes.file_name(label)}")
    return routes.decode(data, label, home, __version__, source) if data else None


def host() -> str:
    """Return this host's name: a skew holds only for the host that measured it."""
    return os.uname().nodename
