"""`credhelper profile set` and `profile service`: change a profile, and take the change back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from credhelper.broker import typed_keys
from credhelper.broker.context import Context
from credhelper.cli import leaving, options, output
from credhelper.cli.context import chosen, command_context, complete_profile, complete_service
from credhelper.cli.late import Suggesting
from credhelper.cli.option_values import GRANTS, merged
from credhelper.cli.options import existing, preview
from credhelper.cli.output import say
from credhelper.config import schema, write
from credhelper.config.profile import AUTHS
from credhelper.config.table import nearest, said
from credhelper.core.text import command, quoted
from credhelper.errors import NotFoundError, UsageError

_name = click.argument("name", shell_complete=complete_profile)


@click.command("set")
@_name
@options.options
@click.option("--auth", type=click.Choice(AUTHS), help="How to log in.")
@click.option("--user", metavar="NAME", help="The login name.")
@click.option(
    "--project", metavar="ID", help="The project of v2's tools and AWS keys; `login` takes a name."
)
@click.option(
    "--unset",
    metavar="KEY",
    multiple=True,
    help="Remove this key from the profile. May be given several times.",
)
def set_(name: str, unset: tuple[str, ...], **given: Any) -> int:
    """Change a profile. What you do not give stays as it is. Nothing is verified.

    A key that is set and unset again leaves the config file as it was.

    \b
    Examples:
      credhelper profile set work --min-ttl 10m --refresh-before 1h
      credhelper profile set work --unset min_ttl --unset refresh_before
    """
    context = command_context()
    one = chosen(context, name)
    options.require_file(context, name, "change the variables, or write a config file")
    if not unset and not any(value not in (None, ()) for value in given.values()):
        raise UsageError(
            f"no option says what to change in profile {one.name}",
            hint=command("credhelper", "profile", "set", "--help"),
        )
    old = existing(context, one.name)
    values = merged(old, given)
    for key in ("auth", "user"):
        if given[key] is not None:
            values[key] = given[key]
    for key in unset:
        spelled = key.replace("-", "_")
        if spelled not in schema.KEYS:
            raise UsageError(f"a profile has no key {said(key)}{nearest(spelled, schema.KEYS)}")
        if spelled in _keys_of(given):
            raise UsageError(
                f"{spelled} cannot be set and unset at once", "leave out one of the two options"
            )
        values.pop(spelled, None)
    wanted = preview(context, one.name, values)
    with typed_keys.changing(context, wanted):
        path, now = options.write(context, one.name, old, values, make_default=None)
    changed = existing(context, now.name) != old
    say(f"changed profile {now.name} in {path}" if changed else "nothing to change")
    return leaving.leave_former(context, one)


def _keys_of(given: Mapping[str, Any]) -> set[str]:
    """Return the keys of a profile that the options in `given` set."""
    named = {key for key, value in given.items() if value not in (None, ())}
    return {"grant" if key in GRANTS else key for key in named}


@click.group(cls=Suggesting, short_help="Add or remove a service of a profile.")
def service() -> None:
    """Choose which services get the tokens of a profile.

    \b
    Example:
      credhelper profile service add work https://git.example
    """


@service.command("add")
@_name
@click.argument("urls", metavar="URL...", nargs=-1, required=True)
def add_service(name: str, urls: tuple[str, ...]) -> None:
    """Serve a profile's tokens to a service: a host, or a URL with a path.

    \b
    Example:
      credhelper profile service add work https://git.example/team
    """
    context = command_context()
    one = chosen(context, name)
    path = options.add_services(context, one.name, urls)
    _tell(context, one.name, path)


@service.command("remove")
@_name
@click.argument("urls", metavar="URL...", nargs=-1, required=True, shell_complete=complete_service)
def remove_service(name: str, urls: tuple[str, ...]) -> None:
    """Stop serving a profile's tokens to a service.

    \b
    Example:
      credhelper profile service remove work https://git.example/team
    """
    context = command_context()
    one = chosen(context, name)
    options.require_file(context, one.name, "change CREDHELPER_SERVICES")
    path, lock = options.files(context)
    for url in urls:
        if not write.remove_service(
            path, lock, one.name, url, environ=context.environ, waiting=context.waiting
        ):
            known = ", ".join(map(str, one.services)) or "none"
            raise NotFoundError(
                f"{quoted(url)} is no service of profile {one.name}",
                hint=f"its services: {known}",
            )
    context.begin()
    _tell(context, one.name, path)


def _tell(context: Context, name: str, path: str) -> None:
    now = chosen(context, name)
    services = ", ".join(map(str, now.services)) or "none"
    say(f"changed profile {now.name} in {path}")
    output.table([("services", services)])
