"""The journal of what setups have added, so that they can be undone: a file in the state folder.

It holds what we wrote, and nothing of what was there before: so it holds no secret.
"""

from __future__ import annotations

import json
import os
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from typing import Any

from credhelper.core import paths
from credhelper.core.text import command, printable
from credhelper.errors import CacheError, reason
from credhelper.setup.formats import documents
from credhelper.setup.plan import Entry
from credhelper.storage import files as cache
from credhelper.storage import locks

VERSION = 1
LOCK_WAIT = 10.0

Key = tuple[str, str, str | None, str | None]


@dataclass
class File:
    """A file that we added to: its `path` as the tool names it, its `format`, whether we `created`
    it, and the containers that we `made` in it (see `formats`)."""

    path: str
    format: str
    created: bool = False
    made: dict[str, Any] = field(default_factory=dict)


@dataclass
class Added:
    """A `service` that a setup added to `profile`; `line`, a digest of the line that this wrote in
    the config, without other services: if it differs now, the user has changed that line."""

    profile: str
    service: str
    line: str | None = None


@dataclass
class Setup:
    """One setup: `entries`, each with its file's target; `links`, path to target; `file`, if the
    user named one; `added`, the services that go with it, since no other setup needs them."""

    tool: str
    service: str
    name: str | None
    profile: str | None
    entries: list[tuple[str, Entry]] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)
    file: str | None = None
    added: list[Added] = field(default_factory=list)

    @property
    def key(self) -> Key:
        """What makes it differ from other setups."""
        return (self.tool, self.service, self.name, self.file)


@dataclass
class Journal:
    """All `setups`, their `files` by target, and the `folders` that we made."""

    setups: list[Setup] = field(default_factory=list)
    files: dict[str, File] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)

    def owns(self, target: str, entry: Entry) -> bool:
        """Tell whether one of the setups has put this entry there."""
        return any((target, entry) in setup.entries for setup in self.setups)


def read(state: str) -> Journal:
    """Return the journal in the state folder; an empty one if there is none. Raises CacheError."""
    path = _path(state)
    data = paths.read_private(path)
    if data is None:
        if cache.look(path):
            raise CacheError(
                f"{printable(path)} is not ours alone, or cannot be read",
                hint=f"see whose it is: {command('ls', '-l', path)}",
            )
        return Journal()
    try:
        fields = documents.answer(data)
        if fields["version"] != VERSION:
            raise CacheError(
                f"{printable(path)} is of another release of credhelper",
                hint="use that release to undo what it set up",
            )
        found = Journal(
            [_setup(one) for one in fields["setups"]],
            {target: File(**one) for target, one in fields["files"].items()},
            fields["folders"],
        )
        if any(target not in found.files for one in found.setups for target, _ in one.entries):
            raise KeyError("an entry is in no file")
        return found
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CacheError(
            f"{printable(path)} is damaged",
            hint=f"move it away: {command('mv', path, path + '.old')}",
        ) from error


def write(state: str, journal: Journal) -> None:
    """Put the journal into the state folder; without anything in it, remove it.

    Raises CacheError.
    """
    path = _path(state)
    fields = {
        "version": VERSION,
        "setups": [_fields(setup) for setup in journal.setups],
        "files": {target: vars(file) for target, file in journal.files.items()},
        "folders": journal.folders,
    }
    try:
        if not (journal.setups or journal.files or journal.folders):
            with suppress(FileNotFoundError):
                os.unlink(path)
            return
        cache.make_folder(state)
        cache.replace(path, json.dumps(fields, indent=1).encode() + b"\n", durable=True)
    except OSError as error:
        raise CacheError(
            f"cannot write {printable(path)}: {reason(error)}", hint="do the same again"
        ) from error


def locked(state: str, waiting: locks.Waiting | None = None) -> AbstractContextManager[None]:
    """Let one setup at a time change files. Raises LockTimeoutError, CacheError."""
    return locks.one_writer(os.path.join(state, "setup.lock"), "setting up", LOCK_WAIT, waiting)


def _path(state: str) -> str:
    return os.path.join(state, "setup.json")


def _fields(setup: Setup) -> dict[str, Any]:
    entries = [
        {"file": target, "at": entry.at, "values": entry.values} for target, entry in setup.entries
    ]
    return {**vars(setup), "entries": entries, "added": [vars(one) for one in setup.added]}


def _setup(fields: dict[str, Any]) -> Setup:
    entries = [
        (
            one["file"],
            Entry(tuple(one["at"]), tuple((name, value) for name, value in one["values"])),
        )
        for one in fields["entries"]
    ]
    noted = fields.get("added") or []
    if isinstance(noted, str):  # as it was first: the profile alone
        noted = [{"profile": noted, "service": fields["service"]}]
    added = [Added(**one) for one in noted]
    return Setup(**{**fields, "entries": entries, "added": added})
