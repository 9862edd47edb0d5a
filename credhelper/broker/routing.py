"""The config, and the routes compiled from it, by one process for all of them.

TOML is loaded only when the compiled routes do not match the config, and for a renewal.
"""

from __future__ import annotations

import os

from credhelper import __version__
from credhelper.core import lookup, paths, routes
from credhelper.core.model import Request
from credhelper.errors import CacheError, reason
from credhelper.storage import files, locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.broker.context import Context
    from credhelper.config.parse import Config
    from credhelper.config.profile import Profile
    from credhelper.core.routes import Route, Routes
    from credhelper.core.service import Service

_COMPILE_WAIT = 10.0

_salt: list[str] = []


def load_config(context: Context) -> Config:
    """Return the whole config, parsed and checked; raises ConfigError.

    One context gives the bytes of one read, here and for the routes.
    """
    from credhelper.config import parse
    from credhelper.storage import ours

    label, data = context.configuration()
    if context.seen:
        ours.hold_config(*context.seen, context.environ)
    home = paths.home(context.environ)  # for the `~` in paths
    made = context.decoded.config
    if made is None or made[0] != (label, data, home):
        if label == "environment":
            # The variable's value is read with the grant, and a child of `exec` does not have it.
            known = {"CREDHELPER_API_KEY": "set by exec", **context.environ}
            config = parse.from_environment(known)
            return config or parse.parse(b"", label, context.environ)
        config = parse.parse(data, label, context.environ)
        made = context.decoded.config = (label, data, home), config
    return made[1]


def load_routes(context: Context) -> Routes:
    """Return the routes: from memory or the cache if they hold, else compiled by one process."""
    label, data = context.configuration()
    key = label, data, context.environ.get("HOME", ""), context.cache_folder()
    made = context.decoded.routes
    if made is None or made[0] != key:
        made = context.decoded.routes = key, _routes_on_disk(context, label, data)
    return made[1]


def _routes_on_disk(context: Context, label: str, data: bytes) -> Routes:
    folder = context.cache_folder()
    if folder is None:
        return compile_routes(context, _new_salt())
    found = _intact(context, folder, label, data)
    if found:
        return found
    context.trace("routes", compiled=label)
    path = os.path.join(folder, routes.tag(label))
    lock = None
    try:
        files.make_folder(folder)
        lock = locks.acquire(
            path + ".lock", wait=_COMPILE_WAIT, alarm=context.alarm, early=context.early
        )
    except (CacheError, locks.Unlockable) as error:
        context.trace("routes", unlocked=str(error))
    try:
        found = _intact(context, folder, label, data)
        if found:
            return found
        made = compile_routes(context, _salt_for(folder, label))
        try:
            home = context.environ.get("HOME", "")
            kept = routes.encode(made, label, home, __version__, data)
            files.replace(os.path.join(folder, routes.file_name(label, __version__)), kept)
        except OSError as error:
            context.trace("routes", kept=False, why=reason(error))
        return made
    finally:
        if lock:
            lock.release()


def _intact(context: Context, folder: str, label: str, data: bytes) -> Routes | None:
    found = lookup.compiled(folder, label, context.environ.get("HOME", ""), data)
    return found if found and found.intact() else None


def _salt_for(folder: str, label: str) -> str:
    """Return the salt of the config called `label`: records are named by it, so it stays.

    It lies in a file of its own, which outlives formats and versions. A routes file has it, too,
    and up to format 6 it lay there alone.
    """
    path = os.path.join(folder, routes.tag(label))
    salt_path = f"{path}.salt"
    held = routes.salt_in((paths.read_private(salt_path) or b"").decode("ascii", "replace"))
    if held:
        return held
    salt = _salt_in_routes(folder, routes.tag(label)) or _new_salt()
    try:
        files.replace(salt_path, (routes.SALT + salt).encode())
    except OSError:
        pass  # without it, a changed config gives these records other names
    return salt


def _salt_in_routes(folder: str, tag: str) -> str | None:
    try:
        names = sorted(name for name in os.listdir(folder) if name.partition(".")[0] == tag)
    except OSError:
        return None
    held = (paths.read_private(os.path.join(folder, name), routes.MOST_BYTES) for name in names)
    return next((salt for data in held if data and (salt := routes.salt_of(data))), None)


def _new_salt() -> str:
    # One for the whole process: where the routes cannot be kept, records must not change names.
    if not _salt:
        _salt.append(os.urandom(16).hex())
    return _salt[0]


def compile_routes(context: Context, salt: str) -> Routes:
    """Return the routes of the config, as `load_config` gives it; raises ConfigError."""
    config = load_config(context)
    default = config.default_profile or ""
    return routes.compiled(default, salt, [route_to(one) for one in config.profiles.values()])


def route_to(profile: Profile) -> Route:
    """Return the route that leads to `profile`."""
    from credhelper.config import identity
    from credhelper.config.profile import APIS

    api = APIS[profile.api]
    return routes.Route(
        profile.name,
        identity.record_name(profile, kind=profile.token),
        profile.token,
        profile.username,
        profile.user or "",
        profile.url,
        profile.min_ttl,
        identity.visible_grant(profile),
        [str(service) for service in profile.services],
        identity.aws_name(profile, profile.aws) if profile.aws else "",
        (api.variables, profile.project or "", api.base),
        profile.refresh_before,
        profile.share or "",
    )


def may_receive(found: Routes, route: Route, target: Service) -> bool:
    """Tell whether the token of `route` may go to `target`.

    It may go to what the profile names as a service, unless another names it more closely, and back
    to the API that it comes from.
    """
    if target.origin == route.url:
        return True
    there = Request("get", service=target, profile=route.profile)
    return lookup.match(found, there, route.profile) is not None
