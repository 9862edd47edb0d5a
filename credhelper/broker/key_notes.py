"""The notes beside typed keys: which config a key belongs to, and for which API it was typed."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress

from credhelper.core import paths, routes
from credhelper.core.digest import sha256
from credhelper.errors import CacheError, CredhelperError
from credhelper.storage import locks
from credhelper.storage.slot import Slot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.broker.context import Context
    from credhelper.config.profile import Profile
    from credhelper.core.model import Secret

_NOTE = re.compile(r"(.+\.key)\.routes-[0-9a-f]+")
CHANGING = "changing"
TYPED_FOR = "typed_for"


def folder_of(context: Context) -> str | None:
    """Return the folder of typed keys; None when no state folder is known."""
    state = paths.state_dir(context.environ, sys.platform)
    return state and os.path.join(state, "grants")


def is_for(context: Context, profile: Profile, key: Secret) -> bool:
    """Tell whether `key`, which the profile's grant gave, may go to the profile's API.

    A typed key goes only where it was typed for. One without a note of that is from before there
    were such notes: `bind` writes it.
    """
    path = file_of(context, profile)
    pairs = path and known(context, path)
    return not pairs or pair(profile, line_of(key)) in pairs


def bind(context: Context, profile: Profile) -> None:
    """Note that the API of `profile` took its typed key, if no note says where that belongs.

    Never raises, and never waits.
    """
    with suppress(CredhelperError, locks.Unlockable):
        path = file_of(context, profile)
        if path is None or known(context, path) or context.configuration()[0] == "environment":
            return
        note = our_note(context, path)
        lock = note.lock(0)
        key = read(path)
        if lock is None or key is None:
            return
        try:
            if not known(context, path):
                fields = {"config": quoted(config_of(context)), CHANGING: "0"}
                note.save({**fields, **(note.find() or {}), TYPED_FOR: pair(profile, key)})
        finally:
            lock.release()


def others(context: Context, path: str) -> list[str]:
    """Return the other configs whose notes claim the key at `path`, if it is there."""
    ours = our_note(context, path).name
    found = [note_called(context, name) for name in claims(context, path) if name != ours]
    return [config_in(note) for note in found] if os.path.lexists(path) else []


def file_of(context: Context, profile: Profile) -> str | None:
    """Return the typed key that is the profile's grant, by whatever path; None for others."""
    folder = folder_of(context)
    if folder is None or profile.grant is None or profile.grant.how != "file":
        return None
    for path in (profile.grant.words[0], os.path.realpath(profile.grant.words[0])):
        if os.path.realpath(os.path.dirname(path)) == os.path.realpath(folder):
            return os.path.join(folder, os.path.basename(path))
    return None


def users(context: Context, config: str, path: str) -> list[Profile]:
    """Return the profiles of the config file `config` whose grant is the key at `path`."""
    return [one for one in profiles(context, config) if file_of(context, one) == path]


def profiles(context: Context, config: str) -> list[Profile]:
    """Return the profiles of the config file `config` as it is now.

    Raises ConfigError for a config that cannot be read: it tells nothing.
    """
    from credhelper.config import parse

    data = paths.read_config(config) or b""
    return list(parse.parse(data, config, context.environ).profiles.values())


def known(context: Context, path: str) -> set[str]:
    """Return the pairs in all notes of the key at `path`; "" for a note that cannot be read."""
    found: set[str] = set()
    for name in claims(context, path):
        note = note_called(context, name)
        fields = note.find()
        if fields is not None:
            found |= set(filter(None, fields.get(TYPED_FOR, "").split(" ")))
        elif os.path.lexists(note.path):
            found.add("")
    return found


def pair(profile: Profile, line: bytes) -> str:
    """Return what a note says of a key in a file of one `line` that may go to the profile's API."""
    return f"{sha256(line.strip())}:{profile.api}:{profile.url}"


def read(path: str) -> bytes | None:
    """Return the bytes of the key at `path`; None if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def line_of(key: Secret) -> bytes:
    """Return what the file of `key` holds."""
    return key.reveal().encode() + b"\n"


def config_of(context: Context) -> str:
    """Return the path of our config. Raises CacheError without a home."""
    path = paths.config_file(context.environ, sys.platform)
    if path is None:
        raise CacheError(
            paths.HOMELESS, hint="set HOME, or CREDHELPER_CONFIG and CREDHELPER_STATE_DIR"
        )
    return path


def config_in(note: Slot) -> str:
    """Return the path of the config that a note names."""
    from urllib.parse import unquote_to_bytes

    return os.fsdecode(unquote_to_bytes((note.find() or {}).get("config", "")))


def quoted(config: str) -> str:
    """Return the path of a config as a note spells it."""
    from urllib.parse import quote

    return quote(os.fsencode(config))


def everything(context: Context) -> list[str]:
    """Return the paths of all files in the folder of typed keys: keys and notes, no locks."""
    folder = folder_of(context)
    try:
        names = os.listdir(folder) if folder else []
    except OSError:
        names = []
    return [os.path.join(folder or "", name) for name in sorted(names) if name[-5:] != ".lock"]


def notes(context: Context) -> list[tuple[str, Slot]]:
    """Return the notes of all keys: the name of the key's file, and where the note lies."""
    names = [os.path.basename(path) for path in everything(context)]
    matched = [(name, _NOTE.fullmatch(name)) for name in names]
    return [(found[1], note_called(context, name)) for name, found in matched if found]


def claims(context: Context, path: str) -> list[str]:
    """Return the names of the notes of the key at `path`."""
    key = os.path.basename(path)
    if context.notes is not None:
        return context.notes.get(key, [])
    names = map(os.path.basename, everything(context))
    return [name for name in names if name.startswith(f"{key}.routes-") and _NOTE.fullmatch(name)]


def listed(context: Context) -> dict[str, list[str]]:
    """Return the names of all notes, by the name of their key."""
    found: dict[str, list[str]] = {}
    for name in map(os.path.basename, everything(context)):
        if matched := _NOTE.fullmatch(name):
            found.setdefault(matched[1], []).append(name)
    return found


def our_note(context: Context, path: str) -> Slot:
    """Return where our config keeps its note of the key at `path`."""
    return note_called(context, f"{os.path.basename(path)}.{routes.tag(config_of(context))}")


def note_called(context: Context, name: str) -> Slot:
    """Return the place of the note in the file called `name`."""
    return Slot(
        folder_of(context),
        name,
        warn=context.warn,
        lock_folders=context.runtime_folders(),
        durable=True,
        waiting=context.waiting,
    )
