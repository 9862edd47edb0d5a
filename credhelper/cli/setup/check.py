"""Whether tools that were set up get their token, asked in each tool's own way."""

from __future__ import annotations

import hmac
import os

from credhelper import setup
from credhelper.broker import answer
from credhelper.broker.context import Context
from credhelper.cli import output
from credhelper.cli.context import command_context, state_folder
from credhelper.cli.output import say
from credhelper.cli.setup.journal import links_folder, matching, setup_of
from credhelper.cli.setup.profile import likely, wants_service
from credhelper.cli.setup.request import Arguments, wiring_request
from credhelper.cli.setup.words import print_remaining_notes, repeat_command, subject
from credhelper.config.origin import canonical
from credhelper.core.model import Request
from credhelper.core.text import command, printable
from credhelper.errors import ConfigError, CredhelperError, NotFoundError
from credhelper.setup import ask, journal, prepare
from credhelper.setup.journal import Journal, Setup
from credhelper.setup.plan import WiringRequest, takes_tokens


def check(arguments: Arguments) -> int:
    """Check every setup that `arguments` mean, print how each is, and return the exit status."""
    context = command_context()
    known = journal.read(state_folder(os.environ))
    found = matching(known, arguments)
    todo = [arguments_of(one, arguments.bin) for one in found]
    if not found and (arguments.service or not wants_service(arguments.tool)):
        todo = [likely(context, arguments)[0]]
    if not todo:
        raise NotFoundError(
            f"{arguments.tool} is not set up by credhelper",
            hint=command("credhelper", "setup", arguments.tool, "--service", "URL"),
        )
    worst = 0
    for one in todo:
        try:
            _check_one(context, one, known)
        except CredhelperError as error:
            output.complain(error)
            worst = worst or error.exit_status
    return worst


def _check_one(context: Context, arguments: Arguments, known: Journal) -> None:
    arguments, request, works = verify(context, arguments, known)
    say(f"{subject(arguments)}: works, with {works}")
    print_remaining_notes(arguments.tool, request)


def verify(
    context: Context, arguments: Arguments, known: Journal
) -> tuple[Arguments, WiringRequest, str]:
    """Return what a setup works with, and the arguments and the request it was checked by.

    Parameters:
    - arguments: of one setup.
    - known: the journal.

    Raises CredhelperError if the tool does not get the token of its profile.
    """
    takes_tokens(arguments.tool, arguments.service)
    arguments, owner = likely(context, arguments)
    request = wiring_request(arguments, owner)
    for one in known.setups:
        if one.key == setup_of(arguments).key:
            require_complete(one, known)
    finding = setup.load(arguments.tool).check(request, ask.asker(os.environ))
    if finding.instead:
        return arguments, request, printable(finding.instead)
    if not finding.token:
        raise NotFoundError(
            f"{subject(arguments)}: {printable(finding.trouble)}",
            printable(finding.hint or repeat_command(setup_of(arguments))),
        )
    lookup = Request("get", service=arguments.service, profile=arguments.profile)
    if not wants_service(arguments.tool):
        lookup = Request("get", profile=owner)
    credential = answer.get(context, lookup)
    if not hmac.compare_digest(
        finding.token.encode("utf-8", "surrogateescape"),
        credential.token.reveal().encode("utf-8", "surrogateescape"),
    ):
        raise NotFoundError(
            f"{subject(arguments)}: another password answers,"
            f" not the token of {credential.profile}",
            hint="is another helper asked first, or was a password stored?",
        )
    return arguments, request, f"the token of profile {credential.profile}"


def require_complete(one: Setup, known: Journal) -> None:
    """Raise ConfigError if something of a setup in the journal is gone from its file."""
    gone = prepare.missing(one, known)
    if gone:
        raise ConfigError(
            f"{subject(arguments_of(one))}: what setup wrote is gone from {', '.join(gone)}",
            hint=repeat_command(one),
        )


def arguments_of(one: Setup, links: str | None = None) -> Arguments:
    """Return the arguments that a setup in the journal was made with.

    Parameters:
    - links: the folder for links, if it is another one.
    """
    folder = links or links_folder(one)
    return Arguments(one.tool, canonical(one.service), one.profile, one.name, folder, one.file)
