"""The config, and the routes compiled from it, by one process for all of them.

TOML is loaded only when the compiled routes do not match the config, and for a renewal.
"""

from __future__ import annotations

import os

from credhelper import __version__
from credhelper.core import lookup, paths, routes
from credhelper.errors import CacheError, reason
from credhelper.storage import files, locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.broker.context import Context
    from credhelper.config.parse import Config
    from credhelper.config.profile import Profile
    from credhelper.core.routes import Route, Routes

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
    if label != "environment":
        return parse.parse(data, label, context.environ)
    # The variable's value is read with the grant, and a child of `exec` does not have it.
    known = {"CREDHELPER_API_KEY": "told by exec", **context.environ}
    return parse.from_environment(known) or parse.parse(b"", label, context.environ)


def load_routes(context: Context) -> Routes:
    """Return the routes: from the cache if they hold, else compiled by one process for all."""
    label, data = context.configuration()
    home = context.environ.get("HOME", "")
    folder = context.cache_folder()
    if folder is None:
        return compile_routes(context, _new_salt())
    path = os.path.join(folder, routes.file_name(label))
    found = lookup.compiled(folder, label, home, data)
    if found:
        return found
    context.trace("routes", compiled=label)
    lock = None
    try:
        files.make_folder(folder)
        lock = locks.acquire(
            path + ".lock", wait=_COMPILE_WAIT, alarm=context.alarm, early=context.early
        )
    except (CacheError, locks.Unlockable) as error:
        context.trace("routes", unlocked=str(error))
    try:
        found = lookup.compiled(folder, label, home, data)
        if found:
            return found
        old = paths.read_private(path)
        salt = (old and routes.salt_of(old)) or _new_salt()
        compiled = compile_routes(context, salt)
        try:
            made = routes.encode(compiled, label, home, __version__, data)
            files.replace(path, made)
        except OSError as error:
            context.trace("routes", kept=False, why=reason(error))
        return compiled
    finally:
        if lock:
            lock.release()


def _new_salt() -> str:
    # One for the whole process: where the routes cannot be kept, records must not change names.
    if not _salt:
        _salt.append(os.urandom(16).hex())
    return _salt[0]


def compile_routes(context: Context, salt: str) -> Routes:
    """Return the routes of the config, as `load_config` gives it; raises ConfigError."""
    config = load_config(context)
    default = config.default_profile or ""
    return routes.Routes(default, salt, [route_to(one) for one in config.profiles.values()])


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
        (*api.variables, api.base),
        profile.refresh_before,
    )
