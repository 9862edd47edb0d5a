"""The check of the variables that say where everything of ours is, and of the home folder."""

from __future__ import annotations

import os
import sys

from credhelper.broker.context import Context
from credhelper.cli.doctor.result import Outcome, passed
from credhelper.core import paths
from credhelper.core.text import command, printable
from credhelper.errors import CacheError, ConfigError, reason
from credhelper.storage import ours


def look(context: Context) -> Outcome:
    """Return that the variables lead to places that can be looked at.

    Raises UsageError where an agent has the profiles, ConfigError for a relative path, CacheError
    for a home that is not there or that others may change.
    """
    environ = context.environ
    try:
        context.hold_to_profiles()
        context.runtime_folders()
        named = [where(environ, sys.platform) for where in _WHERE]
    except ConfigError as error:
        error.hint = error.hint or command("unset", error.message.partition(" ")[0])
        raise
    home = paths.home(environ)
    if None in named or home is None:
        if None not in named:
            return passed("no home folder is known, and none is needed")
        raise CacheError(paths.HOMELESS, hint="set HOME")
    if any((place or "").startswith(f"{home}/") for place in named):
        _hold_to(home, by_variable=environ.get("HOME", "").startswith("/"))
    return passed(f"home folder {home or '/'}")


_WHERE = (paths.config_file, paths.cache_dir, paths.state_dir)


def _hold_to(home: str, *, by_variable: bool) -> None:
    """Raise CacheError for a home in which nothing of ours can be."""
    source = "HOME" if by_variable else "the password database"
    if not os.path.isdir(home or "/"):
        raise CacheError(
            f"home folder {printable(home)}, which {source} names, does not exist",
            hint="set HOME to a folder that is there",
        )
    try:
        wrong = ours.about_way(home or "/")
    except OSError as error:
        raise CacheError(f"home folder {printable(home)}: {reason(error)}", "set HOME") from error
    if wrong:
        raise CacheError(f"home folder {printable(home)} {wrong.why}", wrong.hint)
