"""What the commands know of the world around them: environment, config, the profile meant."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

import click
from click.shell_completion import CompletionItem

from credhelper.broker import no_match, routing
from credhelper.broker import trace as tracing
from credhelper.broker.context import Context
from credhelper.cli.output import warn
from credhelper.config.profile import Profile
from credhelper.core import paths, routes
from credhelper.core.model import Request
from credhelper.errors import CacheError, CredhelperError


def context(said: list[str] | None = None) -> Context:
    """Return the world as this process sees it, with warnings on stderr.

    Parameters: `said`, where each warning is noted, for who must not repeat them.
    """
    trace = tracing.tracer(os.environ.get("CREDHELPER_TRACE", ""))

    def tell(message: str, hint: str | None) -> None:
        if said is not None:
            said.append(message)
        warn(message, hint)

    return Context(os.environ, warn=tell, trace=trace, alarm=True)


def profile_option(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option `--profile NAME`, which completes the names in the config."""
    return click.option(
        "--profile", "-p", "name", metavar="NAME", help=text, shell_complete=complete_profile
    )


def complete_profile(
    _context: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Return the configured profile names that begin with what was typed."""
    try:
        config = routing.load_config(Context(os.environ, warn=_silently))
    except CredhelperError:
        return []  # a shell that completes has nowhere to show an error
    return [
        CompletionItem(profile.name, help=profile.url)
        for profile in config.profiles.values()
        if profile.name.startswith(begun)
    ]


def _silently(message: str, hint: str | None) -> None:
    pass


def chosen(world: Context, name: str | None) -> Profile:
    """Return the profile called `name`, or the one that this terminal or the config chose.

    Raises NotFoundError, RequestError when there are several and none is chosen, and ConfigError.
    """
    found = routing.load_routes(world)
    request = Request("get", profile=name)
    preferred = world.environ.get("CREDHELPER_PROFILE")
    match = routes.match(found, request, preferred)
    if match is None:
        raise no_match.why(found, request, preferred)
    return routing.load_config(world).profiles[match[0].profile]


def state_folder(environ: Mapping[str, str]) -> str:
    """Return the folder of what outlives the cache; raises CacheError when none is known."""
    folder = paths.state_dir(environ, sys.platform)
    if folder is None:
        raise CacheError(paths.HOMELESS, hint="set HOME, or CREDHELPER_STATE_DIR")
    return folder
