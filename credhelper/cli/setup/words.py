"""How `credhelper setup` names a setup, a path and a command, and prints the notes of a plan."""

from __future__ import annotations

import os
from contextlib import suppress

from credhelper import setup
from credhelper.cli.output import tell
from credhelper.cli.setup.request import Arguments
from credhelper.core import paths
from credhelper.core.text import command, printable
from credhelper.errors import CredhelperError
from credhelper.setup.journal import Setup
from credhelper.setup.plan import Plan, WiringRequest


def subject(arguments: Arguments) -> str:
    """Return what messages are about: a tool, and the service it is set up for."""
    return f"{arguments.tool} for {arguments.service}" if arguments.service else arguments.tool


def in_words(one: Setup) -> str:
    """Return one line for the list of setups."""
    more = [f"as {one.name}"] if one.name else []
    more += [f"profile {one.profile}"] if one.profile else []
    more += [f"in {short(one.file)}"] if one.file else []
    return "  ".join([one.service, *more])


def short(path: str) -> str:
    """Return a path for a person: escaped, and with `~` for the home."""
    home = paths.home(os.environ)
    inside = home and path.startswith(f"{home}/")
    return printable(f"~{path[len(home or '') :]}" if inside else path)


def repeat_command(one: Setup) -> str:
    """Return the command that makes the same setup again."""
    words = ["credhelper", "setup", one.tool, "--service", one.service]
    for option, value in (("--profile", one.profile), ("--name", one.name), ("--file", one.file)):
        words += [option, value] if value else []
    return command(*words)


def print_notes(plan: Plan) -> None:
    """Print on stderr what is left for a person to do."""
    for note in plan.notes:
        tell(note)


def print_remaining_notes(tool: str, request: WiringRequest) -> None:
    """Print the notes of a setup that works; a plan that cannot be made any more has none."""
    with suppress(CredhelperError):
        print_notes(setup.load(tool).plan(request))
