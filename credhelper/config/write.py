"""Changes to the config file: profiles, their services, and which one answers by default."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from credhelper.config import parse, rewrite, schema
from credhelper.config.origin import canonical
from credhelper.config.profile import Profile
from credhelper.config.table import Mistake, dotted, nearest, said
from credhelper.core.text import printable
from credhelper.errors import ConfigError, NotFoundError
from credhelper.storage import locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.config.edit import Tree

# The comment behind a default that credhelper wrote, and may remove again.
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

    rewrite.rewrite(path, lock_path, environ, change, judge, waiting)
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

    rewrite.rewrite(path, lock_path, environ, change, waiting=waiting)


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

    rewrite.rewrite(path, lock_path, environ, change, waiting=waiting)


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

    return rewrite.rewrite(path, lock_path, environ, change, waiting=waiting)


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

    return rewrite.rewrite(path, lock_path, environ, change, waiting=waiting)


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
