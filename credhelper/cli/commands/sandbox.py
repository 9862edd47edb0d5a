"""`credhelper sandbox`: a stand-in for the Tokens API, on loopback."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import click

from credhelper.core.text import command


@click.command(short_help="Run a local stand-in for the Tokens API.")
@click.option("--port", metavar="N", help="Where to listen on 127.0.0.1; by default any free port.")
@click.option("--token-lifetime", metavar="SECONDS", help="Life of a JWT; by default a day.")
@click.option("--session-lifetime", metavar="SECONDS", help="Idle life of a psToken.")
@click.option("--aws-lifetime", metavar="SECONDS", help="Life of AWS keys; by default 36 hours.")
@click.option("--latency", metavar="SECONDS", help="How long every answer takes.")
def sandbox(**options: str | None) -> int:
    """Serve a stand-in for the Tokens API until Ctrl-C or SIGTERM ends it.

    When it listens, it prints one line of JSON: its url, an api_key, a username and password that
    it accepts, and a config for credhelper, for v1 and for v2. On a terminal it says in words how
    to use it instead. Nothing outlives it.

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
        told = in_words if stdout.isatty() else None
        return program.main(arguments, stdout, sys.stderr, told)


def in_words(facts: Mapping[str, object]) -> bytes:
    """Return what a person needs to use a sandbox. Parameters: `facts`, as the JSON has them."""
    url = str(facts["url"])
    login = command("credhelper", "login", "--profile", "sandbox", "--url", url, "--service", url)
    return f"""\
The sandbox listens at {url}, and answers as the Tokens API does, v1 and v2.
Ctrl-C ends it, and all that it gave out.

In another terminal:
  {login}
  credhelper get --profile sandbox
  credhelper profile remove sandbox --yes

login asks for the API key. For v2, add --api ica. With the user name, use --user.
  API key    {facts["api_key"]}
  user name  {facts["username"]}
  password   {facts["password"]}

A pipe or a file gets all this as one line of JSON.
""".encode()
