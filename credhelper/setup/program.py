"""Which path of ours goes into a tool's file: one that is still there after the next upgrade."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from credhelper.config import child
from credhelper.core.paths import READ
from credhelper.core.text import command, printable
from credhelper.errors import CredhelperError
from credhelper.storage import ours as owners

NAME = "credhelper"

_ACTIVE = ("VIRTUAL_ENV", "CONDA_PREFIX")
# Where `uvx` and `pipx run` unpack programs, which are gone tomorrow.
_PASSING = ("/.cache/uv/", "/.cache/pipx/", "/pipx/.cache/", "/uv/archive-")


@dataclass(frozen=True)
class Program:
    """Our program as a tool may call it.

    Parameters: `path` of `credhelper`, absolute; `on_path`, which of our programs PATH leads to;
    `beside`, which lie beside it; `lasting`, whether that PATH also holds in other terminals.
    """

    path: str
    on_path: frozenset[str] = frozenset()
    beside: frozenset[str] = frozenset()
    lasting: bool = True

    def called(self, name: str) -> str:
        """Return `name` if it is on PATH in every terminal, otherwise its path beside `path`."""
        if self.lasting and name in self.on_path:
            return name
        return os.path.join(os.path.dirname(self.path), name)


def find(
    environ: Mapping[str, str],
    own: Sequence[str],
    names: Sequence[str],
    version_of: Callable[[str], str | None],
) -> Program:
    """Return the program to name in tools' files.

    That is the first on PATH that leads to the running program through links (pipx, uv and package
    managers keep such links over upgrades), or that has the same version (a shim). If there is
    none, it is one of `own`.

    Parameters: `environ`; `own`, paths at which we may lie ourselves, best first; `names` of other
    programs of ours that a tool would look for on PATH; `version_of`, what the program at a path
    says when asked for its version, None when it does not run. Raises CredhelperError when no
    program of ours runs.
    """
    ours = {os.path.realpath(path) for path in own if os.path.isabs(path)}
    own = [path for path in own if not why_not_for_root(path)] or own[:1]
    expected = next((version for version in map(version_of, own) if version), None)
    path = None
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        candidate = os.path.join(folder, NAME)
        if not folder.startswith("/") or child.find(candidate, environ) is None:
            continue
        if why_not_for_root(candidate):
            continue  # not even to ask for its version
        if os.path.realpath(candidate) in ours or version_of(candidate) == (expected or ""):
            path = candidate
            break
    path = path or next((one for one in own if os.path.isabs(one) and version_of(one)), None)
    why = path and why_not_for_root(path)
    if path and why:
        raise CredhelperError(
            f"{printable(path)} {why}: root's tools get only what nobody else can replace",
            hint="install credhelper for root: pipx install --global credhelper",
        )
    if path is None:
        raise CredhelperError(
            f"no program of ours runs: tried {printable(', '.join(own)) or NAME}",
            hint="install credhelper for yourself: pipx install credhelper",
        )
    if version_of(path) is None:
        raise CredhelperError(
            f"{printable(path)} does not run",
            hint=f"see what it says: {command(path, '--version')}",
        )
    if not path.isprintable():
        raise CredhelperError(
            f"the path of our program holds control characters: {printable(path)}",
            hint="install credhelper in another folder",
        )
    found = {name for name in (NAME, *names) if _leads_to_us(name, path, environ)}
    folder = os.path.dirname(path)
    beside = {name for name in (NAME, *names) if child.find(os.path.join(folder, name), environ)}
    # A virtual environment is on PATH only in the terminal where it was activated.
    folders = [environ[name] for name in _ACTIVE if environ.get(name)]
    lasting = not any(path.startswith(f"{folder.rstrip('/')}/") for folder in folders)
    return Program(path, frozenset(found), frozenset(beside), lasting)


def why_not_for_root(path: str) -> str | None:
    """Return why root's tools must not run the program at `path`; None if they may.

    They must not when another user can replace it. For other users than root: None.
    """
    if os.geteuid() != 0 or not os.path.isabs(path):
        return None
    try:
        handle = os.open(path, READ)
    except OSError:
        return None  # it does not run either
    try:
        wrong = owners.about(handle, path)
    finally:
        os.close(handle)
    return wrong.why if wrong else None


def passing(path: str) -> bool:
    """Tell whether a program at this path is likely to be gone tomorrow."""
    return any(place in path for place in _PASSING)


def _leads_to_us(name: str, path: str, environ: Mapping[str, str]) -> bool:
    found = child.find(name, environ)
    if found is None or why_not_for_root(found):
        return False
    beside = os.path.join(os.path.dirname(path), name)
    return found == beside or os.path.realpath(found) in (
        os.path.realpath(beside),
        os.path.realpath(path),
    )
