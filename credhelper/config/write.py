"""Writing the config file: under a lock, whole, and only if it reads back without a mistake."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from credhelper.config import parse, schema
from credhelper.config.origin import canonical
from credhelper.config.profile import Profile
from credhelper.config.table import Mistake, dotted, nearest, said
from credhelper.core import paths
from credhelper.core.text import printable
from credhelper.errors import CacheError, ConfigError, NotFoundError, reason
from credhelper.storage import files, leftovers, locks, ours

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.config.edit import Change, Tree

LOCK_WAIT = 10.0
# Behind a default that is ours to remove: true whoever it names, as long as it stays.
_SEVERAL = "needed, as there are several profiles"


def add_profile(
    path: str,
    lock_path: str,
    name: str,
    values: Mapping[str, Any],
    *,
    make_default: bool | None,
    environ: Mapping[str, str],
    old: Mapping[str, Any] | None = None,
    ready: Callable[[Profile], None] | None = None,
    waiting: locks.Waiting | None = None,
) -> Profile:
    """Make the profile `name` hold `values`, whether it is there or not, and return it.

    With `old`, only what differs between `old` and `values` is changed: the rest stays as the file
    has it now. The first profile becomes the default; a second one leaves that to the first.

    Parameters:
    - path: the config file, absolute, made if missing.
    - lock_path: absolute, in a private folder.
    - values: keys as the file spells them.
    - make_default: whether to make it the default; None to leave that alone.
    - environ: the environment.
    - old: the keys that the command began with.
    - waiting: is open while another writer is waited for.
    - ready: called under the lock with the profile that will be written; if it raises, nothing is.

    Raises ConfigError when the values or the file are wrong, LockTimeoutError when another writer
    does not end, and CacheError for the disk. After an error the file is as it was.
    """
    try:
        schema.read(name, dict(values), parse.expander(environ))
    except Mistake as mistake:
        key = dotted(mistake.place[2:])
        place = f"profile {printable(name)}: {key}" if key else "profile"
        raise ConfigError(f"{place}: {mistake.message}", mistake.hint) from None

    def change(root: Tree, text: str) -> None:
        if "profiles" not in root:
            root["profiles"] = {}
        new = name not in root["profiles"]
        if new:
            if old:
                raise ConfigError(
                    f"profile {printable(name)} was removed meanwhile, so it is not changed",
                    hint="run the same command again to add it",
                )
            root["profiles"][name] = {}
        table = root["profiles"][name]
        base = dict(table) if old is None else old
        for key in [key for key in base if key not in values and key in table]:
            del table[key]
        for key, value in values.items():
            if key in base and base[key] == value:
                continue
            if key == "services" and old is not None and key in table:
                _append(table[key], [one for one in value if one not in base.get(key, [])])
            elif key not in table or table[key] != value:
                table[key] = value
        if make_default:
            root["default_profile"] = name
        elif new and make_default is False and old is not None and "default_profile" not in root:
            _keep_who_answers(root, name)

    found: list[Profile] = []

    def judge(config: parse.Config) -> None:
        found.append(config.profiles[name])
        if ready:
            ready(found[0])

    _edit(path, lock_path, environ, change, judge, waiting)
    return found[0]


def remove_profile(
    path: str,
    lock_path: str,
    name: str,
    *,
    environ: Mapping[str, str],
    waiting: locks.Waiting | None = None,
) -> None:
    """Remove the profile `name`; if it was the default, there is none afterwards.

    A default that was written only because there were several goes with the last of the others.

    Parameters and errors as for `add_profile`; NotFoundError when there is no such profile.
    """

    def change(root: Tree, text: str) -> None:
        _named(root, name)
        del root["profiles"][name]
        default = root.get("default_profile")
        if default == name or ([default] == [*root["profiles"]] and _for_several(text)):
            del root["default_profile"]

    _edit(path, lock_path, environ, change, waiting=waiting)


def set_default(
    path: str,
    lock_path: str,
    name: str,
    *,
    environ: Mapping[str, str],
    waiting: locks.Waiting | None = None,
) -> None:
    """Make `name` the default profile. Parameters and errors as for `remove_profile`."""

    def change(root: Tree, text: str) -> None:
        _named(root, name)
        root["default_profile"] = name

    _edit(path, lock_path, environ, change, waiting=waiting)


def add_service(
    path: str,
    lock_path: str,
    name: str,
    service: str,
    *,
    environ: Mapping[str, str],
    waiting: locks.Waiting | None = None,
) -> bool:
    """Let the profile `name` answer for `service`; False when it does already.

    Parameters and errors as for `remove_profile`; `service`, a URL or host.
    """
    wanted = _normal(service)

    def change(root: Tree, text: str) -> None:
        table = _named(root, name)
        if "services" not in table:
            table["services"] = []
        _append(table["services"], [wanted])

    return _edit(path, lock_path, environ, change, waiting=waiting)


def remove_service(
    path: str,
    lock_path: str,
    name: str,
    service: str,
    *,
    environ: Mapping[str, str],
    waiting: locks.Waiting | None = None,
) -> bool:
    """Take `service` away from the profile `name`; False when it does not have it.

    Parameters and errors as for `add_service`.
    """
    wanted = _normal(service)

    def change(root: Tree, text: str) -> None:
        table = _named(root, name)
        for place, one in reversed([*enumerate(table.get("services", []))]):
            if _normal(one) == wanted:
                del table["services"][place]

    return _edit(path, lock_path, environ, change, waiting=waiting)


def _keep_who_answers(root: Tree, name: str) -> None:
    """Name a default, if the profile `name` is the first one, or joins one that answered alone."""
    from credhelper.config.edit import noted

    others = [one for one in root["profiles"] if one != name]
    if not others:
        root["default_profile"] = name
    elif len(others) == 1:
        root["default_profile"] = noted(others[0], _SEVERAL)


def _for_several(text: str) -> bool:
    from credhelper.config.splice import comment_behind

    return comment_behind(text, ("default_profile",)) == _SEVERAL


def _named(root: Tree, name: str) -> Tree:
    named: Mapping[str, Tree] = root.get("profiles", {})
    if name not in named:
        near = nearest(name, named) or f"; known profiles: {', '.join(named) or 'none'}"
        raise NotFoundError(f"there is no profile {said(name, plain=True)}{near}")
    return named[name]


def _append(services: list[str], more: Iterable[str]) -> None:
    for service in more:
        if _normal(service) not in map(_normal, services):
            services.append(service)


def _normal(service: str) -> str:
    try:
        return str(canonical(service))
    except ValueError as error:
        raise ConfigError(f"service: {error}") from None


def _edit(
    path: str,
    lock_path: str,
    environ: Mapping[str, str],
    change: Change,
    judge: Callable[[parse.Config], None] | None = None,
    waiting: locks.Waiting | None = None,
) -> bool:
    """Make `change` to the file; False, and no new file, when it changes nothing.

    `judge` sees the new config before it is written, and may raise.
    """
    if not os.path.isabs(path):
        raise ConfigError(f"{printable(path)}: the path of a config file must be absolute")
    from credhelper.config.edit import edited  # late: for who writes

    # Dotfile managers keep the file elsewhere and a symlink here: the symlink stays.
    target = os.path.realpath(path)
    with locks.one_writer(lock_path, "changing the config", LOCK_WAIT, waiting):
        old = paths.read_config(path, ours.judge_config(environ)) or b""
        config = parse.parse(old, path, environ)
        text = old.decode()
        new = edited(text, change)
        if new is None:
            raise ConfigError(
                f"{printable(path)}: this change would damage what is there",
                hint="edit the file by hand",
            )
        if new != text:
            config = parse.parse(new.encode(), path, environ)
        if judge:
            judge(config)
        if new == text:
            return False
        _replace(target, new.encode())
        return True


def _replace(target: str, new: bytes) -> None:
    """Put `new` in the place of `target`, with its mode; 0600 for a new file."""
    folder = os.path.dirname(target)
    shown = printable(target)
    try:
        if not os.path.isdir(folder):
            files.make_folder(folder)
        wrong = ours.about_way(folder)
        if wrong:
            raise CacheError(f"{shown} {wrong.why}", wrong.hint)
        mode = _mode(target)
        leftovers.sweep(*os.path.split(target))
        files.replace(target, new, durable=True)
        if mode is not None:
            os.chmod(target, mode)
    except OSError as error:
        hint = "mount the folder instead of the file" if error.errno == errno.EBUSY else None
        raise CacheError(f"cannot write {shown}: {reason(error)}", hint) from error


def _mode(target: str) -> int | None:
    try:
        found = os.stat(target)
    except FileNotFoundError:
        return None
    if found.st_uid != os.geteuid():
        # A rename would make us the owner of the file.
        raise CacheError(
            f"{printable(target)} belongs to another user (uid {found.st_uid})",
            hint=ours.as_user(found.st_uid),
        )
    return stat.S_IMODE(found.st_mode)
