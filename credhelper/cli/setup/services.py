"""The service that a setup added to a profile: put there, noted in the journal, and taken back."""

from __future__ import annotations

import hashlib
from contextlib import suppress

from credhelper.broker.context import Context
from credhelper.cli import options
from credhelper.cli.output import say, warn
from credhelper.config import arrays, write
from credhelper.config.origin import canonical
from credhelper.core.text import command
from credhelper.errors import CredhelperError
from credhelper.setup.journal import Added, Setup
from credhelper.setup.work import Work


def preview(context: Context, profile: str, service: str) -> None:
    """Say what `add` would change."""
    say(f"{options.files(context)[0]} would change: {profile} would serve {service}")


def add(context: Context, profile: str, service: str) -> Added:
    """Add a service to a profile; return what the journal notes of it. Raises CredhelperError."""
    options.add_services(context, profile, [service])
    say(f"{profile} now serves {service}")
    return Added(profile, service, _line(context, profile, service))


def remove(context: Context, added: Added) -> None:
    """Take back what `add` did, after a setup that failed; nothing is raised."""
    with suppress(CredhelperError):
        _remove(context, added)


def inherit(context: Context, setups: list[Setup], work: Work) -> list[Added]:
    """Return those of the services that `setups` added on which no other setup depends.

    Where another one does, it inherits the note, so that the last one that is undone takes the
    service back.
    """
    alone = []
    for added in [added for one in setups for added in one.added]:
        others = [one for one in work.after.setups if _depends(context, one, added)]
        if not others:
            alone.append(added)
        elif not any(added in other.added for other in others):
            others[0].added.append(added)
    return alone


def take_back(context: Context, services: list[Added]) -> None:
    """Remove services that setups added, where the user has not changed their line since.

    A config that cannot be read or written is a warning: the tool is undone all the same.
    """
    for one in services:
        try:
            if one.service not in _services(context, one.profile):
                continue  # it was removed, or is spelled in another way: it is theirs
            if one.line and _line(context, one.profile, one.service) != one.line:
                warn(
                    f"{one.service} stays in profile {one.profile}: its line was changed",
                    command("credhelper", "profile", "service", "remove", one.profile, one.service),
                )
                continue
            _remove(context, one)
            say(f"{one.profile} no longer serves {one.service}")
        except CredhelperError as error:
            warn(f"{one.service} stays in profile {one.profile}: {error.message}", error.hint)


def _depends(context: Context, one: Setup, added: Added) -> bool:
    """Tell whether a setup gets its token because of a service that was added, and only so."""
    if one.profile and one.profile != added.profile:
        return False
    service = canonical(one.service)
    plain = service.on_plain_http()
    covering = [*service.prefixes(), *(plain.prefixes() if plain else [])]
    if added.service not in covering:
        return False
    try:
        others = {*map(_normal, _services(context, added.profile))} - {added.service}
    except CredhelperError:
        return True
    return others.isdisjoint(covering)


def _normal(service: str) -> str:
    return str(canonical(service))


def _services(context: Context, profile: str) -> list[str]:
    found: list[str] = options.existing(context, profile).get("services", [])
    return found


def _line(context: Context, profile: str, service: str) -> str | None:
    """Return a digest of the line of a service, so that the journal shows nothing of it."""
    _, data = context.configuration()
    place = ("profiles", profile, "services")
    line = arrays.line_of(data.decode(), place, options.existing(context, profile), service)
    return hashlib.sha256(line.encode()).hexdigest() if line else None


def _remove(context: Context, added: Added) -> None:
    path, lock = options.files(context)
    write.remove_service(
        path, lock, added.profile, added.service, environ=context.environ, waiting=context.waiting
    )
    context.begin()
