"""The service that a setup added to a profile: put there, noted in the journal, and taken back."""

from __future__ import annotations

from contextlib import suppress

from credhelper.broker.context import Context
from credhelper.cli import options
from credhelper.cli.output import say, warn
from credhelper.config import write
from credhelper.errors import CredhelperError
from credhelper.setup.journal import Setup
from credhelper.setup.work import Work


def add(context: Context, one: Setup) -> None:
    """Add the service of a setup to the profile that it notes. Raises CredhelperError."""
    if one.added:
        options.add_services(context, one.added, [one.service])
        say(f"{one.added} now serves {one.service}")


def remove(context: Context, one: Setup) -> None:
    """Take back what `add` did, after a setup that failed; nothing is raised."""
    if one.added:
        with suppress(CredhelperError):
            _removed(context, one)


def inherit(setups: list[Setup], work: Work) -> list[Setup]:
    """Return those of the undone `setups` whose service no other setup is for.

    Where another one is for the same service, it inherits the note, so that the last one that is
    undone takes the service back.
    """
    alone = []
    for one in setups:
        if not one.added:
            continue
        others = [other for other in work.after.setups if other.service == one.service]
        if not others:
            alone.append(one)
        elif not any(other.added for other in others):
            others[0].added = one.added
    return alone


def take_back(context: Context, setups: list[Setup]) -> None:
    """Remove the services that these setups added, where nobody has changed the entry since.

    A config that cannot be read or written is a warning: the tool is undone all the same.
    """
    for one in setups:
        try:
            if _removed(context, one):
                say(f"{one.added} no longer serves {one.service}")
        except CredhelperError as error:
            warn(f"{one.service} stays in profile {one.added}: {error.message}", error.hint)


def _removed(context: Context, one: Setup) -> bool:
    name = one.added or ""
    if one.service not in options.existing(context, name).get("services", []):
        return False  # it was removed, or is spelled in another way: it is theirs
    path, lock = options.files(context)
    done = write.remove_service(
        path, lock, name, one.service, environ=context.environ, waiting=context.waiting
    )
    context.begin()
    return done
