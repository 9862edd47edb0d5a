"""Carrying out what was prepared: all of it, or nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from credhelper.core.text import printable
from credhelper.errors import CacheError, CredhelperError, reason
from credhelper.setup import backups, disk, journal
from credhelper.setup.journal import Journal
from credhelper.setup.work import Work
from credhelper.storage import leftovers


def refuse(work: Work) -> None:
    """Raise CredhelperError if what is to be written could not be."""
    for edit in work.edits.values():
        if edit.changes:
            disk.refuse_unwritable(edit.found)
    for path, _ in (*work.linked, *work.unlinked):
        disk.place_of_link(path)


def sweep(known: Journal, state: str) -> None:
    """Remove the temporary files of writers that were killed. The caller holds the lock."""
    for target in known.files:
        disk.sweep(os.path.dirname(target), disk.left_beside(target))
    leftovers.sweep(state)
    leftovers.sweep(backups.folder(state))
    if not known.files:
        with suppress(OSError):
            os.rmdir(backups.folder(state))


def carry_out(work: Work, state: str) -> list[str]:
    """Make the changes of `work`, and return the paths of the backups of changed files.

    Everything is checked before the first byte is written. If a step fails, the steps before it are
    undone. Raises CredhelperError. Parameters: `state`, the state folder; the caller has its lock.
    """
    refuse(work)
    edits = [edit for edit in work.edits.values() if edit.changes]
    links = [disk.place_of_link(path) for path, _ in (*work.linked, *work.unlinked)]
    back: list[Callable[[], None]] = []
    folders = [folder for edit in edits for folder in edit.found.missing]
    folders += [folder for missing in links for folder in missing]
    work.after.folders += [one for one in dict.fromkeys(folders) if one not in work.after.folders]
    kept = []
    try:
        # Until all is written, the journal names the old setups and the new: both can be undone.
        both = [one for one in work.before.setups if one not in work.after.setups]
        files = {**work.before.files, **work.after.files}
        for target in work.before.files.keys() & work.after.files.keys():
            # A kill may leave in the file what is about to be taken out: the journal must know it.
            made = {**work.after.files[target].made, **work.before.files[target].made}
            files[target] = replace(work.after.files[target], made=made)
        journal.write(state, Journal(work.after.setups + both, files, work.after.folders))
        back.append(lambda: journal.write(state, work.before))
        for folder in dict.fromkeys(folders):
            if disk.make_folder(folder):
                back.append(_bind(os.rmdir, folder))
        for edit in edits:
            backup = backups.keep(state, edit.found)
            kept += [backup] if backup else []
            disk.put(edit.found, None if edit.gone else edit.found.bytes_of(edit.draft.text))
            back.append(_bind(disk.put_back, edit.found))
        for path, target in work.unlinked:
            os.unlink(path)
            back.append(_bind(os.symlink, target, path))
        for path, target in work.linked:
            os.symlink(target, path)
            back.append(_bind(os.unlink, path))
    except BaseException as error:
        for step in reversed(back):
            with suppress(OSError, CredhelperError):
                step()
        if isinstance(error, OSError):
            why = reason(error)
            raise CacheError(f"cannot write {printable(str(error.filename))}: {why}") from error
        raise
    _tidy(work, state)
    return [backup for backup in kept if os.path.lexists(backup)]


def _tidy(work: Work, state: str) -> None:
    """Remove empty folders that we made, and backups of files in which nothing of ours is left."""
    for folder in sorted(work.after.folders, key=len, reverse=True):
        with suppress(OSError):
            os.rmdir(folder)
        if not os.path.isdir(folder):
            work.after.folders.remove(folder)
    if not work.after.setups:
        work.after.folders.clear()
    # The journal comes last: after a kill here, it still says what to tidy.
    for target in work.before.files:
        if target not in work.after.files:
            backups.drop(state, target)
    journal.write(state, work.after)


def _bind(function: Callable[..., None], *arguments: object) -> Callable[[], None]:
    return lambda: function(*arguments)
