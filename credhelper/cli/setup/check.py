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
from credhelper.client import claims
from credhelper.config.origin import canonical
from credhelper.core import paths
from credhelper.core.model import Request
from credhelper.core.record import decode
from credhelper.core.text import command, printable
from credhelper.errors import ConfigError, CredhelperError, NotFoundError
from credhelper.setup import ask, journal, prepare
from credhelper.setup.journal import Journal, Setup
from credhelper.setup.plan import WiringRequest, takes_tokens

_SETUP = "credhelper setup "


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
    lookup = Request("get", service=arguments.service, profile=arguments.profile)
    if not wants_service(arguments.tool):
        lookup = Request("get", profile=owner)
    if not finding.token:
        if not finding.hint:
            _refused(context, lookup, arguments)
        raise NotFoundError(
            f"{subject(arguments)}: {printable(finding.trouble)}",
            printable(_set_up_again(finding.hint, arguments, known)),
        )
    credential, record = answer.get_with_record(context, lookup)
    ours = credential.token.reveal()
    if _same(finding.token, ours):
        return arguments, request, f"the token of profile {credential.profile}"
    kept = (paths.read_private(record) if os.path.isabs(record) else None) or b""
    if _same((decode(kept) or {}).get("token", ""), ours) or not _alike(finding.token, ours):
        raise NotFoundError(
            f"{subject(arguments)}: another password answers,"
            f" not the token of {credential.profile}",
            hint="is another helper asked first, or was a password stored?",
        )
    # Each was made for one call, as no cache can be written: so the two differ.
    works = f"a token for the owner of profile {credential.profile}; no cache keeps it"
    return arguments, request, works


def _refused(context: Context, lookup: Request, arguments: Arguments) -> None:
    """Raise the error that a tool's question meets, if it does: some tools do not repeat it."""
    try:
        answer.get(context, lookup)
    except CredhelperError as error:
        error.message = f"{subject(arguments)}: {error.message}"
        raise


def _set_up_again(hint: str | None, arguments: Arguments, known: Journal) -> str:
    """Return `hint`, or where it is to make a setup that is there, what makes it anew."""
    repeat = repeat_command(setup_of(arguments))
    there = any(one.key == setup_of(arguments).key for one in known.setups)
    if not there or not (hint is None or hint.startswith(_SETUP)):
        return hint or repeat
    # Anew at the end of the file, below what is in its way.
    return f"{repeat} --undo && {repeat} --add-service"


def _same(one: str, other: str) -> bool:
    encoded = [text.encode("utf-8", "surrogateescape") for text in (one, other)]
    return hmac.compare_digest(*encoded)


def _alike(one: str, other: str) -> bool:
    """Tell whether two tokens are of the same person, for the same project."""
    payloads = claims.payload(one), claims.payload(other)
    found = [claims.identity(payload) for payload in payloads if payload]
    return len(found) == 2 and bool(found[0]) and found[0] == found[1]


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
