"""`credhelper agent`: serve tokens at a Unix socket, to where the key must not go."""

from __future__ import annotations

import os
import resource
from contextlib import suppress

import click

from credhelper.agent import offer as offers
from credhelper.agent import service as agents
from credhelper.agent import unix_socket
from credhelper.broker import routing
from credhelper.cli.context import command_context, complete_profile, complete_service
from credhelper.cli.output import flush, tell, warn
from credhelper.core import lookup
from credhelper.core import service as services
from credhelper.core.text import export
from credhelper.errors import UsageError
from credhelper.tokenfile import signals

_HANDLES = 256  # connections, children, and what is open anyway


@click.command(short_help="Serve tokens to containers and ssh hosts, at a socket.")
@click.option(
    "--socket",
    "path",
    metavar="PATH",
    required=True,
    help="Where to listen. Its folder is yours alone (mode 0700), and made if it is missing.",
)
@click.option(
    "--service",
    "urls",
    metavar="URL",
    multiple=True,
    required=True,
    shell_complete=complete_service,
    help="Serve tokens for this service and what lies below it. Repeatable.",
)
@click.option(
    "--profile",
    "-p",
    "names",
    metavar="NAME",
    multiple=True,
    shell_complete=complete_profile,
    help="Serve this profile alone, also to those who name no service. Repeatable.",
)
@click.option(
    "--allow-uid",
    "uids",
    metavar="N",
    multiple=True,
    type=click.IntRange(min=0),
    help="Serve the user with this id, too. You and root are always served.",
)
def agent(path: str, urls: tuple[str, ...], names: tuple[str, ...], uids: tuple[int, ...]) -> int:
    """Serve tokens at a Unix socket until a signal stops it.

    A program with CREDHELPER_SOCKET=PATH in its environment, every command and protocol of
    credhelper, asks there instead of reading a config: in a container, on a host that you reach by
    ssh, in a devcontainer. The keys and the cache stay here. The agent serves only the services of
    --service. AWS keys, and callers that name no service (get, exec, aws), need --profile.

    \b
    Examples:
      credhelper agent --socket /run/user/1000/credhelper-agent/socket --service https://git.example
      credhelper agent --socket ~/.credhelper/agent/socket --service URL --profile work
    """
    if not path:
        raise UsageError("--socket needs a path", hint="credhelper agent --help")
    context = command_context()
    path = os.path.abspath(os.path.expanduser(path))
    offer = offers.Offer(
        [services.parse(url) for url in urls], names, context.environ.get("CREDHELPER_PROFILE")
    )
    offers.check(offer, routing.load_routes(context), context.environ)
    # What it passes on is secret: no core of it may lie about.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < _HANDLES:
        most = _HANDLES if hard == resource.RLIM_INFINITY else min(hard, _HANDLES)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    listener, ours = unix_socket.listen(path, for_others=bool(uids))
    try:
        allowed = frozenset({os.geteuid(), 0, *uids})
        one = agents.Agent(offer, listener, allowed, dict(os.environ), _warn)
        _tell(path, offer)
        number = one.run()
    finally:
        # While we listen: a closed socket's inode may be that of the next agent's.
        unix_socket.withdraw(path, ours)
    one.end()
    signals.end(0, number)


def _warn(message: str, hint: str | None) -> None:
    with suppress(OSError):  # nobody reads it any more
        warn(message, hint)


def _tell(path: str, offer: offers.Offer) -> None:
    of = f" of {', '.join(offer.profiles)}" if offer.profiles else ""
    message = f"serves tokens{of} for {', '.join(sorted(offer.services))}"
    tell(f"credhelper: {message}")
    tell(f"credhelper: hint: where they are needed: {export(lookup.SOCKET, path)}")
    flush()
