"""A profile's settings as options of `login` and `profile add`, and writing them to the config."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from credhelper.broker import next_step, routing
from credhelper.broker.context import Context
from credhelper.cli.output import say
from credhelper.config import parse, schema
from credhelper.config import profile as profiles
from credhelper.config import write as configfile
from credhelper.config.profile import Profile
from credhelper.config.table import Mistake, dotted
from credhelper.core import paths
from credhelper.core.text import command, printable
from credhelper.errors import CacheError, ConfigError, UsageError

_Command = Callable[..., Any]

REVOKE_OLD = "Revoke what the profile had before its identity changed. Otherwise logout does."


def options(command: _Command) -> _Command:
    """Add the options that `login` and `profile add` share, one for each key of the config."""
    for option in reversed(
        (
            click.option(
                "--api",
                type=click.Choice(list(profiles.APIS)),
                help="Which API: iap (v1, the default) or ica (v2).",
            ),
            click.option("--url", metavar="URL", help="The API's origin."),
            click.option(
                "--service",
                "services",
                metavar="URL",
                multiple=True,
                help="A service that may have this profile's tokens: a host, or a URL with a path. "
                "Repeatable; adds to those already there.",
            ),
            click.option("--domain", metavar="NAME", help="The domain (v2: tenant) to log in to."),
            click.option("--cid", metavar="ID", help="The project (context) of the tokens."),
            click.option("--cwid", metavar="ID", help="The workgroup of the tokens."),
            click.option("--scopes", metavar="A,B", help="Limit the tokens to these scopes."),
            click.option("--client-id", metavar="ID", help="The authorized party on the tokens."),
            click.option("--data", metavar="TEXT", help="Metadata for the tokens' session field."),
            click.option(
                "--keep-session/--no-keep-session",
                default=None,
                help="Hold a session (psToken) and make tokens from it.",
            ),
            click.option(
                "--token",
                type=click.Choice(("jwt", "session")),
                help="What tools receive: a JWT, or the psToken itself.",
            ),
            click.option(
                "--username", metavar="NAME", help="The user name for tools that need one."
            ),
            click.option(
                "--min-ttl", metavar="TIME", help="Least life that every token must have left."
            ),
            click.option(
                "--refresh-before", metavar="TIME", help="Renew tokens that have less life left."
            ),
            click.option(
                "--session-lifetime", metavar="TIME", help="Idle life of a session: 3600, 2h, 1d."
            ),
            click.option("--ca-file", metavar="PATH", help="Certificates to trust for the API."),
            click.option(
                "--api-key-as",
                type=click.Choice(profiles.KEY_FORMS),
                help="How to send an API key; by default in the X-API-Key header.",
            ),
            click.option(
                "--aws",
                metavar="KEY=ID[,read_only]",
                help="What AWS credentials are for: folder=ID, file=ID, volume=ID or "
                "path=gds://VOLUME/PATH; in v2 project=ID,data=ID or project=ID,path=PATH.",
            ),
            click.option(
                "--grant-env", metavar="NAME", help="The secret is in this environment variable."
            ),
            click.option("--grant-file", metavar="PATH", help="The secret is in this file (0600)."),
            click.option(
                "--grant-command", metavar="'WORDS'", help="This command prints the secret."
            ),
            click.option(
                "--keyring",
                metavar="SERVICE",
                help="The secret is in the keyring, under this service.",
            ),
        )
    ):
        command = option(command)
    return command


def existing(context: Context, name: str) -> dict[str, Any]:
    """Return the keys that the config file has for the profile called `name`; empty for none."""
    known = routing.load_config(context)
    if known.path is None or name not in known.profiles:
        return {}  # no file: the environment configures us
    _, data = context.configuration()
    return dict(tomllib.loads(data.decode())["profiles"][name])


def with_environment(
    context: Context, name: str, old: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return `given`, and for a new profile what the environment says of the API and of services.

    A person who sets CREDHELPER_URL means it: a key must not go elsewhere. Raises UsageError where
    a profile that exists says something else, and no option decides.
    """
    now = preview(context, name, old) if old else None
    for key, value in (parse.contradicting(context.environ, now) if now else {}).items():
        if given.get(key):
            continue
        variable, said = parse.VARIABLES[key], value if isinstance(value, list) else [value]
        shown = printable(" ".join(said))
        option = "service" if key == "services" else key
        raise UsageError(
            f"{variable} says {shown}, and profile {printable(name)} does not",
            f"add {command(f'--{option}', said[0])}, or {command('unset', variable)}",
        )
    found = {} if now else parse.variables_set(context.environ)
    return {**given, **{key: value for key, value in found.items() if not given.get(key)}}


def preview(context: Context, name: str, values: Mapping[str, Any]) -> Profile:
    """Return the profile that `values` would make; raises UsageError, which names the key."""
    try:
        return schema.read(name, dict(values), parse.expander(context.environ))
    except Mistake as mistake:
        key = dotted(mistake.place[2:])
        place = f"{key} of profile {name}" if key else "--profile"
        raise UsageError(f"{place}: {mistake.message}", mistake.hint) from mistake


def files(context: Context) -> tuple[str, str]:
    """Return the paths of the config file and of its lock; raises CacheError without a home."""
    path = paths.config_file(context.environ, sys.platform)
    state = paths.state_dir(context.environ, sys.platform)
    if path is None or state is None:
        raise CacheError(
            paths.HOMELESS, hint="set HOME, or CREDHELPER_CONFIG and CREDHELPER_STATE_DIR"
        )
    return path, os.path.join(state, "config.lock")


def require_file(context: Context, name: str, hint: str) -> None:
    """Raise ConfigError, with `hint`, where variables make the profile called `name`."""
    known = routing.load_config(context)
    if known.path is None and name in known.profiles:
        raise ConfigError(f"profile {name} is made by variables: no config file has it", hint)


def write(
    context: Context,
    name: str,
    old: Mapping[str, Any],
    values: Mapping[str, Any],
    *,
    make_default: bool | None,
    ready: Callable[[Profile], None] | None = None,
) -> tuple[str, Profile]:
    """Do what `add_profile` does; return the config file's path and the profile in it.

    It is said if another profile, which answered as the only one, has become the default.
    """
    path, lock = files(context)
    before = routing.load_config(context).default_profile
    written = configfile.add_profile(
        path,
        lock,
        name,
        values,
        make_default=make_default,
        environ=context.environ,
        old=old,
        ready=ready,
        waiting=context.waiting,
    )
    context.begin()
    default = routing.load_config(context).default_profile
    if not before and default and default != name:
        say(f"{default} stays the default profile: {path} says so now")
    return path, written


def add_services(context: Context, name: str, services: Sequence[str]) -> str:
    """Add `services` to the profile, and return the config file's path."""
    route = routing.load_routes(context).profile(name)
    require_file(context, name, next_step.add_service(context.environ, route, name, *services))
    path, lock = files(context)
    for service in services:
        configfile.add_service(
            path, lock, name, service, environ=context.environ, waiting=context.waiting
        )
    context.begin()
    return path
