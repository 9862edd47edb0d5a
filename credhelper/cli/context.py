"""The context of a command: its environment, its config, and the profile it is for."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import click

from credhelper.broker import no_match, routing, sweeping
from credhelper.broker.context import Context
from credhelper.cli import readable_trace, verbosity
from credhelper.cli.output import warn
from credhelper.config.profile import Profile
from credhelper.core import lookup, paths
from credhelper.core.model import Request
from credhelper.errors import CacheError, CredhelperError
from credhelper.tokenfile import folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from click.shell_completion import CompletionItem

    from credhelper.storage.locks import Waiting


def shown(what: str, limit: float) -> AbstractContextManager[None]:
    """Show a wait on a terminal, by `waiting.shown`, which is loaded only then."""
    from credhelper.cli import waiting

    return waiting.shown(what, limit)


def command_context(said: list[str] | None = None, *, renews: bool = False) -> Context:
    """Return the context of this process, with warnings on stderr.

    What dead processes left on disk is swept on the way.

    Parameters:
    - said: receives each warning's message, so that a keeper does not repeat it.
    - renews: for a command that may renew a token, and then sweeps what records are concerned.
    """

    def print_warning(message: str, hint: str | None) -> None:
        if said is not None:
            said.append(message)
        warn(message, hint)

    trace = readable_trace.tracer(os.environ)
    context = Context(
        os.environ, warn=print_warning, trace=trace, alarm=True, waiting=waiting_line()
    )
    if not renews:
        sweeping.sweep(context)
    with suppress(CredhelperError):  # a command that needs those folders reports what is wrong
        for place in context.runtime_folders():
            folder.sweep(place)
    return context


def waiting_line() -> Waiting | None:
    """Return what shows a person a wait; None with -q."""
    return None if verbosity.current().quiet else shown


def service_option(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option `--service URL`, which completes the services in the config."""
    return click.option("--service", metavar="URL", help=text, shell_complete=complete_service)


def profile_option(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option `--profile NAME`, which completes the names in the config."""
    return click.option(
        "--profile", "-p", "name", metavar="NAME", help=text, shell_complete=complete_profile
    )


def complete_profile(
    _ctx: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Return the configured profiles whose names begin with `begun`."""
    from click.shell_completion import CompletionItem

    return [
        CompletionItem(profile.name, help=profile.url)
        for profile in _profiles().values()
        if profile.name.startswith(begun)
    ]


def complete_service(
    ctx: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Return the services that begin with `begun`: of the profile that is chosen, or of all."""
    from click.shell_completion import CompletionItem

    known = _profiles()
    chosen = known.get(ctx.params.get("profile", ctx.params.get("name")) or "")
    services = [
        str(service)
        for profile in ([chosen] if chosen else known.values())
        for service in profile.services
    ]
    # Without a help: zsh would take the colon of a URL for its beginning.
    return [CompletionItem(one) for one in dict.fromkeys(services) if one.startswith(begun)]


def _profiles() -> Mapping[str, Profile]:
    try:
        return routing.load_config(Context(os.environ, warn=_silently)).profiles
    except CredhelperError:
        return {}  # completion has no place for an error


def _silently(message: str, hint: str | None) -> None:
    pass


def chosen(context: Context, name: str | None) -> Profile:
    """Return the profile called `name`, or else CREDHELPER_PROFILE's, or else the default one.

    Raises NotFoundError, RequestError when several profiles fit, and ConfigError.
    """
    found = routing.load_routes(context)
    request = Request("get", profile=name)
    preferred = context.environ.get("CREDHELPER_PROFILE")
    match = lookup.match(found, request, preferred)
    if match is None:
        raise no_match.why(found, request, preferred, context.environ)
    return routing.load_config(context).profiles[match[0].profile]


def state_folder(environ: Mapping[str, str]) -> str:
    """Return the folder of what outlives the cache; raises CacheError when none is known."""
    folder = paths.state_dir(environ, sys.platform)
    if folder is None:
        raise CacheError(paths.HOMELESS, hint="set HOME, or CREDHELPER_STATE_DIR")
    return folder
