"""`credhelper sandbox`: a stand-in for the Tokens API, on loopback."""

from __future__ import annotations

import sys

import click


@click.command(short_help="Run a local stand-in for the Tokens API.")
@click.option("--port", metavar="N", help="Where to listen on 127.0.0.1; by default any free port.")
@click.option("--token-lifetime", metavar="SECONDS", help="Life of a JWT; by default a day.")
@click.option("--session-lifetime", metavar="SECONDS", help="Idle life of a psToken.")
@click.option("--aws-lifetime", metavar="SECONDS", help="Life of AWS keys; by default 36 hours.")
@click.option("--latency", metavar="SECONDS", help="How long every answer takes.")
def sandbox(**options: str | None) -> int:
    """Serve a stand-in for the Tokens API until Ctrl-C or SIGTERM ends it.

    It prints one line of JSON when it listens: its url, an api_key, a username and password that
    it accepts, and a config for credhelper, for v1 and for v2. Nothing outlives it.

    \b
    Example:
      credhelper sandbox --token-lifetime 60
    """
    from credhelper.sandbox import __main__ as program

    arguments = []
    for name, value in options.items():
        if value is not None:
            arguments += [f"--{name.replace('_', '-')}={value}"]
    # Unbuffered: a buffer that cannot be written out at the end would change the exit status.
    with open(1, "wb", buffering=0, closefd=False) as stdout:
        return program.main(arguments, stdout, sys.stderr)
