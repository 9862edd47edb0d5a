"""What is swept, and when: records that ended long ago, and what dead processes left on disk.

A renewal is followed by a sweep of some records (`answer.tidy_up`). A command of a person sweeps
every folder that we write into, before it does its work.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from credhelper.core import paths
from credhelper.errors import CredhelperError
from credhelper.storage import sweep as records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.broker.context import Context


def sweep(context: Context) -> None:
    """Remove the files of dead writers, and some of the sessions. Never raises, never waits."""
    from credhelper.broker import given_files, key_notes, typed_keys
    from credhelper.storage import leftovers

    try:
        state = paths.state_dir(context.environ, sys.platform)
        below = ("", "sessions", "backups", "given")
        for folder in (
            paths.cache_dir(context.environ, sys.platform),
            *(state and os.path.join(state, name) for name in below),
            key_notes.folder_of(context),
        ):
            if folder and paths.private_folder(folder):
                leftovers.sweep(folder)
        config = paths.config_file(context.environ, sys.platform)
        if config:
            leftovers.sweep(*os.path.split(os.path.realpath(config)))
        for path, _ in given_files.known(context):
            leftovers.sweep(*os.path.split(os.path.realpath(path)))
        typed_keys.sweep(context)
        sessions = [place for place in places(context) if place.sessions]
        records.sweep(sessions, context.clock())
    except (OSError, CredhelperError):
        return  # tidiness is not worth an error


def sweep_all(context: Context) -> None:
    """Remove all records that ended long ago, and all that dead writers left beside them."""
    records.sweep_all(places(context), context.clock())


def places(context: Context) -> list[records.Place]:
    """Return the folders of records."""
    found = []
    for slot_of, sessions in ((context.slot, False), (context.state_slot, True)):
        with suppress(CredhelperError):  # a folder that its variable does not name well
            folder = slot_of("").folder
            if folder:
                found.append(records.Place(folder, sessions))
    return found
