"""Checks of configured tools: their files, our path there, their version, and what they get."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from functools import partial

from credhelper.broker.context import Context
from credhelper.cli.context import state_folder
from credhelper.cli.doctor.profiles import TOKEN
from credhelper.cli.doctor.project import project_files
from credhelper.cli.doctor.result import Check, Outcome, SkippedError, passed, warned
from credhelper.cli.setup.check import arguments_of, require_complete, verify
from credhelper.cli.setup.profile import likely
from credhelper.config import child
from credhelper.core.text import command, printable, shell_word
from credhelper.errors import ConfigError, CredhelperError, NotFoundError
from credhelper.setup import ask, journal, load
from credhelper.setup.journal import Journal, Setup
from credhelper.setup.program import NAME

# What a wiring needs: how the tool is asked for its version, and the lowest that reads our lines.
# Sources: docs/setup.md; git's release notes for 2.9 (an empty helper clears the list); the
# changelog of Kubernetes 1.22 (client.authentication.k8s.io/v1).
VERSIONS = {
    "git": (("git", "--version"), (2, 9)),
    "pip": (("pip", "--version"), (23, 1)),
    "cargo": (("cargo", "--version"), (1, 74)),
    "go": (("go", "version"), (1, 24)),
    "kubectl": (("kubectl", "version", "--client"), (1, 22)),
}
# Where one of these fails, the journal is not believed, for the same reason.
_JOURNAL = (("folder", "state"), ("owners", "state"), ("modes", "state"))
_VERSION = re.compile(r"\bv?(?:go)?(\d+)\.(\d+)")
# A path to a program of ours within a line of some tool's file, with a blank escaped or not.
_OUR_PATH = re.compile(r"/(?:[^\s'\"]|\\ )*/[\w.-]*credhelper[\w.-]*(?![\w/.-])")


def setups(context: Context, tool: str | None) -> tuple[Journal, list[Setup]]:
    """Return the journal, and the setups in it of `tool`, or of all tools. Raises CacheError."""
    known = journal.read(state_folder(context.environ))
    return known, [one for one in known.setups if tool in (None, one.tool)]


def checks(context: Context, tool: str | None, *, offline: bool) -> list[Check]:
    """Return the checks of the setups of `tool`, or of all tools where it is None."""
    try:
        known, found = setups(context, tool)
    except CredhelperError as error:
        return [Check("journal", "", partial(raised, error), _JOURNAL)]
    result = (
        [Check("wired", tool, partial(raised, _not_set_up(tool)), _JOURNAL)]
        if tool and not found
        else []
    )
    for one in found:
        result += _of_setup(context, one, known, offline=offline)
    if tool:
        result.append(Check("project files", tool, partial(_project_files, tool)))
    return result


def _of_setup(context: Context, one: Setup, known: Journal, *, offline: bool) -> list[Check]:
    about = f"{one.tool} {one.service}"
    needs = [
        ("folder", "cache"),
        ("record", "cache"),  # two tokens that no cache keeps cannot be compared
        ("path", ""),
        ("chosen profile", ""),
        ("file", about),
        ("program", about),
        ("version", about),
    ]
    try:
        owner = likely(context, arguments_of(one))[1]
        needs.append((TOKEN, owner))
    except CredhelperError:
        pass  # the check itself tells what is wrong
    return [
        # First: some files are read by the tool.
        Check("version", about, partial(_version, context, one.tool)),
        Check("file", about, partial(_file, one, known), (("version", about),)),
        Check("program", about, partial(_program, context, one), (("path", ""), ("file", about))),
        Check(
            "answer",
            about,
            partial(_answer, context, one, known, offline=offline),
            (("config", ""), *needs),
        ),
    ]


def raised(error: CredhelperError) -> Outcome:
    """Raise `error`: for a check of what went wrong before it could look."""
    raise error


def _not_set_up(tool: str) -> CredhelperError:
    return NotFoundError(
        f"{tool} is not set up by credhelper",
        hint=command("credhelper", "setup", tool, "--service", "URL"),
    )


def _file(one: Setup, known: Journal) -> Outcome:
    require_complete(one, known)
    paths = [known.files[target].path for target, _ in one.entries]
    where = ", ".join(dict.fromkeys([*paths, *one.links]))
    return passed(f"what setup wrote is in {where}" if where else "setup needed no line of its own")


def programs_of(one: Setup) -> list[str]:
    """Return the paths of programs of ours that a setup wrote, each once."""
    found = [*one.links.values()]
    for _, entry in one.entries:
        for text in _texts([value for _, value in entry.values]):
            found += [path.replace("\\ ", " ") for path in _OUR_PATH.findall(text)]
    return list(dict.fromkeys(found))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def is_moved(one: Setup) -> bool:
    """Tell whether a program of ours that a setup wrote is not there any more."""
    return any(not os.path.exists(path) for path in programs_of(one))


def _names_of(one: Setup) -> list[str]:
    """Return the name by which a tool calls our program, where setup wrote no path of it."""
    texts = [text for _, entry in one.entries for text in _texts([v for _, v in entry.values])]
    if not texts or programs_of(one):
        return []
    by_shell = any(text.removeprefix("!").startswith(f"{NAME} ") for text in texts)
    return [NAME] if by_shell else [load(one.tool).PROGRAMS[0]]


def _program(context: Context, one: Setup) -> Outcome:
    paths = programs_of(one)
    for path in paths:
        if not os.path.exists(path):
            raise ConfigError(
                f"it calls {printable(path)}, which is not there any more",
                hint="credhelper doctor --fix",
            )
        if child.find(path, context.environ) is None:
            raise ConfigError(
                f"it calls {printable(path)}, which is not a program that can be run",
                hint=command("chmod", "u+x", path),
            )
    names = _names_of(one)
    for name in names:
        _try_out(context, name)
    if names:
        return passed(f"it calls {names[0]} by its name, and that runs")
    return passed(f"it calls {', '.join(paths)}" if paths else "it calls no program of ours")


def _try_out(context: Context, name: str) -> None:
    """Raise NotFoundError if PATH leads to no program of ours by one of our names."""
    path = child.find(name, context.environ)
    own = os.path.dirname(sys.executable)
    there = child.find(os.path.join(own, name), context.environ)
    again = f"install credhelper again: {printable(own)} has no {name} that runs"
    if path is None:
        raise NotFoundError(
            f"it calls {name} by its name, and PATH does not lead there",
            hint=f'export PATH="$PATH":{shell_word(own)}' if there else again,
        )
    told = ask.asker(context.environ)([path, "--help"])
    # `credhelper` itself says "Usage: ".
    words = (told.stdout + told.stderr).lower()
    if b"usage: " not in words or NAME.encode() not in words:
        raise NotFoundError(
            f"the first {name} on PATH, {printable(path)}, is not credhelper's, or does not run",
            hint=f"remove it, or put {printable(own)} before its folder in PATH"
            if there and os.path.realpath(there) != os.path.realpath(path)
            else again,
        )


def _version(context: Context, tool: str) -> Outcome:
    if tool not in VERSIONS:
        return passed("any will do")
    words, least = VERSIONS[tool]
    program = child.find(words[0], context.environ)
    if program is None:
        raise NotFoundError(f"{words[0]} is not on PATH", hint=f"install {tool}, or set PATH")
    try:
        status, output = child.run([program, *words[1:]], context.environ, ask.TIMEOUT)
    except (OSError, child.Unfinished):
        status, output = 1, b""
    told = _VERSION.search(output.decode("utf-8", "replace"))
    if status or not told:
        raise NotFoundError(f"{program} does not tell its version", command(program, *words[1:]))
    version = int(told[1]), int(told[2])
    wanted = ".".join(map(str, least))
    if version < least:
        raise NotFoundError(
            f"{program} is {told[1]}.{told[2]}: what setup wrote needs {wanted} or newer",
            hint=f"install a newer {tool}",
        )
    return passed(f"{told[1]}.{told[2]}; {wanted} or newer is needed")


def _answer(context: Context, one: Setup, known: Journal, *, offline: bool) -> Outcome:
    if offline:
        raise SkippedError("--offline")
    works = verify(context, arguments_of(one), known)[2]
    return passed(f"the tool gets {works}")


def _project_files(tool: str) -> Outcome:
    found = project_files(tool, os.getcwd())
    if not found:
        return passed("none here sets what setup sets")
    shown = "; ".join(f"{printable(path)} sets {printable(key)}" for path, key in found)
    return warned(f"{shown}: {tool} may read that instead", "see whether that is meant")
