"""The nouns of a setup: what is asked for, and the changes of files that it takes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from credhelper.config.origin import canonical
from credhelper.core.service import Service
from credhelper.core.text import command
from credhelper.errors import ConfigError, UnsupportedActionError, UsageError
from credhelper.setup.program import Program

# Hosts that are taken for ours, and what they want instead of a token: the registry of BaseSpace's
# native apps.
_OTHERS = {"docker.illumina.com": "BaseSpace credentials"}
# The protocol that prints nothing but a token, for tools that run a command to get one.
TOKEN = "token"  # noqa: S105  # a protocol's name


@dataclass(frozen=True)
class WiringRequest:
    """What is to be set up.

    Parameters:
    - service: who receives the token.
    - profile: the profile that the user named, or None.
    - owner: the profile that answers, named or not.
    - name: how the tool calls it, or None.
    - program: ours.
    - environ: the environment of the command.
    - home: absolute.
    - bin: the folder for links to us.
    - read: returns the text of a tool's file, None if missing.
    - file: the tool's file, if the user named one.
    - region: AWS's, if known.
    - lenient: whether a file that cannot be read counts as empty.
    """

    service: Service
    profile: str | None
    owner: str
    name: str | None
    program: Program
    environ: Mapping[str, str]
    home: str
    bin: str
    read: Callable[[str], str | None]
    file: str | None = None
    region: str | None = None
    lenient: bool = False

    def callable(self, name: str) -> tuple[str, tuple[LinkChange, ...]]:
        """Return the words that call our program `name`, and the links that this takes.

        That is its name if it is on PATH, else its path, else the path of a link.
        """
        if name in self.program.beside or (self.program.lasting and name in self.program.on_path):
            return self.program.called(name), ()
        link = self.link(name)
        return link.path, (link,)

    def link(self, name: str) -> LinkChange:
        """Return a link to us called `name`, in the folder for such links."""
        return LinkChange(f"{self.bin}/{name}", self.program.path)

    def options(self) -> list[str]:
        """Return the words that choose the profile, for tools whose file holds a command."""
        return ["--profile", self.profile] if self.profile else []

    def covers(self, url: str) -> bool:
        """Tell whether a URL in a tool's file is at or below the service."""
        try:
            return str(self.service) in canonical(url).prefixes()
        except ValueError:
            return False

    def match(self, known: Mapping[str, Mapping[str, Any]], key: str) -> str | None:
        """Return which of `known` has a URL, as `key`, that is at or below the service."""
        return next(
            (name for name, one in known.items() if self.covers(str(one.get(key, "")))), None
        )

    def is_at(self, url: str) -> bool:
        """Tell whether a URL in a tool's file is the service, in any spelling."""
        try:
            return canonical(url) == self.service
        except ValueError:
            return False

    def variable(self, name: str) -> str | None:
        """Return the path that the environment variable `name` holds, None if it holds none.

        Raises ConfigError for a relative path, which would mean another file in each folder. For
        its own variables, the XDG base directory specification says to ignore such paths.
        """
        path = self.environ.get(name, "")
        if path and not path.startswith("/") and not name.startswith("XDG_"):
            raise ConfigError(
                f"{name} is not an absolute path, so each folder would have another file",
                hint=f"let it begin with a slash, or do without: {command('unset', name)}",
            )
        return path if path.startswith("/") else None

    def place(self, variable: str, default: str) -> str:
        """Return the path that an environment variable holds, else `default` in the home."""
        return self.variable(variable) or os.path.join(self.home, default)

    def below(self, variable: str, name: str, default: str) -> str:
        """Return the path of `name` in the folder of a variable, else `default` in the home."""
        folder = self.variable(variable)
        return f"{folder.rstrip('/')}/{name}" if folder else os.path.join(self.home, default)


@dataclass(frozen=True)
class Entry:
    """What to write at one place of a file.

    Parameters:
    - at: the keys, tables or sections that lead there.
    - values: pairs of name and value: plain data, in order; where the format allows it, a name may
      repeat.
    """

    at: tuple[str, ...]
    values: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class FileChange:
    """What to write into a file. Parameters: `path`, absolute; `format`, its format's name."""

    path: str
    format: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class LinkChange:
    """A symlink at `path` that leads to `target`, both absolute."""

    path: str
    target: str


@dataclass(frozen=True)
class Plan:
    """What one setup changes: `files` and `links`; and `notes` on what a person has to do."""

    files: tuple[FileChange, ...] = ()
    links: tuple[LinkChange, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """How a program ended: exit `status` (127 when it is not there), `stdout` and `stderr`."""

    status: int
    stdout: bytes = field(default=b"", repr=False)
    stderr: bytes = field(default=b"", repr=False)


# Runs a program to its end: words, stdin, variables on top of the environment.
Ask = Callable[..., Outcome]


@dataclass(frozen=True)
class Finding:
    """What a check saw: `token`, what the tool would send, or else `trouble` and a `hint`.

    `instead` describes what a tool got that wants something else than a token; it holds no secret.
    """

    token: str = field(default="", repr=False)
    instead: str = ""
    trouble: str = ""
    hint: str | None = None


def shadowed(what: str, hint: str) -> Finding:
    """Return the finding that something else in the tool's settings comes before ours."""
    return Finding(trouble=f"{what}, which comes first", hint=hint)


def hosts_only(request: WiringRequest, what: str) -> None:
    """Raise UsageError for a service with a path, where the tool asks by the host alone.

    Parameters:
    - what: those services in plural, as the tool calls them.
    """
    if request.service.path:
        raise UsageError(
            f"{what} are asked for by their host alone, and {request.service} has a path",
            hint=f"let the profile cover the host: {command('--service', request.service.origin)}",
        )


def takes_tokens(tool: str, service: Service | None) -> None:
    """Raise UnsupportedActionError for a host that takes no token, whatever its port and path.

    Parameters:
    - service: None where the profile alone counts.
    """
    wanted = _OTHERS.get(service.host) if service else None
    if service and wanted:
        program = "podman" if tool == "containers" else "docker"
        raise UnsupportedActionError(
            f"{service.host} takes {wanted} and no JWT: no token of yours will be accepted there",
            hint=f"log in there with those: {command(program, 'login', service.netloc)}",
        )


def set_before(environ: Mapping[str, str], names: Iterable[str]) -> Finding | None:
    """Return that finding if one of these variables is set, which the tool prefers to its file."""
    for name in names:
        if environ.get(name):
            return shadowed(f"{name} is set", command("unset", name))
    return None
