"""Which profile answers for the service that is set up."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import click

from credhelper import setup
from credhelper.broker import next_step, no_match, routing
from credhelper.broker.context import Context
from credhelper.cli import standing
from credhelper.cli.context import command_context
from credhelper.cli.prompt import on_terminal
from credhelper.cli.setup.request import Arguments
from credhelper.config.origin import canonical
from credhelper.core import lookup
from credhelper.core.model import Request
from credhelper.core.text import command, printable
from credhelper.errors import (
    AmbiguousServiceError,
    ConfigError,
    PathRequiredError,
    UnknownServiceError,
    UsageError,
)


def wants_service(tool: str) -> bool:
    """Tell whether a tool is set up for a service; otherwise a profile alone will do."""
    return getattr(setup.load(tool), "SERVICE", True)


def ask_service(tool: str, profile: str | None) -> str:
    """Return the service that a person at a terminal chooses, of those in the config or any other.

    Parameters: `profile`, the one whose services are offered; None for those of all. Raises
    UsageError where there is nobody to ask, or nothing to offer.
    """
    services: list[str] = []
    if on_terminal():
        known = routing.load_config(command_context()).profiles
        wanted = [known[profile]] if profile and profile in known else known.values()
        services += dict.fromkeys(str(service) for one in wanted for service in one.services)
    if not services:
        raise UsageError(
            "which service? add --service URL",
            hint=command("credhelper", "setup", tool, "--service", "URL"),
        )
    if services[1:]:
        click.echo(f"Services: {printable(', '.join(services))}", err=True)
    typed: str = click.prompt("Which service", default=services[0], err=True)
    return typed


def likely(context: Context, arguments: Arguments) -> tuple[Arguments, str]:
    """Return the arguments with their service filled in, and the profile that would answer now.

    Raises NotFoundError when no profile fits, and none stands for a service that is left out.
    """
    found = routing.load_routes(context)
    request = Request("get", service=arguments.service, profile=arguments.profile)
    match = lookup.match(found, request, context.environ.get("CREDHELPER_PROFILE"))
    if match is None:
        first = found.first()
        owner = arguments.profile or found.default or (first.profile if first else "default")
    else:
        owner = match[0].profile
    if arguments.service is None:
        # Where a profile alone will do, its API stands for the service.
        known = found.profile(owner)
        if known is None:
            raise no_match.why(found, request, None, context.environ)
        arguments = replace(arguments, service=canonical(known.url))
    return arguments, owner


def require_setting(context: Context, tool: str, owner: str) -> None:
    """Raise ConfigError when profile `owner` lacks the setting that `tool` works with."""
    needed = getattr(setup.load(tool), "NEEDS", None)
    profile = routing.load_config(context).profiles.get(owner)
    if needed and profile and not getattr(profile, needed):
        raise ConfigError(
            f"profile {owner} does not say what {tool} credentials are for: it has no key {needed}",
            hint=next_step.add_resource(context.environ, profile),
        )


def known_region(context: Context, owner: str) -> str | None:
    """Return the AWS region of the last credentials of profile `owner`, None if none are kept."""
    found = routing.load_routes(context)
    profile = routing.load_config(context).profiles.get(owner)
    held = standing.profile_status(context, found, profile, False).aws if profile else None
    try:
        region = json.loads(held.secret.reveal())["Region"] if held else None
    except (ValueError, KeyError, TypeError):
        return None
    return region if isinstance(region, str) and re.fullmatch(r"[a-z0-9-]+", region) else None


def choose(
    context: Context, arguments: Arguments, *, add_service: bool, dry_run: bool
) -> tuple[Arguments, str, str | None]:
    """Return the arguments, the profile that shall answer, and the profile to add the service to.

    A person at a terminal is asked where several profiles, or none yet, may answer.

    Parameters:
    - add_service: the service may be added to a profile without asking.
    - dry_run: ask nothing.

    Raises the error that tells why no profile may answer.
    """
    found = routing.load_routes(context)
    request = Request("get", service=arguments.service, profile=arguments.profile)
    preferred = context.environ.get("CREDHELPER_PROFILE")
    match = lookup.match(found, request, preferred)
    takes_profile = setup.load(arguments.tool).PROFILE
    if match is not None:
        if arguments.profile and not takes_profile:
            plain = lookup.match(found, Request("get", service=arguments.service), preferred)
            if plain is None or plain[0].profile != arguments.profile:
                raise AmbiguousServiceError(
                    f"{arguments.tool} has no place for a profile's name, and without one"
                    f" {arguments.service} is not answered by {arguments.profile}",
                    hint=("unset CREDHELPER_PROFILE; " if preferred else "")
                    + command("credhelper", "profile", "use", arguments.profile),
                )
        return likely(context, arguments)[0], match[0].profile, None
    error = no_match.why(found, request, preferred, context.environ)
    if isinstance(error, AmbiguousServiceError):
        error.hint = "choose one: --profile NAME"
        if not takes_profile or not on_terminal() or dry_run:
            raise error
        named = [route.profile for route in lookup.naming(found, request)[0]]
        name = click.prompt("Which profile", type=click.Choice(named), err=True)
        return replace(arguments, profile=name), name, None
    if isinstance(error, PathRequiredError) and arguments.service:
        deeper = found.below(arguments.service.origin) or "URL"
        error.hint = f"choose one: {command('--service', deeper)}"
    if not isinstance(error, UnknownServiceError) or isinstance(error, PathRequiredError):
        raise error
    profile = arguments.profile or preferred or found.default
    only = found.first()
    if not profile and only and found.count == 1:
        profile = only.profile
    if not profile or found.profile(profile) is None:
        raise error
    if not add_service:
        question = f"No profile covers {arguments.service}. Let {profile} have tokens for it?"
        if dry_run or not on_terminal() or not click.confirm(question, err=True):
            raise error
    return arguments, profile, profile
