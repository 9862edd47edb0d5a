"""The API keys that people type at `login`: each in a file of its own, with a note of whose it is.

A key and the config that names it are two files, and a process may be killed between the two. So a
note beside the key says which config it belongs to, and whether that config was being changed. The
next process that finds such a note, without its writer, looks into the config: a key that the
config does not name goes.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import contextmanager, suppress

from credhelper.core import paths, routes
from credhelper.errors import CacheError, CredhelperError, reason
from credhelper.storage import files, locks
from credhelper.storage.slot import Slot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from credhelper.broker.context import Context
    from credhelper.core.model import Secret

_WAIT = 25.0  # seconds for another login to the same profile
_NOTE = re.compile(r"(.+\.key)\.routes-[0-9a-f]+")
_CHANGING = "changing"


def folder_of(context: Context) -> str | None:
    """Return the folder of typed keys; None when no state folder is known."""
    state = paths.state_dir(context.environ, sys.platform)
    return state and os.path.join(state, "grants")


def path_of(context: Context, name: str) -> str:
    """Return where `login` keeps a key that was typed for the profile called `name`.

    Raises CacheError when no state folder is known.
    """
    folder = folder_of(context)
    if folder is None:
        raise CacheError(paths.HOMELESS, hint="set HOME, or CREDHELPER_STATE_DIR")
    return os.path.join(folder, f"{name}.key")


@contextmanager
def changing(
    context: Context, name: str, key: Secret | None = None
) -> Iterator[Callable[[], None]]:
    """Change the config of the profile called `name` inside of a `with`, which gets a function.

    The function writes `key` into its file, if there is one: to call just before the config is
    written, so that a change that is refused leaves the former key in place.

    At its end, or by the next process if this one is killed, a key that no profile of the config
    names is removed. Raises CacheError.

    Parameters:
    - key: a new typed key.
    """
    path = path_of(context, name)
    if key is None and not os.path.lexists(path):
        yield lambda: None
        return
    from urllib.parse import quote

    note = _our_note(context, path)
    try:
        lock = note.lock(_WAIT)
    except locks.Unlockable as error:
        context.trace("keys", unlocked=str(error))
        lock = None
    try:
        note.save({"config": quote(os.fsencode(_config(context))), _CHANGING: "1"})
        try:
            yield lambda: _put(path, key)
        finally:
            _settle(context, note, path)
    finally:
        if lock:
            lock.release()


def sweep(context: Context) -> None:
    """Remove typed keys whose profile was removed by a writer that was killed. Never waits."""
    for name, note in _notes(context):
        if (note.find() or {}).get(_CHANGING) != "1":
            continue
        try:
            lock = note.lock(0)
        except locks.Unlockable:
            continue
        if lock is None:
            continue  # its writer lives
        try:
            if (note.find() or {}).get(_CHANGING) == "1":
                with suppress(CredhelperError):  # a config that cannot be read: the next one will
                    _settle(context, note, os.path.join(note.folder or "", name))
        finally:
            lock.release()


def forgotten(context: Context, name: str, named: set[str] | None = None) -> str | None:
    """Return the key of the profile called `name` that its config does not name any more, if any.

    A key that only the notes of other configs claim is not ours. Raises CredhelperError.

    Parameters:
    - named: the files that the config names, if the caller knows them.
    """
    path = path_of(context, name)
    if not os.path.lexists(path):
        return None
    if os.path.realpath(path) in (_named(context, _config(context)) if named is None else named):
        return None
    claims = _claims(context, path)
    return path if not claims or _our_note(context, path).name in claims else None


def orphans(context: Context) -> list[str]:
    """Return the names of the profiles whose keys this config named once and does not any more."""
    names = [key for key, note in _notes(context) if note.name == _our_note(context, key).name]
    named = _named(context, _config(context)) if names else set()
    return [name for key in names if forgotten(context, name := key.removesuffix(".key"), named)]


def remove(context: Context, path: str, *, for_all: bool = False) -> bool:
    """Remove the key at `path`, and our note of it; tell whether that was done. Raises OSError.

    Parameters:
    - for_all: also if another config has a note that claims it.
    """
    ours = _our_note(context, path)
    claims = _claims(context, path)
    ours.remove()
    if not for_all and any(name != ours.name for name in claims):
        return False
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def everything(context: Context) -> list[str]:
    """Return the paths of all files in the folder of typed keys: keys and notes, no locks."""
    folder = folder_of(context)
    try:
        names = os.listdir(folder) if folder else []
    except OSError:
        names = []
    return [os.path.join(folder or "", name) for name in sorted(names) if name[-5:] != ".lock"]


def _put(path: str, key: Secret | None) -> None:
    if key is None:
        return
    try:
        files.replace(path, key.reveal().encode() + b"\n", durable=True)
    except OSError as error:
        raise CacheError(f"cannot write {path}: {reason(error)}") from error


def _settle(context: Context, note: Slot, path: str) -> None:
    config = (note.find() or {}).get("config", "")
    from urllib.parse import unquote_to_bytes

    if os.path.realpath(path) in _named(context, os.fsdecode(unquote_to_bytes(config))):
        note.save({"config": config, _CHANGING: "0"})
        return
    if all(name == note.name for name in _claims(context, path)):
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise CacheError(f"cannot remove {path}: {reason(error)}") from error
    note.remove()


def _named(context: Context, config: str) -> set[str]:
    """Return the files of grants that the config file `config` names as it is now.

    Raises ConfigError for a config that cannot be read: it tells nothing.
    """
    from credhelper.config import parse

    data = paths.read_config(config) or b""
    grants = [one.grant for one in parse.parse(data, config, context.environ).profiles.values()]
    return {
        os.path.realpath(one.words[0]) for one in grants if one is not None and one.how == "file"
    }


def _config(context: Context) -> str:
    path = paths.config_file(context.environ, sys.platform)
    if path is None:
        raise CacheError(
            paths.HOMELESS, hint="set HOME, or CREDHELPER_CONFIG and CREDHELPER_STATE_DIR"
        )
    return path


def _notes(context: Context) -> list[tuple[str, Slot]]:
    """Return the notes of all keys: the name of the key's file, and where the note lies."""
    names = [os.path.basename(path) for path in everything(context)]
    matched = [(name, _NOTE.fullmatch(name)) for name in names]
    return [(found[1], _note(context, name)) for name, found in matched if found]


def _claims(context: Context, path: str) -> list[str]:
    """Return the names of the notes of the key at `path`."""
    names = map(os.path.basename, everything(context))
    begins = f"{os.path.basename(path)}.routes-"
    return [name for name in names if name.startswith(begins) and _NOTE.fullmatch(name)]


def _our_note(context: Context, path: str) -> Slot:
    return _note(context, f"{os.path.basename(path)}.{routes.tag(_config(context))}")


def _note(context: Context, name: str) -> Slot:
    return Slot(
        folder_of(context),
        name,
        warn=context.warn,
        lock_folders=context.runtime_folders(),
        durable=True,
    )
