"""`credhelper env`: a token in the environment of a shell, or of a container."""

from __future__ import annotations

import json

import click

from credhelper.broker import answer
from credhelper.cli.commands import exec as exec_
from credhelper.cli.context import command_context, profile_option, service_option
from credhelper.cli.walltime import min_ttl_option, refresh_before_option
from credhelper.core.text import export
from credhelper.protocols import get


@click.command(short_help="Print shell lines that set the token's variables.")
@profile_option("Use this profile's token.")
@service_option(exec_.SERVICE_HELP)
@min_ttl_option
@refresh_before_option
@exec_.var_option
@click.option(
    "--format",
    "--shell",
    "form",
    type=click.Choice(("sh", "fish", "json", "dotenv")),
    default="sh",
    show_default=True,
    help="For which shell; or dotenv, for --env-file and env_file of docker and compose.",
)
def env(
    name: str | None,
    service: str | None,
    min_ttl: int,
    refresh_before: int,
    names: tuple[str, ...],
    form: str,
) -> None:
    """Print lines that put a token into the environment of a shell or a container.

    They set the variables of `credhelper exec`. The token does not renew itself there.

    \b
    Examples:
      eval "$(credhelper env)"
      credhelper env --format fish | source
      credhelper env --format json --var IAP_ACCESS_TOKEN
      credhelper env --format dotenv | docker run --env-file /dev/stdin IMAGE
    """
    request = exec_.request_for(name, service, min_ttl, refresh_before)
    credential = answer.get(command_context(renews=True), request)
    found = exec_.variables(credential, names)
    if form == "json":
        click.echo(json.dumps(found))
        return
    if form == "dotenv":
        click.echo(get.dotenv(found, credential.profile))
        return
    for variable, value in found.items():
        if form == "fish":
            inner = value.replace("\\", "\\\\").replace("'", "\\'")
            click.echo(f"set -gx {variable} '{inner}'")
        else:
            click.echo(export(variable, value))
