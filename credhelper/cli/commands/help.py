"""`credhelper help` and `credhelper version`: what `--help` and `--version` print, as commands."""

from __future__ import annotations

import click

from credhelper import __version__
from credhelper.cli.late import Suggesting
from credhelper.protocols import PROTOCOLS

_PROTOCOLS = "protocols"


@click.command("help", short_help="Show the help of a command, or the list of protocols.")
@click.argument("topic", nargs=-1, metavar="[COMMAND...]")
@click.pass_context
def help_(ctx: click.Context, topic: tuple[str, ...]) -> None:
    """Show the help of a command, or the list of protocols that tools speak.

    \b
    Examples:
      credhelper help login
      credhelper help profile add
      credhelper help protocols
    """
    if topic == (_PROTOCOLS,):
        _list_protocols(ctx)
        return
    assert ctx.parent is not None  # noqa: S101  # this is a command of the group
    at = ctx.parent
    for word in topic:
        if not isinstance(at.command, Suggesting):
            raise click.UsageError(f"{at.command_path} has no commands", at)
        name, command, _ = at.command.resolve_command(at, [word])
        assert command is not None  # noqa: S101  # an unknown one was refused
        at = click.Context(command, at, name, **ctx.parent.command.context_settings)
    click.echo(at.get_help())


def _list_protocols(ctx: click.Context) -> None:
    formatter = ctx.make_formatter()
    with formatter.section("Protocols that tools speak, each by credhelper NAME"):
        formatter.write_dl([(name, summary) for name, (_, summary, _) in PROTOCOLS.items()])
    formatter.write_paragraph()
    formatter.write_text(
        "To configure a tool: credhelper setup TOOL. What a protocol reads and prints: credhelper"
        " NAME --help, and docs/protocols.md."
    )
    click.echo(formatter.getvalue().rstrip())


@click.command(short_help="Print the version.")
def version() -> None:
    """Print the version.

    \b
    Example:
      credhelper version
    """
    click.echo(f"credhelper {__version__}")
