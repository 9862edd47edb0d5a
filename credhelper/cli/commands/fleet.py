"""`credhelper fleet`: the key of a fleet, and whether this host can take part in it."""

from __future__ import annotations

import click

from credhelper.broker import routing
from credhelper.cli.commands import doctor
from credhelper.cli.context import command_context
from credhelper.cli.doctor import fleet as checks
from credhelper.cli.doctor import result
from credhelper.cli.late import Suggesting
from credhelper.errors import ConfigError


@click.group(
    cls=Suggesting, no_args_is_help=False, short_help="Share tokens between hosts: key, check."
)
def fleet() -> None:
    """Let hosts share one token through a Redis or Valkey.

    The table [fleet] of the config names the store and the fleet's key, and a profile shares with
    `share = "NAME"`: see docs/fleet.md.

    \b
    Examples:
      (umask 077; credhelper fleet key >fleet.key)
      credhelper fleet check
    """


@fleet.command()
def key() -> None:
    """Make a key for a fleet, and print it.

    Every host of the fleet needs the same one, in a file for its user alone or another place that
    `key` in [fleet] can name. Who has it can read, and make, what hosts share. To change it, put a
    new one in the first line on every host, then remove the old line.

    \b
    Example:
      (umask 077; credhelper fleet key >~/.config/credhelper/fleet.key)
    """
    from credhelper.fleet import seal

    click.echo(seal.new_key().reveal())


@fleet.command()
def check() -> int:
    """Check the fleet: packages, key, store, rights, clock, and this host's part in it.

    It asks the store, and puts a value there that ends by itself. The exit status is that of the
    first fail, and 0 where all passed or warned.

    \b
    Example:
      credhelper fleet check
    """
    context = command_context()
    config = routing.load_config(context)
    if config.fleet is None:
        raise ConfigError(
            f"{config.path or 'the environment'} configures no fleet",
            "add a table [fleet]: see docs/fleet.md",
        )
    done: dict[tuple[str, str], result.Result] = {}
    result.run(checks.checks(context, config, offline=False), done)
    found = list(done.values())
    doctor.show(found)
    return result.exit_status(found)
