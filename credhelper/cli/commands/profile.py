"""`credhelper profile`: list, show, add, remove, and choose the default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import click

from credhelper.broker import next_step, routing, typed_keys
from credhelper.broker.context import Context
from credhelper.cli import leaving, options, output, profile_set
from credhelper.cli.context import chosen, command_context, complete_profile
from credhelper.cli.late import Suggesting
from credhelper.cli.option_values import merged
from credhelper.cli.options import existing, preview
from credhelper.cli.output import say
from credhelper.cli.prompt import on_terminal
from credhelper.cli.verbosity import json_option
from credhelper.config import write
from credhelper.config.profile import AUTHS, Profile
from credhelper.core.text import command
from credhelper.errors import UsageError

_name = click.argument("name", shell_complete=complete_profile)


@click.group(
    cls=Suggesting, no_args_is_help=False, short_help="List, show, add, change and remove profiles."
)
def profile() -> None:
    """List, show, add, change and remove profiles, and choose the default.

    A profile says which API, who, which project, and which services may have its tokens. It is a
    section of the config file, which you may edit by hand as well.

    \b
    Example:
      credhelper profile add default --service https://registry.example
    """


@profile.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the profiles, the default with a star.

    \b
    Example:
      credhelper profile list
    """
    context = command_context()
    config = routing.load_config(context)
    if as_json:
        known = [_entry(one, config.default_profile) for one in config.profiles.values()]
        _print_json({"profiles": known})
        return
    if not config.profiles:
        say(f"no profile is configured: {next_step.log_in(context.environ)}")
    output.table(
        [
            (
                f"{'*' if one.name == config.default_profile else ' '} {one.name}",
                f"{one.url}  {', '.join(map(str, one.services))}".rstrip(),
            )
            for one in config.profiles.values()
        ],
        indent=0,
    )


@profile.command()
@click.argument("name", required=False, shell_complete=complete_profile)
@json_option
def show(name: str | None, as_json: bool) -> None:
    """Show a profile with all its settings, also those that are not written down.

    \b
    Example:
      credhelper profile show default
    """
    context = command_context()
    one = chosen(context, name)
    entry = _entry(one, routing.load_config(context).default_profile)
    if as_json:
        _print_json(entry)
        return
    output.table([(key, _in_words(value)) for key, value in entry.items()], indent=0)


@profile.command()
@_name
@options.options
@click.option("--auth", type=click.Choice(AUTHS), help="How to log in.")
@click.option("--user", metavar="NAME", help="The login name.")
@click.option(
    "--project", metavar="ID", help="The project of v2's tools and AWS keys; `login` takes a name."
)
@click.option("--default", "make_default", is_flag=True, help="Make it the default profile.")
@click.option(
    "--like",
    metavar="OLD",
    shell_complete=complete_profile,
    help="Begin with the settings of this profile, but for its services.",
)
@click.option("--revoke-old", is_flag=True, help=options.REVOKE_OLD)
def add(
    name: str,
    auth: str | None,
    user: str | None,
    make_default: bool,
    like: str | None,
    revoke_old: bool,
    **given: Any,
) -> int:
    """Add a profile, or change one. What you do not give stays as it is. Nothing is verified.

    \b
    Examples:
      credhelper profile add default --service https://registry.example
      credhelper profile add ci --grant-env ILLUMINA_KEY --cid project-alpha
      credhelper profile add beta --like work --cid project-beta
    """
    context = command_context()
    old = existing(context, name)
    base = old if like is None else _settings_of(context, like, name, old)
    former = preview(context, name, old) if old else None
    if former and revoke_old and not any((auth, user, make_default, *given.values())):
        return leaving.revoke_old(context, former)
    if not any((auth, user, make_default, like, *given.values())):
        raise UsageError(
            f"no option says what to change in profile {name}"
            if old
            else f"profile {name} does not exist, and no option says what it is",
            hint=None if old else next_step.log_in(context.environ, name),
        )
    given = options.with_environment(context, name, old, given)
    values = merged(base, given)
    for key, value in (("auth", auth), ("user", user)):
        if value is not None:
            values[key] = value
    if "grant" not in values and "auth" not in values:
        options.require_file(context, name, "say where its key is: --grant-env CREDHELPER_API_KEY")
    one = preview(context, name, values)
    if old and not any((auth, user, make_default, *{**given, "services": ()}.values())):
        path = options.add_services(context, name, given["services"])
        one = chosen(context, name)
    else:
        with typed_keys.changing(context, one):
            path, one = options.write(context, name, old, values, make_default=make_default)
    say(f"{'changed' if old else 'added'} profile {one.name} in {path}")
    services = ", ".join(map(str, one.services)) or "none"
    rows = [("grant", output.grant_in_words(one.grant)), ("services", services)]
    if not old:
        region = one.url if "url" in values else f"{one.url}, by default: --url names another"
        rows.insert(0, ("api", region))
    output.table(rows)
    if not old and routing.load_config(context).default_profile == one.name:
        say(f"{one.name} is the default profile")
    status = leaving.leave_former(context, former)
    return max(status, leaving.revoke_old(context, one)) if revoke_old else status


@profile.command()
@_name
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(name: str, yes: bool) -> int:
    """Log out of a profile and remove it from the config, even if the server does not answer.

    \b
    Example:
      credhelper profile remove dev --yes
    """
    context = command_context()
    one = chosen(context, name)
    options.require_file(context, name, "unset CREDHELPER_API_KEY")
    if not yes:
        _confirm(one.name, f"Remove profile {one.name} ({one.url}) and its tokens?")
    path, lock = options.files(context)
    status = leaving.leave(context, [one])
    with typed_keys.changing(context, one):
        write.remove_profile(path, lock, one.name, environ=context.environ, waiting=context.waiting)
    say(f"removed profile {one.name} from {path}")
    leaving.name_what_was_given(context, [one.name])
    return status


@profile.command()
@_name
def use(name: str) -> None:
    """Make a profile the default. For one terminal only, set CREDHELPER_PROFILE instead.

    \b
    Example:
      credhelper profile use dev
    """
    context = command_context()
    one = chosen(context, name)
    options.require_file(context, name, "it is the default already, and the only one")
    path, lock = options.files(context)
    write.set_default(path, lock, one.name, environ=context.environ, waiting=context.waiting)
    say(f"{one.name} is now the default profile")


def _settings_of(context: Context, like: str, name: str, old: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of the profile `like` for a new profile `name`, but for its services.

    Raises UsageError where `name` is there already, NotFoundError where `like` is not.
    """
    if old:
        raise UsageError(
            f"profile {name} exists already: --like is for a new one",
            hint=command("credhelper", "profile", "set", name, "--help"),
        )
    one = chosen(context, like)
    options.require_file(context, one.name, "--like needs a profile of the config file")
    return {key: value for key, value in existing(context, one.name).items() if key != "services"}


profile.add_command(profile_set.set_)
profile.add_command(profile_set.service)


def _print_json(members: dict[str, object]) -> None:
    import json

    click.echo(json.dumps({"version": 1, **members}))


def _confirm(name: str, question: str) -> None:
    if not on_terminal():
        raise UsageError(
            f"not removing profile {name}: no terminal to confirm on",
            hint=command("credhelper", "profile", "remove", name, "--yes"),
        )
    if not click.confirm(question, err=True):
        raise click.Abort


def _entry(one: Profile, default: str | None) -> dict[str, object]:
    entry: dict[str, object] = {"profile": one.name, "default": one.name == default}
    for each in fields(one):
        value = getattr(one, each.name)
        if each.name == "services":
            value = [str(service) for service in value]
        elif each.name == "grant":
            value = output.grant_in_words(value)
        elif each.name == "aws":
            value = output.resource_in_words(value)
        elif isinstance(value, tuple):
            value = list(value)
        if each.name != "name":
            entry[each.name] = value
    return entry


def _in_words(value: object) -> str:
    if value is None or value == []:
        return "-"
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
