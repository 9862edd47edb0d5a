"""`credhelper logout`: revoke tokens and sessions upstream, forget them here, and report both."""

from __future__ import annotations

import click

from credhelper.broker import routing, sweeping
from credhelper.cli import leaving
from credhelper.cli.context import chosen, command_context, profile_option
from credhelper.cli.output import say
from credhelper.errors import NotFoundError, UsageError


@click.command(short_help="Revoke the token and session, and forget them.")
@profile_option("Log out of this profile; without it, of the one that `get` would use.")
@click.option(
    "--all",
    "everywhere",
    is_flag=True,
    help="Log out of every profile, also of former ones and those of other configs.",
)
@click.option(
    "--fleet",
    is_flag=True,
    default=None,
    help="Revoke a token that hosts share for all of them, without asking.",
)
def logout(name: str | None, everywhere: bool, fleet: bool | None) -> int:
    """Revoke a profile's tokens and sessions at the server, and delete them here.

    This includes tokens from before its settings changed, and those of profiles that are no longer
    in the config. Files of `credhelper write`, `watch` and `exec` stay, but no service accepts
    their tokens after that. A token that is being made at that moment is dropped.

    What hosts of a fleet share is revoked for all of them only if you say so. Other hosts
    serve their copy until it is refused or expires. A host with `lead = false` forgets its own.

    The profile stays; `credhelper profile remove` removes it as well. An API key that was typed at
    login is deleted; a key in another place stays there. Tokens are deleted here whatever the
    server says. The exit status is 0 only if the server confirmed, or does not know the token. The
    v2 API cannot revoke: there the status is 5 while a token lives.

    \b
    Examples:
      credhelper logout
      credhelper logout --profile dev
    """
    context = command_context()
    if everywhere and name:
        raise UsageError("--all and --profile exclude each other")
    if not everywhere:
        try:
            one = chosen(context, name)
        except NotFoundError:
            gone = leaving.orphans(context)
            if name in gone or (name is None and gone):
                return leaving.leave_orphans(context)
            raise
        status = max(leaving.leave(context, [one], fleet=fleet), leaving.leave_orphans(context))
        leaving.name_what_was_given(context, [one.name])
        return status
    profiles = list(routing.load_config(context).profiles.values())
    if not profiles:
        say("no profile is configured")
    status = max(leaving.leave(context, profiles, fleet=fleet), leaving.leave_orphans(context))
    status = max(status, leaving.leave_everything(context))
    leaving.name_what_was_given(context, None)
    sweeping.sweep_all(context)
    return status
