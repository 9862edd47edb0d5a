"""Checks of our own files: the config, owners and modes, locks, and a record that is written."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial

from credhelper.broker import next_step, routing
from credhelper.broker.context import Context
from credhelper.cli.doctor import kept, places
from credhelper.cli.doctor.result import Check, Outcome, passed, warned
from credhelper.core import paths
from credhelper.core.text import command, printable
from credhelper.errors import CacheError, LoginRequiredError, reason
from credhelper.storage import files, locks, names
from credhelper.storage.slot import Slot

CACHE, STATE = "cache", "state"
FIX = "credhelper doctor --fix"
_RECORD = "doctor"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_MOST = 20_000  # files that are looked at
# What another process says about a lock: it must not get the one that we hold.
_OTHER = (
    "import fcntl, os, sys\n"
    "handle = os.open(sys.argv[1], os.O_RDWR)\n"
    "try:\n"
    "    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
    "except BlockingIOError:\n"
    "    sys.exit(9)\n"
)
_EXCLUDED = 9


def folders(context: Context) -> dict[str, str]:
    """Return the paths of our folders, as far as known, by what they are. Raises ConfigError."""
    found = {
        CACHE: paths.cache_dir(context.environ, sys.platform),
        STATE: paths.state_dir(context.environ, sys.platform),
    }
    return {name: path for name, path in found.items() if path}


def checks(context: Context) -> list[Check]:
    """Return the checks of our files, and of the variables that say where they are."""
    edit = "correct that place in the config file"
    surroundings = (("environment", ""),)
    found = [
        Check("environment", "", partial(places.look, context)),
        Check("config", "", partial(_config, context), surroundings, edit),
    ]
    looks = {"owners": _owners, "modes": _modes, "lock": _lock, "record": _record}
    for place in (CACHE, STATE):
        found.append(
            Check("folder", place, partial(_hinted, _folder, context, place), surroundings)
        )
        needs = (("folder", CACHE), ("folder", place))  # the cache has folders for all locks
        found += [
            Check(name, place, partial(_hinted, each, context, place), needs)
            for name, each in looks.items()
        ]
    both = (("folder", CACHE), ("folder", STATE))
    found.append(Check("leftovers", "", partial(_leftovers, context), both))
    found.append(Check("held locks", "", partial(_held, context), both))
    return found


def _hinted(look: Callable[[Context, str], Outcome], context: Context, place: str) -> Outcome:
    """Return what `look` found; where its error has no hint, that is what the disk needs."""
    try:
        return look(context, place)
    except CacheError as error:
        error.hint = error.hint or _cure(error, _place(context, place))
        raise


def _cure(error: CacheError, folder: str) -> str:
    number = getattr(error.__cause__, "errno", None)
    if number in _FULL:
        return f"free some space there: {command('df', '-h', _disk(folder))}"
    if number == errno.EROFS:
        return "set CREDHELPER_CACHE_DIR and CREDHELPER_STATE_DIR to folders that can be written"
    return f"see what lies there, and who may write there: {command('ls', '-la', folder)}"


def _disk(folder: str) -> str:
    """Return where the disk of `folder` is mounted: two folders on one disk are one trouble."""
    while not os.path.lexists(folder) or not os.path.ismount(folder):
        folder = os.path.dirname(folder)
    return folder


def _config(context: Context) -> Outcome:
    config = routing.load_config(context)
    if not config.profiles:
        log_in = next_step.log_in(context.environ)
        named = context.environ.get("CREDHELPER_CONFIG")
        if named and not os.path.lexists(named):
            raise LoginRequiredError(
                f"{printable(named)} does not exist, and CREDHELPER_CONFIG names it",
                f"correct that variable, or make a first profile: {log_in}",
            )
        raise LoginRequiredError("no profile is configured", log_in)
    count = len(config.profiles)
    where = config.path or "environment variables"
    return passed(f"{where}: {count} profile{'s' if count > 1 else ''}")


def _place(context: Context, name: str) -> str:
    where = paths.cache_dir if name == CACHE else paths.state_dir
    found = where(context.environ, sys.platform)
    if found is None:
        raise CacheError(paths.HOMELESS, hint="set HOME")
    return found


def _folder(context: Context, name: str) -> Outcome:
    folder = _place(context, name)
    there = os.path.isdir(folder)
    files.make_folder(folder)
    return passed(f"{folder}{'' if there else ', made now'}")


def below(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield what is ours below a folder of ours, with the state of each; 20000 are looked at."""
    return names.below(folder, _MOST)


def _owners(context: Context, name: str) -> Outcome:
    foreign = [
        (path, found.st_uid)
        for path, found in below(_place(context, name))
        if found.st_uid != os.geteuid()
    ]
    if not foreign:
        return passed("all of it is ours")
    path, uid = foreign[0]
    more = f", and {len(foreign) - 1} more" if foreign[1:] else ""
    raise CacheError(
        f"{printable(path)} belongs to another user (uid {uid}){more}",
        hint=f"let that user or root remove it: {command('sudo', 'rm', '-r', path)}",
    )


def open_to_others(folder: str) -> list[tuple[str, int]]:
    """Return what is ours in a folder of ours and open to others, and the mode it should have.

    0 where it keeps the one it has: a file with another name, which may be anybody's.
    """
    return [
        (path, mode)
        for path, found in below(folder)
        if found.st_uid == os.geteuid() and found.st_mode & 0o077
        for mode in _closed(path, found)
    ]


def _closed(path: str, found: os.stat_result) -> tuple[int, ...]:
    if stat.S_ISREG(found.st_mode):
        return (0o600 if found.st_nlink == 1 else 0,)
    return (0o700,) if stat.S_ISDIR(found.st_mode) and not names.holds_others(path) else ()


def _modes(context: Context, name: str) -> Outcome:
    wrong = open_to_others(_place(context, name))
    if not wrong:
        return passed("all of it is closed to other users")
    path, mode = min(wrong, key=lambda one: not one[1])
    more = f", and {len(wrong) - 1} more" if wrong[1:] else ""
    if not mode:
        new = f"{path}.new"
        copy = f"{command('install', '-m', '600', path, new)} && {command('mv', '-f', new, path)}"
        raise CacheError(
            f"{printable(path)} is open to other users{more}; it has another name (a hard link),"
            " so its mode is not changed",
            hint=copy,
        )
    one = command("chmod", f"{mode:o}", path)
    raise CacheError(f"{printable(path)} is open to other users{more}", FIX if more else one)


def _lock(context: Context, name: str) -> Outcome:
    tried = []
    for folder in (_place(context, name), *context.runtime_folders()):
        path = os.path.join(folder, f"{_RECORD}.lock")
        try:
            files.make_folder(folder)
            held = locks.acquire(path, wait=2, alarm=False)
        except locks.Unlockable as error:
            tried.append(str(error))
            continue
        if held is None:
            return warned("another doctor holds the lock: not tried")
        try:
            _exclude(path)
        finally:
            _unlink(path)
            held.release()
        if tried:
            return warned(f"no locks there, so {folder} has them: only this machine sees those")
        return passed("two processes exclude each other")
    raise CacheError(f"there are no locks: {'; '.join(tried)}", "set CREDHELPER_RUNTIME_DIR")


def _exclude(path: str) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _OTHER, path],
        check=False,
        capture_output=True,
        timeout=60,
    )
    if done.returncode != _EXCLUDED:
        raise CacheError(
            f"two processes hold lock {printable(path)} at once: each makes a token of its own",
            hint="set CREDHELPER_CACHE_DIR and CREDHELPER_STATE_DIR to folders on a local disk",
        )


def _unlink(path: str) -> None:
    """Remove the file at `path`, if it is there. Raises CacheError."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise CacheError(f"cannot remove {printable(path)}: {reason(error)}") from error


def _record(context: Context, name: str) -> Outcome:
    folder = _place(context, name)
    slot = Slot(folder, _RECORD, warn=context.warn, durable=name == STATE)
    fields = {"doctor": os.urandom(8).hex()}
    slot.save(fields)
    try:
        if slot.find() != fields:
            raise CacheError(f"{slot.path} does not hold what was written into it")
    finally:
        slot.remove()
    if not slot.has_room():
        raise CacheError(f"{folder} has no room for another record") from OSError(errno.ENOSPC, "")
    return passed("a record was written, read and removed")


def _leftovers(context: Context) -> Outcome:
    return kept.look_for_leftovers(_everything(context), context.clock())


def _held(context: Context) -> Outcome:
    return kept.look_for_held_locks(_everything(context))


def _everything(context: Context) -> Iterator[tuple[str, os.stat_result]]:
    for folder in dict.fromkeys(folders(context).values()):
        yield from below(folder)
