"""`credhelper get` with click's help and completion; the answer is the machine form's own."""

from __future__ import annotations

import os

import click

from credhelper.broker import answer
from credhelper.cli.context import command_context, complete_service, profile_option
from credhelper.core.model import Call
from credhelper.protocols import get as form


@click.command(short_help="Print a token.")
@click.argument("service", required=False, shell_complete=complete_service)
@profile_option("Use this profile's token.")
@click.option(
    "--service",
    "named",
    metavar="URL",
    help="The same as the SERVICE argument.",
    shell_complete=complete_service,
)
@click.option(
    "--format",
    "shape",
    type=click.Choice(form.FORMATS),
    help="How to print it; by default the bare token.",
)
@click.option(
    "--min-ttl", metavar="TIME", help="Least life that the token must have left: 600, 90s, 10m, 1h."
)
@click.option("--refresh-before", metavar="TIME", help="Renew the token if it has less life left.")
def get(
    service: str | None,
    name: str | None,
    named: str | None,
    shape: str | None,
    min_ttl: str | None,
    refresh_before: str | None,
) -> None:
    """Print a token for SERVICE, for a profile, or of the default profile.

    The token comes from the cache if it has enough life, otherwise from the Tokens API. Without
    SERVICE, --profile selects the profile, then CREDHELPER_PROFILE, then the default profile.

    \b
    Examples:
      credhelper get --format curl | curl -K - https://host/v1/projects
      credhelper get https://registry.example --min-ttl 10m
      eval "$(credhelper get --format env)"
    """
    arguments = [service] if service else []
    for option, value in (
        ("--profile", name),
        ("--service", named),
        ("--format", shape),
        ("--min-ttl", min_ttl),
        ("--refresh-before", refresh_before),
    ):
        if value is not None:
            arguments += [option, value]
    request = form.parse(Call("credhelper", arguments, b"", os.environ))
    reply = form.render(request, answer.answer(command_context(renews=True), request))
    click.echo(reply.stdout, nl=False)
