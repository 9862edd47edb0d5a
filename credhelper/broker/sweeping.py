"""What dead processes left on disk, swept by the next one: in every folder that we write into."""

from __future__ import annotations

import os
import sys

from credhelper.broker import given_files, typed_keys
from credhelper.core import paths
from credhelper.errors import CredhelperError
from credhelper.storage import leftovers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.broker.context import Context


def sweep(context: Context) -> None:
    """Remove the files of dead writers. Never raises, never waits."""
    try:
        state = paths.state_dir(context.environ, sys.platform)
        for folder in (
            paths.cache_dir(context.environ, sys.platform),
            *(state and os.path.join(state, below) for below in ("", "sessions", "backups")),
            typed_keys.folder_of(context),
        ):
            if folder and paths.private_folder(folder):
                leftovers.sweep(folder)
        config = paths.config_file(context.environ, sys.platform)
        if config:
            leftovers.sweep(*os.path.split(os.path.realpath(config)))
        for path, _ in given_files.known(context):
            leftovers.sweep(*os.path.split(os.path.realpath(path)))
        typed_keys.sweep(context)
        sessions = context.state_slot("")
        if sessions.folder and os.path.isdir(sessions.folder):
            sessions.sweep()
    except (OSError, CredhelperError):
        return  # tidiness is not worth an error
