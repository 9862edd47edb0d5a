"""What is swept, and when: records that ended long ago, and what dead processes left on disk.

A renewal is followed by a sweep of some records, once a minute (`answer.tidy_up`). A command of a
person sweeps every folder that we write into, before it does its work.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from credhelper.core import paths
from credhelper.errors import CredhelperError
from credhelper.storage import leftovers
from credhelper.storage import sweep as records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.broker.context import Context


def after_renewal(context: Context, now: float) -> None:
    """Remove some of the records, and what dead writers left. Never raises, never waits.

    Parameters:
    - now: Unix seconds, by which records are judged.
    """
    with suppress(OSError, CredhelperError):  # tidiness is not worth an error
        places = _places(context)
        if any(records.is_due(place, now) for place in places):
            records.sweep(places, now)
            _sweep_what_we_write(context)


def sweep(context: Context) -> None:
    """Remove the files of dead writers, and some of the sessions. Never raises, never waits."""
    from credhelper.broker import given_files

    with suppress(OSError, CredhelperError):  # tidiness is not worth an error
        places = _places(context)
        for place in places:
            if paths.private_folder(place.folder):
                leftovers.sweep(place.folder)
        _sweep_what_we_write(context)
        for path, _ in given_files.known(context):
            leftovers.sweep(*os.path.split(os.path.realpath(path)))
        records.sweep([place for place in places if place.sessions], context.clock())


def sweep_all(context: Context) -> None:
    """Remove all records that ended long ago. Never waits."""
    records.sweep_all(_places(context), context.clock())


def _sweep_what_we_write(context: Context) -> None:
    from credhelper.broker import key_notes, typed_keys

    state = paths.state_dir(context.environ, sys.platform)
    below = ("", "backups", "given")
    for folder in (
        *(state and os.path.join(state, name) for name in below),
        key_notes.folder_of(context),
    ):
        if folder and paths.private_folder(folder):
            leftovers.sweep(folder)
    config = paths.config_file(context.environ, sys.platform)
    if config:
        leftovers.sweep(*os.path.split(os.path.realpath(config)))
    typed_keys.sweep(context)


def _places(context: Context) -> list[records.Place]:
    cache = paths.cache_dir(context.environ, sys.platform)
    state = paths.state_dir(context.environ, sys.platform)
    found = []
    if state:
        sessions = os.path.join(state, "sessions")
        # Beside the tokens: among sessions there is nothing that can be made again.
        swept = os.path.join(cache or sessions, "swept.sessions")
        found.append(records.Place(sessions, True, swept))
    if cache:
        found.append(records.Place(cache, False, os.path.join(cache, "swept.tokens")))
    return found
