"""What a person can do next, where variables, a missing home or other users limit that.

A hint names commands that work where it is read: as they stand, in the same environment.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from credhelper.config import parse, schema
from credhelper.config.profile import APIS, Profile
from credhelper.core import lookup, paths
from credhelper.core.routes import Route
from credhelper.core.text import command, export
from credhelper.storage import ours

_NOWHERE = (
    "put an API key into CREDHELPER_API_KEY, or set HOME, or CREDHELPER_CONFIG and"
    " CREDHELPER_STATE_DIR, to where you may write"
)


def from_environment(environ: Mapping[str, str]) -> bool:
    """Tell whether variables configure us, and no file."""
    return lookup.configuration(environ)[0] == "environment"


def log_in(
    environ: Mapping[str, str], name: str | None = None, profile: Profile | None = None, *more: str
) -> str:
    """Return the hint to log in.

    Parameters:
    - name: of the profile; None for the one that `login` takes by itself.
    - profile: that profile, if it exists.
    - more: further words of the command.
    """
    place = paths.config_file(environ, sys.platform)
    in_the_way = _in_the_way(paths.state_dir(environ, sys.platform)) or (
        None if profile else _in_the_way(place and os.path.dirname(place))
    )
    if in_the_way:
        return in_the_way
    words = ["credhelper", "login", *(["--profile", name] if name else []), *more]
    astray = parse.contradicting(environ, profile)
    if "--service" in more:
        astray.pop("services", None)
    unset = [parse.VARIABLES[key] for key in astray]
    return (f"{command('unset', *unset)}; " if unset else "") + command(*words)


def add_service(environ: Mapping[str, str], route: Route | None, name: str, *services: str) -> str:
    """Return the hint to let a profile have tokens for more services.

    Parameters: `route`, to the profile called `name`; None if there is no such profile.
    """
    if route and from_environment(environ):
        known = [*route.services, *services]
        how = export(parse.VARIABLES["services"], ",".join(known))
        if any("," in one for one in known):  # which ends a service there
            how = "write a config file: a variable cannot hold a service with a comma"
        return f"if it may have this token: {how}"
    place = paths.config_file(environ, sys.platform)
    if _in_the_way(place and os.path.dirname(os.path.realpath(place))):
        return f"if it may have this token: add it to the services of profile {name} in {place}"
    more = [word for service in services for word in ("--service", service)]
    how = command("credhelper", "profile", "add", name, *more)
    return f"if it may have this token: {how}"


def add_resource(environ: Mapping[str, str], profile: Profile) -> str:
    """Return the command that says what AWS credentials are for, with ID in the place of each id.

    Of a profile that variables make, it writes a config file that says the same otherwise.
    """
    keys = next(iter(APIS[profile.api].resources.values()))
    words = ["credhelper", "profile", "add", profile.name]
    if from_environment(environ):
        words += ["--grant-env", "CREDHELPER_API_KEY"]
    return command(*words, "--aws", ",".join(f"{key}=ID" for key in keys))


def is_name(text: str) -> bool:
    """Tell whether a profile may be called so."""
    return schema.NAME.fullmatch(text) is not None


def _in_the_way(folder: str | None) -> str | None:
    """Return what is to be done before anything can be written into `folder`; None for nothing."""
    if not folder:
        return _NOWHERE
    try:
        wrong = ours.about_way(folder)
    except OSError:
        return _NOWHERE
    if wrong:
        return wrong.hint
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    return None if os.access(folder, os.W_OK | os.X_OK) else _NOWHERE
