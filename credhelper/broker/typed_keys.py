"""The API keys that people type at `login`: each in a file of its own, with a note of whose it is.

A key and the config that names it are two files, and a process may be killed between the two. So a
note beside the key says which config it belongs to, and whether that config was being changed. The
next process that finds such a note, without its writer, looks into the config: a key that the
config does not name goes.

The note also says for which API the key was typed: that key goes to no other.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress

from credhelper.broker import key_notes
from credhelper.core import paths
from credhelper.core.digest import sha256
from credhelper.core.text import command
from credhelper.errors import CacheError, CredhelperError, UsageError, reason
from credhelper.storage import files, locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from credhelper.broker.context import Context
    from credhelper.config.profile import Profile
    from credhelper.core.model import Secret
    from credhelper.storage.slot import Slot

_WAIT = 25.0  # seconds for another login to the same profile


def path_of(context: Context, name: str) -> str:
    """Return where `login` keeps a key that was typed for the profile called `name`.

    Raises CacheError when no state folder is known.
    """
    folder = key_notes.folder_of(context)
    if folder is None:
        raise CacheError(paths.HOMELESS, hint="set HOME, or CREDHELPER_STATE_DIR")
    return os.path.join(folder, f"{name}.key")


@contextmanager
def changing(
    context: Context, profile: Profile, key: Secret | None = None
) -> Iterator[Callable[[], None]]:
    """Change the config of `profile` inside of a `with`, which gets a function.

    The function writes `key` into its file, if there is one: to call just before the config is
    written, so that a change that is refused leaves the former key in place.

    At its end, or by the next process if this one is killed, a key that no profile of the config
    names is removed. If the change fails, the key that was there before is put back.

    Parameters:
    - profile: as it will be.
    - key: a new typed key.

    Raises CacheError, and UsageError where another API needs the key that is there.
    """
    path = path_of(context, profile.name)
    if key is None and not os.path.lexists(path):
        yield lambda: None
        return
    note = key_notes.our_note(context, path)
    try:
        lock = note.lock(_WAIT, holder=f"changes profile {profile.name}")
    except locks.Unlockable as error:
        context.trace("keys", unlocked=str(error))
        lock = None
    try:
        former = key_notes.read(path)
        if key is not None and former not in (None, key_notes.line_of(key)):
            _spare(context, path, profile)
        # The former pairs stay: whichever key the file holds after a kill is known.
        pairs = [one for one in _pairs_of(context, note, path, former) if one]
        begun = {"config": key_notes.quoted(key_notes.config_of(context)), key_notes.CHANGING: "1"}
        new = [] if key is None else [key_notes.pair(profile, key_notes.line_of(key))]
        note.save({**begun, key_notes.TYPED_FOR: " ".join(dict.fromkeys(pairs + new))})
        try:
            yield lambda: None if key is None else _put(path, key_notes.line_of(key))
        except BaseException:
            if key is not None:
                _put_back(path, former)
            with suppress(CacheError):  # a pair of a key that is gone lets nothing through
                note.save({**begun, key_notes.TYPED_FOR: " ".join(pairs)})
            raise
        finally:
            _settle(context, note, path)
    finally:
        if lock:
            lock.release()


def sweep(context: Context) -> None:
    """Remove typed keys whose profile was removed by a writer that was killed. Never waits."""
    for name, note in key_notes.notes(context):
        if (note.find() or {}).get(key_notes.CHANGING) != "1":
            continue
        try:
            lock = note.lock(0)
        except locks.Unlockable:
            continue
        if lock is None:
            continue  # its writer lives
        try:
            if (note.find() or {}).get(key_notes.CHANGING) == "1":
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
    if named is None:
        named = _named(context, key_notes.config_of(context))
    if os.path.realpath(path) in named:
        return None
    claims = key_notes.claims(context, path)
    return path if not claims or key_notes.our_note(context, path).name in claims else None


def orphans(context: Context) -> list[str]:
    """Return the names of the profiles whose keys this config named once and does not any more."""
    notes = key_notes.notes(context)
    names = [key for key, note in notes if note.name == key_notes.our_note(context, key).name]
    named = _named(context, key_notes.config_of(context)) if names else set()
    return [name for key in names if forgotten(context, name := key.removesuffix(".key"), named)]


def remove(context: Context, path: str, *, for_all: bool = False) -> bool:
    """Remove the key at `path`, and our note of it; tell whether that was done. Raises OSError.

    Parameters:
    - for_all: also if another config has a note that claims it.
    """
    ours = key_notes.our_note(context, path)
    claims = key_notes.claims(context, path)
    ours.remove()
    if not for_all and any(name != ours.name for name in claims):
        return False
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def _put(path: str, line: bytes) -> None:
    try:
        files.replace(path, line, durable=True)
    except OSError as error:
        raise CacheError(f"cannot write {path}: {reason(error)}") from error


def _put_back(path: str, former: bytes | None) -> None:
    if former is None:
        with suppress(FileNotFoundError):
            os.unlink(path)
    elif key_notes.read(path) != former:
        _put(path, former)


def _settle(context: Context, note: Slot, path: str) -> None:
    config = key_notes.config_in(note)
    if os.path.realpath(path) in _named(context, config):
        note.save({**(note.find() or {}), key_notes.CHANGING: "0"})
        return
    if all(name == note.name for name in key_notes.claims(context, path)):
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise CacheError(f"cannot remove {path}: {reason(error)}") from error
    note.remove()


def _spare(context: Context, path: str, profile: Profile) -> None:
    """Raise UsageError if a profile of another API needs the key that is at `path`."""
    own = key_notes.config_of(context)
    for config in dict.fromkeys([own, *key_notes.others(context, path)]):
        for one in key_notes.users(context, config, path):
            if (config, one.name) == (own, profile.name):
                continue
            if (one.api, one.url) != (profile.api, profile.url):
                words = ("credhelper", "login", "--profile", f"{profile.name}-2")
                raise UsageError(
                    f"{path} holds the API key for {one.url}, which profile {one.name} of {config}"
                    " needs: it is not replaced",
                    hint=f"take another name: {command(*words, '--url', profile.url)};"
                    " or set CREDHELPER_STATE_DIR to a folder for this config",
                )
            context.warn(f"profile {one.name} of {config} uses the new API key as well", None)


def _pairs_of(context: Context, note: Slot, path: str, key: bytes | None) -> list[str]:
    """Return the pairs of `key`, which is at `path`, that belong into our `note`."""
    if key is None:
        return []
    if key_notes.known(context, path):
        pairs = (note.find() or {}).get(key_notes.TYPED_FOR, "").split(" ")
        return [one for one in pairs if one.startswith(sha256(key.strip()))]
    claims = key_notes.others(context, path)
    # A key from before there were pairs is of the one config that claims it, or else of ours.
    alone = len(key_notes.claims(context, path)) == len(claims) == 1
    config = claims[0] if alone else key_notes.config_of(context)
    return [key_notes.pair(one, key) for one in key_notes.users(context, config, path)]


def _named(context: Context, config: str) -> set[str]:
    """Return the files of grants that the config file `config` names as it is now."""
    grants = [one.grant for one in key_notes.profiles(context, config)]
    return {
        os.path.realpath(one.words[0]) for one in grants if one is not None and one.how == "file"
    }
