"""The arguments of `credhelper setup`, and the request for a wiring that they make."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial

from credhelper import setup
from credhelper.cli.output import warn
from credhelper.config import child
from credhelper.core import paths
from credhelper.core.service import Service
from credhelper.core.text import command
from credhelper.errors import CacheError, ConfigError, CredhelperError
from credhelper.setup import ask, disk, program
from credhelper.setup.plan import WiringRequest


@dataclass(frozen=True)
class Arguments:
    """What `credhelper setup` was called with.

    Parameters:
    - tool: its name in `credhelper.setup.TOOLS`.
    - service: who receives the token, or None.
    - profile: the profile named for it, or None.
    - name: what the tool knows the service by, or None.
    - bin: the folder for links to our programs, or None.
    - file: the tool's file, or None where the tool has its own.
    """

    tool: str
    service: Service | None
    profile: str | None
    name: str | None
    bin: str | None = None
    file: str | None = None


def wiring_request(
    arguments: Arguments, owner: str, *, lenient: bool = False, region: str | None = None
) -> WiringRequest:
    """Return what a tool's module is asked to wire.

    Parameters:
    - owner: the profile that answers.
    - region: AWS's, where it is known.
    - lenient: go on without a program of ours that other programs could call, and with files of
      the tool that cannot be read.

    Raises CacheError without a home, CredhelperError without such a program.
    """
    assert arguments.service is not None  # noqa: S101  # for mypy: the callers have looked
    home = paths.home(os.environ)
    if home is None:
        raise CacheError(paths.HOMELESS, hint="set HOME")

    module = setup.load(arguments.tool)
    return WiringRequest(
        arguments.service,
        arguments.profile,
        owner,
        arguments.name,
        _program(module.PROGRAMS, lenient=lenient),
        os.environ,
        home,
        arguments.bin or getattr(module, "BIN", None) or _own_bin(home),
        partial(read, lenient=lenient),
        arguments.file,
        region,
        lenient,
    )


def read(path: str, *, lenient: bool = False) -> str | None:
    """Return the text of a tool's file; None when there is none.

    Parameters: `lenient`, return "" for what cannot be read. Raises ConfigError for that.
    """
    try:
        found = disk.look(path)
    except ConfigError:
        if lenient:
            return ""  # it exists
        raise
    return None if found.data is None else found.text


def require_runnable(tool: str, request: WiringRequest) -> None:
    """Raise CredhelperError when `tool` cannot call our program; warn when it may not tomorrow."""
    module = setup.load(tool)
    ours = request.program
    needed = [name for name in module.PROGRAMS if name not in ours.on_path]
    if module.ON_PATH and needed:
        raise CredhelperError(
            f"{needed[0]} is not on PATH, where {tool} looks for it",
            hint=f"link it there: {_link(ours.path, needed[0])}",
        )
    if program.passing(ours.path):
        warn(
            f"{ours.path} may be gone tomorrow",
            "install credhelper first: pipx install credhelper, or uv tool install credhelper",
        )
    elif module.ON_PATH and not ours.lasting:
        warn(
            f"{os.path.dirname(ours.path)} is on PATH only while its environment is activated",
            f"link it for good: {_link(ours.path, module.PROGRAMS[0])}",
        )


def _link(program_path: str, name: str) -> str:
    """Return the command that lets PATH lead to our program by a `name`."""
    folder = f"{paths.home(os.environ)}/.local/bin"
    make = "" if os.path.isdir(folder) else f"{command('mkdir', '-p', folder)} && "
    return make + command("ln", "-s", program_path, f"{folder}/{name}")


def _own_bin(home: str) -> str:
    """Return the folder for our links: nothing else looks for programs there."""
    data = os.environ.get("XDG_DATA_HOME", "")
    if not data.startswith("/"):
        data = f"{home}/.local/share"
    return f"{data.rstrip('/')}/credhelper/bin"


def _program(names: Sequence[str], *, lenient: bool) -> program.Program:
    own = [os.path.join(os.path.dirname(sys.executable), program.NAME)]
    if os.path.isabs(sys.argv[0]):
        own.insert(0, os.path.join(os.path.dirname(sys.argv[0]), program.NAME))

    try:
        return program.find(os.environ, own, names, _version_of)
    except CredhelperError:
        if not lenient:
            raise
        everything = frozenset((program.NAME, *names))
        return program.Program(own[0], everything, everything)


@cache  # one command may ask for several tools
def _version_of(path: str) -> str | None:
    try:
        status, output = child.run([path, "--version"], os.environ, ask.TIMEOUT)
    except (OSError, child.Unfinished):
        return None
    text = output.decode("utf-8", "replace").strip()
    return text if status == 0 and text.startswith(f"{program.NAME} ") else None
