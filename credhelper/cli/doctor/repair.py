"""`credhelper doctor --fix`: modes of our own files, leftovers, and our path in tools' files."""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from credhelper import setup
from credhelper.broker import sweeping
from credhelper.broker.context import Context
from credhelper.cli.context import state_folder
from credhelper.cli.doctor import disk, tools
from credhelper.cli.setup.check import arguments_of
from credhelper.cli.setup.journal import setup_of
from credhelper.cli.setup.profile import known_region, likely
from credhelper.cli.setup.request import wiring_request
from credhelper.core.text import printable
from credhelper.errors import CredhelperError
from credhelper.setup import apply, journal, prepare
from credhelper.setup.journal import Setup
from credhelper.storage import names


def repair(context: Context, tool: str | None) -> list[str]:
    """Repair what is ours, and return a line for each thing that was changed.

    Parameters: `tool`, only the setups of this tool are changed; None for all.

    What cannot be repaired stays as it is: the checks tell of it.
    """
    done = []
    with suppress(CredhelperError):
        for folder in disk.folders(context).values():
            done += _close(folder)
        before = _files(context)
        sweeping.sweep(context)
        sweeping.sweep_all(context)
        done += [f"removed {printable(path)}" for path in sorted(before - _files(context))]
    with suppress(CredhelperError):
        for one in tools.setups(context, tool)[1]:
            if tools.is_moved(one):
                with suppress(CredhelperError):
                    done += _rewire(context, one)
    return done


def _close(folder: str) -> list[str]:
    """Close a folder of ours, and what is ours in it, to others.

    The folder itself stays as it is if it holds anything else, or if another one was linked there.
    """
    done = []
    try:
        found = os.lstat(folder)
    except OSError:
        return []
    if found.st_uid != os.geteuid() or not stat.S_ISDIR(found.st_mode):
        return []
    wrong = disk.open_to_others(folder)
    if found.st_mode & 0o077 and not names.holds_others(folder):
        wrong.insert(0, (folder, 0o700))
    for path, mode in wrong:
        with suppress(OSError):
            if mode and _chmod(path, mode):
                done.append(f"closed {printable(path)} to other users")
    return done


def _chmod(path: str, mode: int) -> bool:
    """Give a file or folder of ours a mode, and tell whether it got it. Raises OSError."""
    # Opened without following a link: nobody else's file gets another mode.
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(handle)
        alone = stat.S_ISDIR(found.st_mode) or found.st_nlink == 1
        if alone:
            os.fchmod(handle, mode)
        return alone
    finally:
        os.close(handle)


def _files(context: Context) -> set[str]:
    return {path for folder in disk.folders(context).values() for path, _ in disk.below(folder)}


def _rewire(context: Context, one: Setup) -> list[str]:
    """Make a setup again, with the path that our program has now."""
    arguments, owner = likely(context, arguments_of(one))
    region = known_region(context, owner) if one.tool == "aws" else None
    request = wiring_request(arguments, owner, region=region)
    state = state_folder(context.environ)
    with journal.locked(state):
        known = journal.read(state)
        work = prepare.add(setup.load(one.tool).plan(request), setup_of(arguments), known)
        apply.refuse(work)
        apply.carry_out(work, state)
    changed = [edit.found.path for edit in work.edits.values() if edit.changes]
    changed += [path for path, _ in work.linked]
    return [f"{printable(path)} calls our program where it is now" for path in changed]
